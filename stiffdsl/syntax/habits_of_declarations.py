"""Habits in what declares and sets values: attributes in parentheses, ranges, times, sections and macros of others.

Every message shows the line as it is written here, with the values that stand in it.
"""

from collections.abc import Callable
from itertools import pairwise

from lark import Token

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.syntax.context import ErrorContext, written
from stiffdsl.syntax.foreign_sections import declared_in
from stiffdsl.syntax.modelica import brackets, modifiers_of, variable
from stiffdsl.syntax.recover import FOREIGN_BLOCKS, SECTIONS, as_section, blocks

# The first words of other languages for what is declared, and the kind here; a start value where it is a state.
KINDS = {
    "parameter": "param", "constant": "const", "let": "param", "global": "param", "static": "param", "val": "param",
    "par": "param", "compartment": "param", "number": "param", "aux": "param",
    "variable": "var", "state": "var", "species": "var", "substance": "var", "unknown": "var", "algebraic": "var",
    "local": "var", "auto": "var", "init": "var", "initial": "var", "wiener": "var",
}  # fmt: skip
DISTRIBUTIONS = {
    "normal", "lognormal", "uniform", "beta", "gamma", "exponential", "student_t", "cauchy", "half_normal", "poisson",
    "half_cauchy", "inv_gamma", "bernoulli", "weibull", "Normal", "LogNormal", "Uniform", "Beta", "Gamma",
    "Exponential", "loguniform", "triangular", "truncated_normal", "multi_normal", "neg_binomial",
}  # fmt: skip
_BOUNDS = {"from", "bounds", "bound", "range", "within", "between", "limits", "lb", "domain"}
_TIME_UNITS = {
    "s",
    "sec",
    "seconds",
    "min",
    "minutes",
    "h",
    "hr",
    "hours",
    "d",
    "day",
    "days",
    "ms",
    "us",
    "year",
    "years",
}
# Times of a run as others call them.
_ENDS = {"StopTime", "StartTime", "tspan", "TSPAN", "tstop", "tend", "t_end", "tfinal", "stop", "t"}
_BETWEEN_ENDS = {"LSQB", "RSQB", "LPAR", "RPAR", "LBRACE", "RBRACE", "COMMA", "COLON", "DOTDOT", "NEWLINE"}
_MACROS = {
    "parameters": "a line for each: `param k = 1`, with a range `param k = 1 in 0.1..10`",
    "constants": "a line for each: `param k = 1`",
    "variables": "a line for each: `var x start 1`",
    "unknowns": "a line for each: `var x start 1`",
    "species": "a line for each: `var A start 1`",
    "equations": "the line `equations`, and below it `der(x) = -k*x`",
    "components": "a line for each: `part r : Resistor(R = 100)`",
    "extend": "what a model extends on its first line: `model M extends Base(R = 1)`",
    "structural_parameters": "a line for each: `const n = 3`",
    "brownian": "what is random in a parameter: `param k = 1 ~ normal(1, 0.1)`",
}
_PYTHON = {
    "numpy", "scipy", "math", "jax", "matplotlib", "sympy", "casadi", "torch", "pandas", "pybamm", "diffrax", "os",
    "sys", "tellurium", "assimulo", "pyomo", "gekko", "cmath",
}  # fmt: skip
_MACRO_KINDS = {
    "parameters": "param",
    "constants": "param",
    "variables": "var",
    "unknowns": "var",
    "species": "var",
}


