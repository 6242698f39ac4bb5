"""Habits of other languages, and the messages that show the form that works here.

Blocks of Python and C, loops and choices of MATLAB, Simscape's and Stan's sections, reactions as in Antimony. Every
message shows the line as it is written here where that can be said. Declarations of Modelica: `modelica`.
"""

from collections.abc import Callable
from itertools import pairwise

from lark import Token

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.syntax.context import ErrorContext, written
from stiffdsl.syntax.foreign_sections import declared_in
from stiffdsl.syntax.habits_of_declarations import DECLARATION_RULES, STATEMENT_RULES
from stiffdsl.syntax.modelica import declaration
from stiffdsl.syntax.recover import FOREIGN_BLOCKS, foreign_block

_HEADS = {
    "FOR": "for i in 1..N", "IF_BLOCK": "if condition then", "ELSEIF": "elseif condition then",
    "ELSE_BLOCK": "else", "WHEN": "when condition", "ELSEWHEN": "elsewhen condition", "MODEL": "model Name",
    "CONNECTOR": "connector Name",
}  # fmt: skip
_RUNS = {
    "ode15s", "ode15i", "ode23", "ode23s", "ode23t", "ode45", "solve_ivp", "odeint", "sim", "simulate", "solve",
    "ODEProblem", "dsolve", "plot",
}  # fmt: skip
_CHOICES = ("elif", "elsif", "elseif")


def another_language(place: ErrorContext) -> Diagnostic | None:
    """The diagnostic for a line written as in another language, None where it is no such line."""
    return next((found for rule in _RULES if (found := rule(place)) is not None), None)


def _block(p: ErrorContext) -> Diagnostic | None:
    """Blocks in braces, and blocks that begin with a colon."""
    brace, colon = _at(p, "BLOCK"), _at_end(p, "COLON")
    mark = brace if brace is not None else colon
    if (
        p.token.type == "LBRACE"
        and p.first is not None
        and p.first.type in ("FOR", "IF_BLOCK", "WHEN", "MODEL")
    ):
        mark = brace = p.token
    head = _head(p) if mark is not None else None
    if mark is None or head is None:
        return None
    if p.token is not mark and p.token.type not in ("NAME", "LPAR") and p.first is not None:
        return None
    end = "" if head.startswith("else") else ", and `end` on a line of its own after its last statement"
    what = "stands in no braces" if mark is brace else "begins without a `:`"
    return p.say(f"a block {what}", on=mark, help=f"write `{head}`{end}")


def _head(p: ErrorContext) -> str | None:
    """The first line of a block as it is written here."""
    line = [t for t in p.statement if t.type not in ("NEWLINE", "BLOCK")]
    if p.token.type == "LBRACE":
        line = p.line
    if line and line[-1].type == "COLON":
        line.pop()
    first = line[0] if line else p.token
    if first.type == "ELSE_BLOCK" and len(line) > 1:
        return f"elseif {_condition(line[2:])} then"
    if first in _CHOICES:
        return f"elseif {_condition(line[1:])} then"
    if first.type == "IF_BLOCK":
        return f"if {_condition(line[1:])} then"
    if first.type == "FOR":
        return _loop(line)
    if first.type in ("WHEN", "ELSEWHEN"):
        return f"{first} {_condition(line[1:])}"
    if first.type == "MODEL" and len(line) == 1:
        return "model Name"
    if first == "class" and len(line) > 1:
        return f"model {line[1]}"
    return written(line) if first.type in _HEADS else None


def _condition(line: list[Token]) -> str:
    """The condition at the front of `line`, without the parentheses around all of it."""
    ends = (k for k, t in enumerate(line) if t.type in ("THEN", "BLOCK", "COLON", "NEWLINE"))
    line = line[: next(ends, len(line))]
    depth, whole = 0, bool(line) and line[0].type == "LPAR"
    for k, token in enumerate(line):
        depth += (token.type == "LPAR") - (token.type == "RPAR")
        whole = whole and (depth > 0 or k == len(line) - 1)
    return written(line[1:-1] if whole else line) or "condition"


