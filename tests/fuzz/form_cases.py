"""Texts made of the forms of the language by chance: events, tables, enumerations, blocks of choices, functions of
several lines, bundles, delays, fields, networks, tests. A message or a model, never a fault; formatted, the same."""

from collections.abc import Callable
from random import Random
from typing import Any

from .mutation_cases import compiled, expected
from .outcome import Mismatch

UNITS = ("", "", "", " [s]", " [K]", " [m/s]", " [1]", " [degC]")
SIMPLE = (
    "x",
    "y",
    "z",
    "time",
    "k",
    "1",
    "0.5",
    "2 [s]",
    "on",
    "mode",
    "u",
    "c[1]",
    "c",
    "sky.T",
    "p.x",
    "x[1]",
    "n",
)


class _Text:
    """A model that grows by lines. Mostly what is mentioned is declared, and fits; sometimes it does not."""

    def __init__(self, rng: Random):
        self.rng = rng
        self.beside: list[str] = []
        self.declared: list[str] = []
        self.equations: list[str] = []
        self.names = ["k", "time", "u", "1", "0.5", "2"]
        # Forms of an expression that what is declared allows, with places for two others.
        self.calls = ["noevent({a})", "delay({a}, k)", "delay({a}, 0.5)", "matmul(A, {{{a}, {b}}})[1]"]
        self.odd = rng.random() < 0.4

    def pick(self, good: tuple[str, ...], bad: tuple[str, ...]) -> str:
        """One of those that fit, or, in odd texts, sometimes one that does not."""
        return self.rng.choice(bad if self.odd and self.rng.random() < 0.2 else good)

    def expression(self, depth: int = 2) -> str:
        rng = self.rng
        if depth <= 0 or rng.random() < 0.3:
            return self.pick(tuple(self.names), SIMPLE)
        a, b = (self.expression(depth - 1) for _ in range(2))
        common = (
            f"{a} + {b}",
            f"({a})*({b})",
            f"-({a})",
            f"({a})/(1 + ({b})^2)",
            f"(if {self.condition(depth - 1)} then {a} else {b})",
            f"min({a}, {b})",
            f"sum(({a})*i for i in 1..3)",
            f"sin({a})",
            *(call.format(a=a, b=b) for call in self.calls),
        )
        wrong = (
            f"{{{a}, {b}}}",
            f"ocv({a})",
            f"drop({b})",
            "div(2*grad(c))",
            f"{a} [K]",
            f"({a} at 0)",
            "der(x)",
        )
        return self.pick(common, wrong)

    def condition(self, depth: int = 1) -> str:
        a, b = self.expression(depth), self.expression(depth)
        simple = f"{a} {self.rng.choice(('<', '>', '<=', '>='))} {b}"
        forms = (simple, simple, f"not ({simple})", f"({simple}) or time > 1", f"{simple} and {b} > 0")
        return self.pick(forms, ("on", "mode == warm", f"{a} == {b}", "x"))

    def unit(self) -> str:
        return self.pick(("",), UNITS)

    # --- forms ---

    def table(self) -> None:
        count = self.rng.randint(1, 4) if not self.odd else self.rng.randint(0, 2)
        rows = ", ".join(f"({k}, {self.rng.uniform(-2, 2):.3g})" for k in range(count))
        line = f"table ocv{self.rng.choice(('', f'(q{self.unit()}){self.unit()}'))} = {{{rows}}}"
        self.rng.choice((self.beside, self.declared)).append(line)
        self.declared.append("table grid(a, b) = {(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)}")
        self.calls += ["ocv({a})", "grid({a}, {b})"]

    def enumeration(self) -> None:
        self.beside.append("enum Mode {cold, warm, hot}")
        self.declared.append(f"discrete mode : Mode = {self.pick(('cold', 'Mode.warm'), ('k', '1'))}")
        self.calls.append("(if mode == warm then {a} else {b})")
        self.equations.append(
            f"when {self.condition()}\n    mode := {self.pick(('hot', 'cold'), ('1', 'x'))}\n  end"
        )

    def function(self) -> None:
        body = self.pick(("q^2", "if q > 1 then q else 2*q", "q + 1"), ("f(q)", "q + k", "q["))
        self.beside.append(f"function f(q) = {body}")
        lines = "\n".join(
            f"  r{k} = {self.pick(('v*d', 'sqrt(1 + v^2)', 'd'), ('r1', 'x'))}" for k in range(2)
        )
        end = self.pick(("return r0*r1", "return r1", "return v + r0"), ("", "r0"))
        default = self.pick((" = 0.1", " = 2"), ("", " = 2 [m]"))
        self.beside.append(f"function drop(v, d{default})\n{lines}\n  {end}\nend")
        self.calls += ["f({a})", "drop({a}, {b})", "drop({a}, d = {b})", "drop({a})"]

    def event(self) -> None:
        number = len(self.declared)
        name = f"on{number}"
        self.declared.append(f"discrete {name} = {self.pick(('1', '0', 'k'), ('true', 'x'))}")
        self.names.append(name)
        trigger = self.pick(
            (self.condition(), "every 1 from 0.5", "start", f"{name} > 2 or start"), ("every x", "on")
        )
        acts = self.pick(
            (f"{name} := 1 - {name}", f"{name} := {self.expression(1)}", 'stop "end"'), ("k := 0", "x := 0")
        )
        lines = f"when {trigger}\n    {acts}\n"
        if self.rng.random() < 0.4 and not trigger.startswith(("every", "start")):
            lines += f"  elsewhen {self.condition()}\n    {name} := {self.expression(1)}\n"
        self.equations.append(lines + "  end")
        if self.rng.random() < 0.2:
            self.equations.append(f'assert {self.condition()}, "broken"')

    def choice(self) -> None:
        name = f"v{len(self.declared)}"
        a, b, c = (f"{name} = {self.expression(1)}" for _ in range(3))
        self.declared.append(f"var {name}")
        middle = f"elseif {self.condition()} then\n    {b}\n  " if self.rng.random() < 0.3 else ""
        more = f"\n    {c}" if self.odd and self.rng.random() < 0.2 else ""
        self.equations.append(f"if {self.condition()} then\n    {a}\n  {middle}else\n    {b}{more}\n  end")
        self.names.append(name)

    def bundle(self) -> None:
        self.beside.append("connector Sky\n  input T = 1\n  input wind = 2\nend")
        self.beside.append(
            "model Under\n  input sky : Sky\n  var x start 1\nequations\n  der(x) = sky.T - x\nend"
        )
        given = self.pick(("",), (" = sky", ' = epw("none.epw")', " = 3", " [K]"))
        self.declared.append(f"input sky : {self.pick(('Sky',), ('Skye', 'Under'))}{given}")
        self.declared.append(f"part under : Under(sky = {self.pick(('sky',), ('u', 'k', 'under'))})")
        self.names += ["sky.T", "sky.wind", "under.x"]

    def part(self) -> None:
        self.beside.append(
            "model Part\n  param k = 1\n  input w = 0\n  var x start 1\nequations\n  der(x) = w - k*x\nend"
        )
        wrong = ("(sky = sky)", "(k ~ normal(1, 1))", "(k = x)", "(q = 1)")
        given = self.pick(("", "(k = 2)", f"(w = {self.expression(1)})", "(x start 3)"), wrong)
        size = self.rng.choice(("", "[2]", "[n]"))
        self.declared.append(f"part p{size} : Part{given}{self.pick(('',), (' if n > 1', ' if k > 1'))}")
        self.names.append("p.x" if not size else "p[1].x")

    def field(self) -> None:
        shape = self.rng.choice(("", " spherical", " cylindrical", " grading 1.1"))
        cells = self.pick(
            ("cells 4", f"cells n{shape}", "at {0, 0.2, 1}", f"cells 5{shape}"), ("cells 0", "cells x", "")
        )
        self.declared.append(
            f"field c(r){self.unit()} over 0..1 {cells} start {self.pick(('1', 'k'), ('x', 'c'))}"
        )
        flux = self.pick(
            ("div(2*grad(c))", "div(c*grad(c)) - k*c", "-div(upwind(1, c))"), ("grad(c)", "c", "div(c)")
        )
        self.equations.append(f"der(c) = {flux}")
        for end in ("0", "1"):
            laws = (f"grad(c) at {end} = 0", f"c at {end} = k", f"-2*grad(c) at {end} = c at {end}")
            self.equations.append(
                self.pick(laws, ("k = 1", f"c at {end} = 1\n  c at {end} = 2", "grad(c) at 3 = 0"))
            )
        self.names += ["c[1]", "mean(c)", "(c at 1)"]

    def network(self) -> None:
        ends = self.pick(
            ("", " activation gelu", " seed 3", " scale a by 2, rate by 2"), (" activation none", " seed x")
        )
        line = f"network g(a, b) -> rate hidden {self.pick(('4', '4, 4', 'n'), ('0', 'k'))}{ends}"
        self.rng.choice((self.beside, self.declared)).append(line)
        self.calls.append("g({a}, {b})")

    def law(self) -> None:
        name = f"x{len(self.declared)}"
        self.names.append(name)
        self.declared.append(f"var {name}{self.unit()} start {self.pick(('1', 'k', '0.5'), ('x', 'time'))}")
        self.equations.append(f"{self.pick((f'der({name})',), (name, 'der(x)'))} = {self.expression()}")

    def written(self) -> str:
        rng = self.rng
        body = [
            "const n = 2",
            "const L = 1 [m]",
            "param k = 1",
            "param A[2, 2] = {{1, 2}, {3, 4}}",
            "input u = 0",
        ]
        body = [line for line in body if not self.odd or rng.random() < 0.95] + self.declared
        model = "\n  ".join(["model M", *body]) + "\nequations\n  " + "\n  ".join(self.equations) + "\nend\n"
        test = ""
        if rng.random() < 0.15:
            at = self.pick(("at 1",), ("over time", ""))
            expect = f"expect {self.expression(1)} {at} = 1 within 0.1"
            test = f'\ntest "t"\n  set k = 2\n  simulate time 0..1\n  {expect}\nend\n'
        return "\n\n".join([*self.beside, model]) + test