def _attributes(p: ErrorContext) -> Diagnostic | None:
    """`var y(start = 2)`, `param k(unit = "1/s") = 3`, `var x[3](each start = 1)`, `var x(t)`."""
    line = p.statement
    if p.first is None or p.first.type != "KIND" or p.token.type != "LPAR" or len(p.line) < 2:
        return None
    name, (_, rest) = p.line[1], brackets(line[2:], "LSQB", "RSQB")
    inside, behind = brackets(rest, "LPAR", "RPAR")
    if rest[:1] != [p.token]:
        return None
    if modifiers_of(inside):
        shown = variable(str(p.first), "", name, line[2:])
        return p.say(f"`{name}` takes no arguments here", help=f"write `{shown}`")
    if [str(t) for t in inside] in (["0"], ["0.0"]) and behind[:1] and behind[0].type == "EQUAL":
        shown = variable("var", "", name, behind, start=True)
        return p.say("a value at the start stands behind `start`", help=f"write `{shown}`")
    if [str(t) for t in inside] in (["t"], ["time"]):
        shown = f"{p.first} {name}"
        if behind[:1] and behind[0].type == "EQUAL":
            shown = variable("var", "", name, behind, start=True)
        return p.say("an unknown depends on time without being said so", help=f"write `{shown}`")
    return None


def _range(p: ErrorContext) -> Diagnostic | None:
    """`param k = 1 in [0, 5]`, `in (0, 5)`, `in 0:5`, `in 0, 5`."""
    if p.first is None or p.first.type not in ("KIND", "NAME"):
        return None
    line = p.statement
    if (
        p.first.type == "KIND"
        and p.token.type == "LPAR"
        and p.before is not None
        and p.before.type == "NUMBER"
    ):
        ends = ends_of(line[len(p.line) :])
        help = f"write `in {ends[0]}..{ends[1]}`" if ends else None
        return p.say("a range stands behind `in`", help=help) if ends else None
    if p.first.type == "KIND" and p.token in _BOUNDS:
        ends = ends_of(line[len(p.line) + 1 :])
        help = f"write `in {ends[0]}..{ends[1]}`" if ends else "write `in 0.5..2`"
        return p.say("a range stands behind `in`", help=help)
    if all(t.type != "IN" for t in p.line):
        return None
    if p.first.type == "NAME" and p.first not in KINDS:
        return None
    at = next(k for k, t in enumerate(line) if t.type == "IN")
    ends = ends_of(line[at + 1 :])
    if ends is None or p.token.type not in ("LSQB", "COLON", "COMMA", "NUMBER", "NAME", "MINUS"):
        return None
    return p.say("a range is written `low..high`", on=line[at + 1], help=f"write `in {ends[0]}..{ends[1]}`")


def ends_of(tokens: list[Token]) -> tuple[str, str] | None:
    """The two numbers of a range as others write it: with brackets, commas, colons, or `to` between them."""
    found: list[str] = []
    sign = ""
    for token in tokens:
        if token.type == "NUMBER" or (token.type == "NAME" and token not in ("to", "inf")):
            found.append(sign + str(token))
            sign = ""
        elif token.type == "MINUS":
            sign = "-"
        elif token.type not in _BETWEEN_ENDS and token != "to":
            return None
        if token.type in ("NEWLINE", "RSQB", "RPAR", "RBRACE"):
            break
    return (found[0], found[1]) if len(found) == 2 else None


def _time(p: ErrorContext) -> Diagnostic | None:
    """`time 0:10`, `time [0, 10]`, `time (0, 10)`, `tspan [0 10]`, in the section `experiment`."""
    line = [t for t in p.statement if t.type != "NEWLINE"]
    first = line[0] if line else p.token
    if first != "time" and first not in _ENDS:
        return None
    if section_of(p) != "EXPERIMENT":
        return None
    rest = line[2:] if line[1:2] and line[1].type == "EQUAL" else line[1:]
    if any(t.type == "DOTDOT" for t in rest):
        return _behind_times(p)
    ends = ends_of([t for t in rest if t.type != "UNIT"]) or _in_unit(rest)
    if ends is None and len(rest) == 1 and rest[0].type == "NUMBER":
        ends = "0", str(rest[0])
    shown = f"time {ends[0]}..{ends[1]}" if ends else "time 0..10"
    return p.say("the times of a run are a range", on=first, help=f"write `{shown}`")


