"""Texts of the library with a few tokens changed: a message or a model, never a fault, in bounded time."""

import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from .outcome import Mismatch
from .random_model import random_model

ROOT = Path(__file__).resolve().parents[2]
TOKEN = re.compile(r"\s+|\w+|\d+\.?\d*(?:[eE][+-]?\d+)?|\"[^\"\n]*\"|==|!=|<=|>=|->|<->|\.\.|:=|.", re.DOTALL)
NUMBER = re.compile(r"\d")
TESTS = re.compile(r'^\s*test\s*"', re.MULTILINE)
NUMBERS = (
    "0",
    "1",
    "2",
    "-1",
    "0.5",
    "1e-300",
    "1e300",
    "1e999",
    "3.7",
    "17",
    "1e9",
    "1000000000",
    "007",
    "1.2.3",
)
WORDS = (
    *(
        "der",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "^",
        "*",
        "/",
        "+",
        "-",
        "=",
        "==",
        "<",
        ",",
        ".",
        "..",
        ":",
        "@",
        "->",
    ),
    *(
        "if",
        "then",
        "else",
        "for",
        "in",
        "end",
        "model",
        "param",
        "var",
        "const",
        "input",
        "output",
        "part",
        "port",
    ),
    *(
        "connect",
        "equations",
        "initial",
        "reactions",
        "extends",
        "start",
        "guess",
        "when",
        "time",
        "pi",
        "sum",
    ),
    *(
        "min",
        "max",
        "sqrt",
        "x",
        "i",
        "N",
        "\n",
        "#",
        '"',
        "[degC]",
        "[m]",
        "and",
        "not",
        "é",
        "\x00",
        "function",
    ),
    *(
        "discrete",
        "elseif",
        "stop",
        "network",
        "import",
        "from",
        "0",
        "1..3",
        "sum(i for i in 1..3)",
        "^-1",
        "%",
    ),
    *(
        "test",
        "set",
        "simulate",
        "expect",
        "at",
        "over",
        "within",
        "of",
        '"a"',
        "over time",
        "at 1",
        "final(x)",
    ),
    *(
        "~",
        "~ normal(0, 1)",
        "~ lognormal(0, 1)",
        "random",
        "covariate",
        "observe",
        "dose",
        "per",
        "per occasion",
    ),
    *(
        "table",
        "field",
        "every 2 from 1",
        "elsewhen",
        ":=",
        "assert",
        "noevent(",
        "delay(x, 1)",
        "grad(",
        "div(",
        "-> rate hidden 4",
        "over 0..1 cells 4",
        'epw("f.epw")',
        'csv("f.csv")',
        "{(0, 1), (1, 2)}",
        "matmul(",
        "return",
        "enum",
        ": Weather",
        "nominal 2",
        "cells",
        "grading",
        "spherical",
        "upwind(",
        "limited(",
        "mean(",
        "at 0",
        "at R",
        "T.x",
    ),
)
# Beyond this many characters, and for these files, compiling takes seconds: they are mostly checked only.
LARGE = (
    "car_axis",
    "slider_crank",
    "transistor_amplifier",
    "building",
    "cooled_hall",
    "pendulum",
    "capacitor_loop",
)


@cache
def texts() -> tuple[tuple[str, str], ...]:
    files = (*sorted((ROOT / "models").rglob("*.sml")), *sorted((ROOT / "tests").rglob("*.sml")))
    found = [(path.stem, path.read_text(encoding="utf-8")) for path in files]
    pages = [page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md"))]
    block = (
        r"```(?:sml \S+)?\n((?:model|from|import|connector|enum|test|table|network|function|const) .*?)```"
    )
    blocks = [found for page in pages for found in re.findall(block, page, re.DOTALL)]
    return (*found, *(("docs", block) for block in blocks))


def mutations(rng: Random, keep: dict[str, Any]) -> None:
    """One mutated text through the compiler."""
    name, text = rng.choice(texts()) if rng.random() < 0.75 else ("random", random_model(rng, 2).text)
    keep["text"] = text = mutated(text, rng)
    keep["features"] = [name]
    full = rng.random() < (0.02 if name in LARGE else 0.3)
    model = compiled(text, None if full else "check")
    if TESTS.search(text):
        expected(text)
    if full and model is not None:
        drawn(model)


def expected(text: str) -> None:
    """The tests of a text: read, or diagnostics. They are not run."""
    from stiffdsl.diagnostics import ModelError, Source
    from stiffdsl.testing import tests_in

    with suppress(ModelError):
        tests_in(Source("mutated.sml", text))


def drawn(model: Any) -> None:
    """Values by the distributions of a model: as many as asked for, or a reason in words."""
    uncertain = model.program.system.flat.uncertainty.parameters
    if not uncertain:
        return
    try:
        found = model.draw(3)
    except ValueError as error:
        if not str(error).strip():
            raise Mismatch("an error without words", "") from error
        return
    missing = {d.block.name for d in uncertain} - set(found)
    if missing or any(len(lanes) != 3 for lanes in found.values()):
        raise Mismatch("a draw", str(missing))


def compiled(text: str, stop_after: str | None) -> Any:
    """The model compiled from a text, or None where the compiler reports diagnostics."""
    from stiffdsl.diagnostics import ModelError, Source, render
    from stiffdsl.pipeline import compile_model

    try:
        return compile_model(Source("mutated.sml", text), stop_after=stop_after)
    except ModelError as error:
        if not error.diagnostics:
            raise Mismatch("an error without a diagnostic", "") from error
        for d in error.diagnostics:
            told = render(d)
            if "Traceback" in told or not d.title.strip():
                raise Mismatch("a message", told) from error
        return None


def mutated(text: str, rng: Random) -> str:
    """The text with one to four tokens deleted, doubled, swapped, replaced or inserted."""
    tokens = TOKEN.findall(text)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        if len(tokens) < 4:
            break
        k = rng.randrange(len(tokens))
        match rng.randrange(8):
            case 0:
                del tokens[k]
            case 1:
                tokens.insert(k, tokens[rng.randrange(len(tokens))])
            case 2:
                other = rng.randrange(len(tokens))
                tokens[k], tokens[other] = tokens[other], tokens[k]
            case 3 | 4:
                tokens.insert(k, rng.choice(WORDS))
            case 5:
                numbers = [n for n, t in enumerate(tokens) if NUMBER.match(t)]
                if numbers:
                    tokens[rng.choice(numbers)] = rng.choice(NUMBERS)
            case 6:
                tokens[k] = rng.choice(WORDS)
            case _:
                lines = "".join(tokens).splitlines(keepends=True)
                n = rng.randrange(len(lines))
                lines[n : n + 1] = rng.choice(([], [lines[n]] * 2, [lines[n - 1]]))
                tokens = TOKEN.findall("".join(lines))
    return "".join(tokens)
