"""Whatever the text: a tree, or a `ModelError` with messages; never another exception, never a long wait."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.syntax.format import format_source
from stiffdsl.syntax.lexer import tokens
from stiffdsl.syntax.parse import parse

MODELS = sorted((Path(__file__).parents[2] / "models").rglob("*.sml"))


def survives(text: str) -> None:
    source = Source("m.sml", text)
    start = time.process_time()
    told, module = (), None
    try:
        module = parse(source)
    except ModelError as error:
        told = error.diagnostics
    lines = text.count("\n") + text.count("\r") + 1
    assert all(d.code.startswith("E01") and d.labels[0].span.line <= lines for d in told)
    if module is not None:
        assert parse(Source("m.sml", format_source(source))) == module
    assert time.process_time() - start < 30


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_mutated_models(path):
    text = path.read_text(encoding="utf-8")
    chance = random.Random(path.stem)
    pieces = list(tokens(text, []))
    for _ in range(8):
        a, b = sorted(chance.choices(pieces, k=2), key=lambda t: t.start_pos or 0)
        before, middle, after = text[: a.start_pos], text[a.end_pos : b.start_pos], text[b.end_pos :]
        survives(before + middle + str(b) + after)  # one is left out
        survives(text[: a.end_pos] + f" {b} " + text[a.end_pos :])  # one is doubled
        survives(before + str(b) + middle + str(a) + after)  # two are swapped
        survives(text[: a.start_pos])  # the end is missing
        at = chance.randrange(len(text))
        survives(text[:at] + chance.choice("()[]{}\"'#;=\n\0\té→:.,@\\") + text[at:])


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_any_text(text):
    survives(text)


WORDS = (
    "model M end equations reactions for in if then else when var param x y 1 2.5 = == := + - * / ^ ( ) [ ] { } , "
    '. .. : @ -> \n \n \n " # start connect extends partial function every stop not and'
)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(WORDS.split(" ")), max_size=60))
def test_any_tokens(words):
    survives(" ".join(words))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "model M\nequations\n x = " + "(" * 5000 + "1" + ")" * 5000 + "\nend\n",
        "model M\nequations\n x = " + "-" * 5000 + "1\nend\n",
        "model M\nequations\n x = " + "sin(" * 5000 + "1" + ")" * 5000 + "\nend\n",
        "model M\nequations\n" + " for i in 1..2\n" * 5000 + " end\n" * 5000 + "end\n",
        "model M\n" * 3000,
        "end\n" * 3000,
        "=\n" * 3000,
        "model M\nequations\n" + "  x = (1\n" * 3000 + "end\n",
        ";" * 50_000,
        "/*" * 50_000,
        '"' * 50_000,
        "x" * 1_000_000,
        "1" * 100_000,
    ],
    ids=lambda t: f"{t[:12]!r}*{len(t)}",
)
def test_much_of_a_bad_thing(text):
    survives(text)


def test_a_long_sum_is_no_deep_nesting():
    parse(Source("m.sml", "model M\nequations\n  x = " + " + ".join(["k*x"] * 20_000) + "\nend\n"))


def test_a_loop_of_c_that_ends_early():
    with pytest.raises(ModelError):
        parse(Source("m.sml", "model M {\nequations\n  for (i = 1; i <="))