def _behind_times(p: ErrorContext) -> Diagnostic | None:
    """`time 0..10 h`, `time 0..10 points 5`."""
    if p.token.type != "NAME" or p.before is None or p.before.type not in ("NUMBER", "UNIT", "RSQB"):
        return None
    if p.token in _TIME_UNITS:
        return p.say("a unit stands in brackets", help=f"write `{written(p.line)} [{p.token}]`")
    return p.say(
        "a comma stands between settings", help=f"write `, {p.token} {p.after}`, or a line of its own"
    )


def _in_unit(tokens: list[Token]) -> tuple[str, str] | None:
    """The ends in brackets that were read as a unit: `[0, 10]`."""
    text = next((str(t).strip("[] ") for t in tokens if t.type in ("UNIT", "UNIT_TEXT")), "")
    parts = text.replace(",", " ").replace(":", " ").split()
    return (parts[0], parts[1]) if len(parts) == 2 else None


def section_of(p: ErrorContext) -> str | None:
    """The section that the token stands in, by the type of its word; None before the first one."""
    for token in reversed(p.stream[: p.at]):
        if token.type in SECTIONS.values():
            return token.type
        if token.type in ("MODEL", "CONNECTOR"):
            return None
    return None


def _annotation(p: ErrorContext) -> Diagnostic | None:
    """`annotation(experiment(StopTime = 10, Tolerance = 1e-6))`, `experiment(StopTime = 10)`, `simulate 0..10`."""
    first = p.first if p.first is not None else p.token
    in_test = any(opener.type == "TEST" for opener in blocks(p.stream[: p.at]))
    if first == "simulate" and not in_test and ("CONNECT" in p.accepted or p.line):
        ends = ends_of(p.statement[1:])
        help = f"write a line `experiment` and a line `time {ends[0]}..{ends[1]}`" if ends else None
        return (
            p.say("the times of a run stand in the section `experiment`", on=first, help=help)
            if ends
            else None
        )
    if first not in ("annotation", "experiment") or first.type != "NAME":
        return None
    values = {}
    for a, b, c in zip(p.statement, p.statement[1:], p.statement[2:], strict=False):
        if a.type == "NAME" and b.type == "EQUAL" and c.type == "NUMBER":
            values[str(a)] = str(c)
    if "StopTime" not in values:
        return (
            None
            if first == "experiment"
            else p.say("no statement begins with `annotation` here", on=first, help="leave it out")
        )
    shown = f"time {values.get('StartTime', '0')}..{values['StopTime']}"
    shown += f", rtol {values['Tolerance']}" if "Tolerance" in values else ""
    help = f"write, below the equations, a line `experiment` and a line `{shown}`"
    return p.say("an experiment is a section of its own", on=first, help=help)


def _macro(p: ErrorContext) -> Diagnostic | None:
    """Julia's `@parameters k = 3`, `@variables x(t) = 1`, `@mtkmodel M begin`."""
    begins = not p.line or (p.line[-1].line or 0) < (p.token.line or 0)
    if not p.line and p.token in ("using", "include", "library", "require"):
        found = next((k for k, t in enumerate(p.statement) if t.type == "AT"), None)
        if found is None:
            return p.say(f"no statement begins with `{p.token}` here", help="leave the line out")
        at = p.at + found
        p = ErrorContext(
            p.source, p.stream[at], p.stream[at - 1], p.stream[at + 1], [], p.stream, at, p.accepted
        )
    elif p.token.type != "AT" or not begins or p.after is None:
        return None
    # `@` continues a line: those of several macros are one statement.
    rest = [t for t in p.statement[len(p.line) :] if t.type != "NEWLINE"]
    marks = [k for k, t in enumerate(rest) if t.type == "AT"]
    macros = [rest[k + 1 : end] for k, end in zip(marks, [*marks[1:], len(rest)], strict=True)]
    word, names = str(p.after), [t for t in macros[0][1:] if t.type == "NAME" and t != "begin"]
    if word in ("mtkmodel", "reaction_network", "model") and names:
        help = f"write `model {names[0]}`, and `end` after its last statement"
        return p.say(f"there is no `@{word}`", help=help)
    shown = [
        f"`{one}`"
        for macro in macros
        if macro and str(macro[0]) in _MACRO_KINDS and "begin" not in [str(t) for t in macro]
        for one in _declared(macro[1:], _MACRO_KINDS[str(macro[0])])
    ]
    if shown:
        more = ", a line for each" if len(shown) > 1 else ""
        where = "inside of a model, " if "CONNECTOR" in p.accepted else ""
        return p.say(f"there is no `@{word}`", help=f"write {where}{', '.join(shown)}{more}")
    form = _MACROS.get(word)
    return p.say(f"there is no `@{word}`", help=f"write {form}" if form else "leave the line out")