def forms(rng: Random, keep: dict[str, Any]) -> None:
    """A text of some forms through the formatter and the compiler."""
    text = _Text(rng)
    chances: tuple[Callable[[], None], ...] = (
        text.table,
        text.enumeration,
        text.function,
        text.event,
        text.choice,
        text.bundle,
        text.part,
        text.field,
        text.network,
        text.law,
    )
    taken = rng.sample(chances, rng.randint(1, 4))
    for form in (*taken, text.law, *rng.choices((text.law, text.choice, text.event), k=rng.randint(0, 2))):
        form()
    keep["features"] = sorted(form.__name__ for form in taken)
    keep["text"] = written = text.written()
    _formatted(written)
    if "\ntest " in written:
        expected(written)
    compiled(written, None if rng.random() < 0.25 else "check")


def _formatted(text: str) -> None:
    """Where a text can be read, its formatted one is read as the same, and stays as it is."""
    from stiffdsl.diagnostics import ModelError, Source
    from stiffdsl.syntax.format import format_source
    from stiffdsl.syntax.parse import parse

    try:
        read = parse(Source("made.sml", text))
    except ModelError:
        return
    told = format_source(Source("made.sml", text))
    if parse(Source("made.sml", told)) != read:
        raise Mismatch("a formatted text that says something else", told)
    if format_source(Source("made.sml", told)) != told:
        raise Mismatch("a formatted text that is formatted once more", told)