def _loop(line: list[Token]) -> str:
    """`for i in 1..N` for a loop over `range(N)`, over `1:N`, or with a counter."""
    names = [t for t in line[1:] if t.type == "NAME"]
    if not names:
        return _HEADS["FOR"]
    types = [t.type for t in line]
    if types[1] == "LPAR" and {"EQUAL", "COMPARE"} <= set(types[:-1]):
        low, high = line[types.index("EQUAL") + 1], line[types.index("COMPARE") + 1]
        return f"for {names[0]} in {low}..{high}"
    bounds = line[3:]
    if bounds and bounds[0] == "range" and bounds[-1].type == "RPAR":
        comma = next((k for k, t in enumerate(bounds) if t.type == "COMMA"), None)
        if comma is None:
            return f"for {names[0]} in 1..{written(bounds[2:-1])}"
        return f"for {names[0]} in {written(bounds[2:comma])}..{written(bounds[comma + 1 : -1])} - 1"
    colon = next((k for k, t in enumerate(bounds) if t.type == "COLON"), None)
    if colon is not None and all(t.type != "COLON" for t in bounds[colon + 1 :]):
        high = [t for t in bounds[colon + 1 :] if t not in ("loop", "do")]
        return f"for {names[0]} in {written(bounds[:colon])}..{written(high)}"
    high = [t for t in bounds if t not in ("loop", "do")]
    return f"for {names[0]} in {written(high) or '1..N'}"


def _loops(p: ErrorContext) -> Diagnostic | None:
    if p.first is None or p.first.type != "FOR":
        return None
    line = [t for t in p.statement if t.type != "NEWLINE"]
    if p.token.type == "COLON":
        return p.say("a range is written with `..`", help=f"write `{_loop(line)}`")
    if p.token.type == "EQUAL":
        return p.say("a loop is written with `in`", help=f"write `{_loop(line)}`")
    if p.token.type == "LPAR" and len(p.line) == 1:
        return p.say("a loop goes over a range", help=f"write `{_loop(line)}`")
    if p.token in ("loop", "do"):
        return p.say(f"a `for` needs no `{p.token}`", help="leave it out")
    return None


def _choice(p: ErrorContext) -> Diagnostic | None:
    """`elif c then`, `else if c then` in a block; `a if c else b` in an expression."""
    first = p.first if p.first is not None else p.token
    second = p.statement[1] if len(p.statement) > 1 else p.token
    if first in _CHOICES and first.type == "NAME" and len(p.line) <= 1 and p.token.type != "EQUAL":
        help = f"write `elseif {_condition(p.statement[1:])} then`"
        return p.say(f"there is no `{first}`", on=first, help=help)
    if first.type == "ELSE_BLOCK" and second.type == "IF_BLOCK" and p.token is second:
        help = f"write `elseif {_condition(p.statement[2:])} then`"
        return p.say("a further branch of a block is one word", on=second, help=help)
    if p.token.type == "IF" and p.before is not None and "TIMES" in p.accepted and p.first != "end":
        line = [t for t in p.statement if t.type != "NEWLINE"]
        types, here = [t.type for t in line], len(p.line)
        other = types.index("ELSE", here) if "ELSE" in types[here:] else None
        help = "write `if condition then a else b`"
        if other is not None and "EQUAL" in types[:here]:
            value = line[types.index("EQUAL") + 1 : here]
            condition, rest = written(line[here + 1 : other]), written(line[other + 1 :])
            help = f"write `if {condition} then {written(value)} else {rest}`"
        return p.say("a choice begins with its condition", help=help)
    return None


def _section(p: ErrorContext) -> Diagnostic | None:
    """`parameters`, `nodes`, `transformed parameters {`: sections of Simscape, blocks of Stan."""
    if p.line:
        return None
    line = [t for t in p.statement if t.type not in ("NEWLINE", "BLOCK")]
    word = str(line[-1]) if line else ""
    if word not in FOREIGN_BLOCKS or len(line) > 2 or any(t.type != "NAME" for t in line):
        return None
    told = written(line)
    help = declared_in(p, word) or FOREIGN_BLOCKS["quantities" if line[0] == "transformed" else word]
    return p.say(f"there is no section `{told}`", help=help)


def _function(p: ErrorContext) -> Diagnostic | None:
    """`function dydt = f(t, y)` of MATLAB, `def f(t, y):` of Python, functions with types of C and Stan."""
    line = p.statement
    if not foreign_block(line) or p.token.type == "BLOCK":
        return None
    brackets = [k for k, t in enumerate(line) if t.type == "LPAR"]
    name = line[brackets[0] - 1] if brackets and line[brackets[0] - 1].type == "NAME" else "f"
    help = (
        f"write `function {name}(x)`, lines `y = ...`, `return y` and `end`; "
        "a system of differential equations is a model: `var y start 1`, "
        "and `der(y) = -y` in its section `equations`"
    )
    return p.say("a function begins with its name and its parameters", on=line[0], help=help)