def _declared(line: list[Token], kind: str) -> list[str]:
    """The declarations of the names in `line`: `k = 3, m`, `t x(t) = 1 y(t)`, `S1 in C, S2 in C`."""
    found: list[str] = []
    at = 0
    dynamic = any(b.type == "LPAR" for b in line[1:])
    while at < len(line):
        token, at = line[at], at + 1
        if token.type != "NAME":
            continue
        inside, rest = brackets(line[at:], "LPAR", "RPAR")
        at = len(line) - len(rest)
        if line[at : at + 1] and line[at].type == "IN":
            at += 2
        value = None
        if line[at : at + 1] and line[at].type == "EQUAL":
            end = at + 1
            while end < len(line) and line[end].type != "COMMA" and not _begins(line, at, end):
                end += 1
            value, at = written(line[at + 1 : end]), end
        if token == "t" and not inside and value is None and dynamic:
            continue  # Julia's independent variable
        if kind in ("param", "const"):
            found.append(f"{kind} {token} = {value or 1}")
        else:
            found.append(f"var {token} start {value or 0}")
    return found


def _begins(line: list[Token], equal: int, at: int) -> bool:
    """Whether the next name begins at `at`, behind a value that ends there without a comma."""
    before, token = line[at - 1], line[at]
    return at > equal + 1 and token.type == "NAME" and before.type in ("NUMBER", "NAME", "RPAR", "RSQB")


def _foreign_kind(p: ErrorContext) -> Diagnostic | None:
    """`species S1 = 10`, `let q = 3`, `state x = 1`, `init x = 1`: a first word of others and its names."""
    line = [t for t in p.statement if t.type not in ("NEWLINE", "AT")]
    first = line[0] if line else p.token
    if first.type not in ("NAME", "INITIAL") or str(first).lower() not in KINDS or len(p.line) > 1:
        return None
    late = "CONNECT" in p.accepted or "TIMES" in p.accepted
    if not line[1:2] or line[1].type != "NAME" or not (late or p.accepted & {"KIND", "CONNECTOR"}):
        return None
    if as_section(p.statement) is not None or (late and not p.line and p.token is not first):
        return None
    shown = [f"`{s}`" for s in _declared(line[1:], KINDS[str(first).lower()])]
    if not shown:
        return None
    more = ", a line for each" if len(shown) > 1 else ""
    where = ", in a model" if "CONNECTOR" in p.accepted else ", above the sections of the model" * late
    return p.say(
        f"no statement begins with `{first}` here", on=first, help=f"write {', '.join(shown)}{more}{where}"
    )


def _start_value(p: ErrorContext) -> Diagnostic | None:
    """`x(0) = 1` among the declarations."""
    line = [t for t in p.statement if t.type != "NEWLINE"]
    if (
        "KIND" not in p.accepted
        or len(p.line) > 1
        or [t.type for t in line[:3]] != ["NAME", "LPAR", "NUMBER"]
    ):
        return None
    if [t.type for t in line[3:5]] != ["RPAR", "EQUAL"] or float(line[2]) != 0:
        return None
    help = f"write `var {line[0]} start {written(line[5:])}`"
    return p.say("a value at the start stands with its unknown", on=line[0], help=help)


def _derivative(p: ErrorContext) -> Diagnostic | None:
    """`d/dt x = -x`, `d/dt(x) = -x`; where no equation can stand `dx/dt = -x` too."""
    line = [t for t in p.statement if t.type != "NEWLINE"]
    words = [str(t) for t in line[:4]]
    equal = next((k for k, t in enumerate(line) if t.type == "EQUAL"), None)
    if equal is not None and len(words) == 4 and words[0] == "d" and words[2:4] == ["/", "d"] and equal == 5:
        words, line = ["d" + words[1], "/", "dt", "="], [*line[:3], *line[equal:]]
        line[0], equal = Token.new_borrow_pos("NAME", words[0], line[0]), 3
        help = f"write `der({words[0][1:]}) = {written(line[4:])}`"
        return p.say("a derivative by time is `der(x)`", on=line[0], help=help)
    if equal is None or words[1:3] != ["/", "dt"] or not words[0].startswith("d"):
        return None
    if words[0] == "d":
        name = [t for t in line[3:equal] if t.type not in ("LPAR", "RPAR")]
        if not name or len(p.line) > 3 + ("CONNECT" in p.accepted):
            return None
        shown = written(name)
    elif equal == 3 and "CONNECT" not in p.accepted and len(p.line) <= 1:
        shown = words[0][1:]
    else:
        return None
    help = f"write `der({shown}) = {written(line[equal + 1 :])}` in the section `equations`"
    return p.say("a derivative by time is `der(x)`", on=line[0], help=help)


def _tilde(p: ErrorContext) -> Diagnostic | None:
    """`D(x) ~ -k*x` of Julia, `k ~ lognormal(0, 1)` of Stan."""
    line = [t for t in p.statement if t.type != "NEWLINE"]
    at = next((k for k, t in enumerate(line) if t.type == "TILDE"), None)
    if at is None or len(p.line) > at or line[0].type not in ("NAME", "NUMBER", "LPAR") or at == 0:
        return None
    of_operator = line[0] == "Differential"
    if p.token.type != "TILDE" and len(p.line) > 1 and not of_operator:
        return None
    left, right = line[:at], line[at + 1 :]
    if any(t.type in ("EQUAL", "AT") for t in left):
        return None
    if [t.type for t in left] == ["NAME"] and is_distribution(right):
        help = (
            f"write `param {left[0]} = 1 ~ {written(right)}` among the declarations (1: its value where nothing is "
            f"drawn), or `observe y ~ {written(right)}` for what is measured"
        )
        return p.say("a distribution stands with its parameter", on=line[at], help=help)
    shown = written(left)
    if left[0] in ("D", "Dt", "Differential") and left[1:2] and left[1].type == "LPAR":
        first, rest = brackets(left[1:], "LPAR", "RPAR")
        inner = written(brackets(rest, "LPAR", "RPAR")[0] if of_operator and rest else first)
        shown = f"der({inner.removesuffix('(t)')})"
    if not right:
        return None
    where = "" if "CONNECT" in p.accepted or p.token.type == "TILDE" else " in the section `equations`"
    return p.say("an equation has `=`", on=line[at], help=f"write `{shown} = {written(right)}`{where}")


def is_distribution(tokens: list[Token]) -> bool:
    """Whether all of the tokens are a call of a distribution."""
    types = [t.type for t in tokens]
    return types[:2] == ["NAME", "LPAR"] and types[-1] == "RPAR" and str(tokens[0]) in DISTRIBUTIONS


def _section_in_braces(p: ErrorContext) -> Diagnostic | None:
    """`parameters { real k; }` and `model { k ~ lognormal(0, 1); }` of Stan, on one line."""
    line = p.statement
    first = line[0]
    braces = [t for t in line[:3] if t.type == "LBRACE"]
    if not braces or len(p.line) > 2:
        return None
    if str(first) in FOREIGN_BLOCKS and first.type == "NAME":
        help = declared_in(p, str(first)) or FOREIGN_BLOCKS[str(first)]
        return p.say(f"there is no section `{first}`", on=first, help=help)
    return None