def _run(p: ErrorContext) -> Diagnostic | None:
    """A call of a solver in the file."""
    line = p.statement
    called = next((t for t, n in pairwise(line) if t in _RUNS and n.type == "LPAR"), None)
    if called is None or "CONNECTOR" not in p.accepted:
        return None
    help = "run it by `stiffdsl simulate FILE`; the section `experiment` of a model says `time 0..10`"
    return p.say(f"a file says what holds, and runs nothing: `{called}` stands elsewhere", help=help)


def _reaction(p: ErrorContext) -> Diagnostic | None:
    """`J1: A -> B; k*A`, reactions outside of their section, and equations in it."""
    line = [t for t in p.statement if t.type != "NEWLINE"]
    types = [t.type for t in line]
    if "ARROW" not in types:
        return _equation_among_reactions(p, line)
    here, arrow = len(p.line), types.index("ARROW")
    if here > arrow:
        if p.token.type in ("COMMA", "COLON") and here + 1 < len(line) and "AT" in p.accepted | {"AT"}:
            line, types = [*line[:here], *line[here + 1 :]], [*types[:here], *types[here + 1 :]]
        elif "AT" not in p.accepted or p.token.type not in ("NAME", "NUMBER", "LPAR"):
            return None
        sink = _sink(p, line, arrow)
        if sink is not None:
            return p.say("the rate of a reaction stands behind `rate`", help=sink)
        return p.say("the rate of a reaction stands behind `rate`", help=f"write {_rated(line, here)}")
    sides = line[1 if line and line[0].type == "COLON" else 0 : arrow]
    if "ARROW" in p.accepted or any(t.type in ("EQUAL", "CONNECT", "BLOCK") for t in sides):
        return None
    if "SPECIES" in p.accepted or not p.accepted & {"CONNECT", "KIND", "EQUAL"}:
        return None
    end = arrow + 1
    while (
        end < len(line) and (types[end] in ("NAME", "NUMBER", "PLUS", "TIMES")) and not _operands(types, end)
    ):
        end += 1
    help = "write `reactions` on a line before it"
    if (sink := _sink(p, line, arrow)) is not None:
        return p.say(
            "a reaction stands in the section `reactions`", on=line[0], help=f"{help}, and {sink[6:]}"
        )
    if end < len(line) and types[end] not in ("AT", "RATE"):
        help += f", and {_rated(line, end)}"
    return p.say("a reaction stands in the section `reactions`", on=line[0], help=help)


def _sink(p: ErrorContext, line: list[Token], arrow: int) -> str | None:
    """`A -> ; k*A` of Antimony: nothing stands behind the arrow, and then the rate."""
    text = p.source.text.split("\n")[(line[arrow].line or 1) - 1]
    products, _, rate = text[(line[arrow].end_column or 1) - 1 :].partition(";")
    if products.strip() or not rate.strip(" ;"):
        return None
    return f"write `{written(line[:arrow])} -> 0 rate {rate.strip(' ;')}`"


def _rated(line: list[Token], at: int) -> str:
    """A reaction with its rate, the words of `line` from `at` on."""
    sides, rate = written(line[:at]), line[at:]
    if any(t.type == "EQUAL" for t in rate):
        return f"`{sides} @ k` for a constant of mass action, `{sides} rate v` for a whole rate"
    if len(rate) == 1:
        return (
            f"`{sides} @ {rate[0]}` for a constant of mass action, `{sides} rate {rate[0]}` for a whole rate"
        )
    return f"`{sides} rate {written(rate)}`"


def _operands(types: list[str], at: int) -> bool:
    return types[at - 1] == "NAME" and types[at] in ("NAME", "NUMBER")


def _equation_among_reactions(p: ErrorContext, line: list[Token]) -> Diagnostic | None:
    """An equation, or the value of a constant, in the section of reactions."""
    foreign = any(t.type in ("AT", "RATE", "COMPARE") for t in line)
    if p.token.type != "EQUAL" or "ARROW" not in p.accepted or foreign:
        return None
    return p.say("an equation stands in the section `equations`", help=_before(line))