def _model_in_braces(p: ErrorContext) -> Diagnostic | None:
    """Stan's `model {` with distributions in it."""
    line = p.statement
    if line[0].type not in ("MODEL", "NAME") or line[0] != "model" or len(p.line) > 1:
        return None
    if not line[1:2] or line[1].type not in ("BLOCK", "LBRACE"):
        return None
    begin = next(k for k, t in enumerate(p.stream) if t is line[1])
    for k in range(begin + 1, len(p.stream) - 1):
        if p.stream[k].type == "TILDE" and p.stream[k - 1].type == "NAME":
            end = k
            while end < len(p.stream) and p.stream[end].type not in ("NEWLINE", "RBRACE"):
                end += 1
            shown = written(p.stream[k + 1 : end])
            help = (
                f"write `model Name`, in it `param {p.stream[k - 1]} = 1 ~ {shown}` with its declaration, "
                "`observe y ~ normal(x, 0.1)` for what is measured, and `end` after its last statement"
            )
            return p.say("a model has a name, and stands in no braces", on=line[0], help=help)
    return None


def _starred(p: ErrorContext) -> Diagnostic | None:
    """Antimony's `model *toy()`."""
    line = p.statement
    if line[0] != "model" or len(p.line) > 1 or not line[1:3] or line[1].type != "TIMES":
        return None
    return p.say("a model begins with its name", on=line[0], help=f"write `model {line[2]}`")


def _component(p: ErrorContext) -> Diagnostic | None:
    """Simscape's `component spring`, `component(Propagation = blocks) cap`."""
    line = [t for t in p.statement if t.type not in ("NEWLINE", "COLON", "BLOCK")]
    if not line or line[0] != "component" or len(p.line) > 1 or "CONNECTOR" not in p.accepted:
        return None
    names = [t for t in brackets(line[1:], "LPAR", "RPAR")[1] if t.type == "NAME"]
    if not names:
        return None
    help = f"write `model {names[0]}`; of its `end`s those of sections are left out"
    return p.say("no statement begins with `component` here", on=line[0], help=help)


def _python_import(p: ErrorContext) -> Diagnostic | None:
    """`import numpy as np`, `from math import exp`."""
    line = p.statement
    if line[0].type not in ("IMPORT", "FROM") or not line[1:2] or str(line[1]) not in _PYTHON:
        return None
    help = "leave the line out: `sin`, `exp`, `sqrt` and the like are there; `import` brings in models of other files"
    return p.say(f"`{line[1]}` is no file of models", on=line[1], help=help)


def _behind_semicolon(p: ErrorContext) -> Diagnostic | None:
    """`a = 1; b = 2`: the sign itself was told and left out."""
    before, token = p.before, p.token
    if before is None or not p.line or before.line != token.line or token.type == "NEWLINE":
        return None
    text = p.source.text.split("\n")[(token.line or 1) - 1]
    if ";" not in text[(before.end_column or 1) - 1 : (token.column or 1) - 1]:
        return None
    return p.say("a statement stands on a line of its own", help=f"begin a line with `{token}`")