def _assignment(p: ErrorContext) -> Diagnostic | None:
    """`k = 0.1` before the sections of a model: a value, not an equation."""
    line = [t for t in p.statement if t.type != "NEWLINE"]
    if "KIND" not in p.accepted or "CONNECTOR" in p.accepted or p.line or not _is_value(line):
        return None
    return p.say("an equation stands before `equations`", help=_before(line))


def _is_value(line: list[Token]) -> bool:
    return [t.type for t in line[:3]] == ["NAME", "EQUAL", "NUMBER"] and (
        len(line) == 3 or line[3].type == "NAME"
    )


def _before(line: list[Token]) -> str:
    if _is_value(line):
        name, _, value = line[:3]
        others = [f"`{a}`" for a, b in pairwise(line[3:]) if b.type == "EQUAL"]
        more = f"; alike, on a line of its own, {', '.join(others)}" if others else ""
        return (
            f"a constant is `param {name} = {value}`, a value at the start `var {name} start {value}`{more}"
        )
    return "write `equations` on a line before it"


def _event(p: ErrorContext) -> Diagnostic | None:
    """Antimony's `at (time > 5): S1 = 3`."""
    if p.token.type != "COLON" or p.first != "at":
        return None
    condition = _condition(p.line[1:])
    return p.say(
        "what happens once stands in a `when`", on=p.first, help=f"write `when {condition}` and `end`"
    )


def _place(p: ErrorContext) -> Diagnostic | None:
    """Imports and models inside of a model."""
    if (
        p.line
        or "CONNECTOR" in p.accepted
        or p.token.type not in ("IMPORT", "FROM", "MODEL", "PARTIAL", "CONNECTOR")
    ):
        return None
    if p.token.type in ("IMPORT", "FROM"):
        return p.say(f"an `{p.token}` stands inside a model", help="move it before the models of the file")
    help = "models stand one after the other in a file: close the one above with `end`"
    return p.say(f"a `{p.token}` stands inside another one", help=help)


def _arguments(p: ErrorContext) -> Diagnostic | None:
    """`model M()`."""
    if p.token.type != "LPAR" or len(p.line) != 2 or p.line[0].type != "MODEL":
        return None
    return p.say("a model takes no arguments", help=f"write `model {p.before}`; a `param` is what can be set")


def _matrix(p: ErrorContext) -> Diagnostic | None:
    """`[1 2 3]` and `[1; 2]` where a value must stand."""
    if p.token.type != "LSQB" or not p.accepted >= {"NAME", "NUMBER", "LPAR", "LBRACE"}:
        return None
    if p.before is not None and p.before.type == "IN":
        return None
    text = p.source.text.split("\n")[(p.token.line or 1) - 1]
    if ";" in text[(p.token.column or 1) : (text.find("]", p.token.column or 1))]:
        return p.say("a matrix is an array of its rows", help="write `{{1, 2}, {3, 4}}`")
    rest = p.stream[p.at + 1 :]
    inside = rest[: next((k for k, t in enumerate(rest) if t.type in ("RSQB", "NEWLINE")), 0)]
    if not inside or any(t.type not in ("NUMBER", "NAME", "COMMA", "MINUS") for t in inside):
        return None
    values = [t for t in inside if t.type != "COMMA"]
    shown = ", ".join(map(str, values)) if all(t.type != "MINUS" for t in values) else "1, 2, 3"
    return p.say("an array is written in braces", help=f"write `{{{shown}}}`")


def _connect(p: ErrorContext) -> Diagnostic | None:
    """`connect(a, b)`."""
    if p.first is None or p.first.type != "NAME" or p.first != "connect" or p.token.type != "NEWLINE":
        return None
    inside = p.line[2:-1] if len(p.line) > 3 and p.line[1].type == "LPAR" else []
    shown = written(inside) if inside else "a.p, b.n"
    return p.say("`connect` takes no parentheses", on=p.first, help=f"write `connect {shown}`")


def _at(p: ErrorContext, kind: str) -> Token | None:
    return next((t for t in p.statement if t.type == kind), None)


def _at_end(p: ErrorContext, kind: str) -> Token | None:
    line = p.statement
    return line[-2] if len(line) > 1 and line[-1].type == "NEWLINE" and line[-2].type == kind else None


_RULES: tuple[Callable[[ErrorContext], Diagnostic | None], ...] = (
    *DECLARATION_RULES, _section, _function, _block, _loops, _choice, _run, _reaction, declaration, _assignment, _event,
    _place, _arguments, _matrix, _connect, *STATEMENT_RULES,
)  # fmt: skip