def _long_arrow(p: ErrorContext) -> Diagnostic | None:
    """`A --> B`, `A => B; k*A`, Catalyst's `k, A --> B`."""
    line = [t for t in p.statement if t.type != "NEWLINE" and t.line == p.token.line]
    types = [t.type for t in line]
    pairs = list(pairwise(types))
    if ("MINUS", "ARROW") in pairs:
        at = pairs.index(("MINUS", "ARROW"))
        left, right = line[:at], line[at + 2 :]
    elif ("EQUAL", "COMPARE") in pairs and line[pairs.index(("EQUAL", "COMPARE")) + 1] == ">":
        at = pairs.index(("EQUAL", "COMPARE"))
        left, right = line[:at], line[at + 2 :]
    else:
        return None
    if at and line[at].end_column != line[at + 1].column:
        return None
    rate = ""
    if "COMMA" in [t.type for t in left[:-1]]:
        comma = next(k for k, t in enumerate(left) if t.type == "COMMA")
        rate, left = f" @ {written(left[:comma])}", left[comma + 1 :]
    text = p.source.text.split("\n")[(line[0].line or 1) - 1]
    if ";" in text and not rate:
        products, _, behind = text[(line[at + 1].end_column or 1) - 1 :].partition(";")
        rate = f" rate {behind.strip().rstrip(';')}" if behind.strip(" ;") else ""
        shown = f"{written(left) or '0'} -> {products.strip() or '0'}{rate}"
    else:
        shown = f"{written(left) or '0'} -> {written(right) or '0'}{rate}"
    where = "" if "ARROW" in p.accepted or section_of(p) == "REACTIONS" else ", below a line `reactions`"
    return p.say("the arrow of a reaction is `->` or `<->`", on=line[at], help=f"write `{shown}`{where}")


def _program(p: ErrorContext) -> Diagnostic | None:
    """Lines of a program outside of all models: `D = Differential(t)`, `eqs = [D(x) ~ -k*x]`, `k = 0.5`."""
    line = [t for t in p.statement if t.type != "NEWLINE"]
    types = [t.type for t in line]
    if "CONNECTOR" not in p.accepted or types[:2] != ["NAME", "EQUAL"] or len(p.line) > 1:
        return None
    if "TILDE" in types:
        shown = [f"`{one}`" for one in _equations_in(line, types)[:4]]
        help = f"write {', '.join(shown)} below the line `equations` of a model, a line for each"
        return p.say(
            "equations stand in a model",
            on=line[0],
            help=help.removesuffix(", a line for each") if len(shown) < 2 else help,
        )
    if len(line) > 2 and line[2] == "Differential":
        return p.say(
            "a derivative by time needs no operator of its own",
            on=line[0],
            help="leave it out: it is `der(x)`",
        )
    return p.say("a value stands in a model", on=line[0], help=_in_model(line))


def _equations_in(line: list[Token], types: list[str]) -> list[str]:
    """The equations of `[D(x) ~ -k*x, D(y) ~ x]`."""
    found = []
    for at in (k for k, kind in enumerate(types) if kind == "TILDE"):
        begin = (
            max((k for k in range(at) if types[k] in ("LSQB", "COMMA", "EQUAL", "NEWLINE")), default=1) + 1
        )
        left, depth, end = line[begin:at], 0, at + 1
        while end < len(line) and (depth or types[end] not in ("COMMA", "RSQB")):
            depth += (types[end] in ("LPAR", "LSQB")) - (types[end] in ("RPAR", "RSQB"))
            end += 1
        inner = brackets(left[1:], "LPAR", "RPAR")[0]
        derivative = inner and left[0] in ("D", "Dt", "Differential")
        shown = f"der({written(inner).removesuffix('(t)')})" if derivative else written(left)
        found.append(f"{shown} = {written(line[at + 1 : end])}")
    return found


def _in_model(line: list[Token]) -> str:
    form = "between `model Name` and `end`"
    if [t.type for t in line] == ["NAME", "EQUAL", "NUMBER"]:
        return f"write `param {line[0]} = {line[2]}` {form}"
    return f"declarations, and equations below a line `equations`, stand {form}"


DECLARATION_RULES: tuple[Callable[[ErrorContext], Diagnostic | None], ...] = (
    _attributes, _range, _time, _annotation, _macro, _section_in_braces, _model_in_braces, _starred, _component,
    _python_import, _derivative, _tilde, _long_arrow,
)  # fmt: skip
# Asked when no other rule knows the line.
STATEMENT_RULES: tuple[Callable[[ErrorContext], Diagnostic | None], ...] = (
    _foreign_kind,
    _start_value,
    _program,
)
