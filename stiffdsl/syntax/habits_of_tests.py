"""Common mistakes in `test` blocks, and the messages for them."""

from collections.abc import Callable
from itertools import pairwise

from stiffdsl.diagnostics import Diagnostic, did_you_mean
from stiffdsl.syntax.context import ErrorContext
from stiffdsl.syntax.recover import blocks

_LINES = ("set", "simulate", "expect")
# What other tools call the lines of a test.
_FOREIGN = {
    "assert": "expect", "check": "expect", "require": "expect", "verify": "expect", "should": "expect",
    "given": "set", "let": "set", "with": "set", "param": "set", "const": "set", "input": "set", "var": "set",
    "run": "simulate", "solve": "simulate", "experiment": "simulate", "time": "simulate time",
}  # fmt: skip
_NEAR = ("tol", "tolerance", "approx", "rtol", "atol", "to", "about", "within", "+", "-")
EXAMPLE = "`expect x at 10 = 0.5 within 1e-4`"


def _head(p: ErrorContext) -> Diagnostic | None:
    """The line that begins a test."""
    if p.token.type == "TEST":
        if "KIND" in p.accepted or "EQUATIONS" in p.accepted or "CONNECT" in p.accepted:
            return p.say("a test stands beside the models, not in one", help="move it below the `end`")
        return None
    if p.token == "test" and p.token.type == "NAME" and not p.line and "TEST" in p.accepted:
        return p.say("a test has a name in quotes", help='write `test "steady state"`')
    if p.first is None or p.first.type != "TEST":
        return None
    if "STRING" in p.accepted and len(p.line) == 1:
        name = p.after if p.token == "(" else p.token
        shown = (
            str(name).strip('"') if name is not None and name.type in ("NAME", "STRING") else "steady state"
        )
        return p.say("a test has a name in quotes", help=f'write `test "{shown}"`')
    if p.token in ("for", "on", "in") or p.token.type == "FOR":
        return p.say(f"a test is `of` a model, not `{p.token}` one", help=f"write `of {p.after}`")
    if p.token.type in ("SET", "SIMULATE", "EXPECT") or p.token in _LINES:
        return p.say(f"`{p.token}` begins a line of its own", help="end the line before it")
    if p.token.type == "COLON":
        return p.say("a test needs no `:`", help="leave it out")
    return None


def _line(p: ErrorContext) -> Diagnostic | None:
    """A line of a test that begins as none does."""
    if p.line or not _inside(p) or p.token.type in ("END", "NEWLINE"):
        return None
    word = str(p.token)
    meant = _FOREIGN.get(word)
    if meant is None and p.after is not None and p.after.type in ("EQUAL", "DOT", "LSQB", "ASSIGN"):
        help = f"write `set {word} = …` for a value, or `expect {word} = …` for what is to come out"
        return p.say("a line of a test begins with `set`, `simulate` or `expect`", help=help)
    help = f"write `{meant}`" if meant else did_you_mean(word, _LINES)
    return p.say("a line of a test begins with `set`, `simulate` or `expect`", help=help)


def _set(p: ErrorContext) -> Diagnostic | None:
    if p.first is None or p.first.type != "SET":
        return None
    if p.token.type == "ASSIGN":
        return p.say("`set` takes `=`", help="write `=`")
    if p.token.type == "NEWLINE" and "EQUAL" in p.accepted:
        return p.say("which value is set?", on=p.before, help=f"write `{p.first} {p.before} = 1`")
    if p.token.type == "NAME" and "COMMA" in p.accepted and p.after is not None and p.after.type == "EQUAL":
        return p.say("a comma stands between values that are set", help=f"write `, {p.token} = …`")
    return None


def _simulate(p: ErrorContext) -> Diagnostic | None:
    if p.first is None or p.first.type != "SIMULATE" or len(p.line) > 1:
        return None
    if p.token.type in ("NUMBER", "FOR") or p.token in ("until", "to"):
        return p.say("how long is simulated is said as in `experiment`", help="write `simulate time 0..10`")
    return None


def _expect(p: ErrorContext) -> Diagnostic | None:
    if p.first is None or p.first.type != "EXPECT":
        return None
    compares = any(t.type in ("EQUAL", "COMPARE") for t in p.line)
    if p.token.type == "NEWLINE" and "EQUAL" in p.accepted and not compares:
        return p.say("an expectation compares two values", on=p.before, help=f"write {EXAMPLE}")
    if p.token.type in ("AND", "OR") or (compares and p.token.type in ("COMPARE", "EQUAL")):
        return _second(p)
    if p.token.type == "IN" and not compares:
        return _second(p)
    if p.token == "over":
        return p.say("a stretch of time stands inside of a function", help="write `max(x over time)`")
    if p.token == "at":
        return p.say("behind `at` stands a number, a name or parentheses", help="write `x at (2*T)`")
    if p.token == "within" and p.after is not None and p.after.type == "NEWLINE":
        return p.say("how near must it be?", help="write `within 1e-4`, or with a unit `within 0.1 [K]`")
    if not compares and p.token in ("approx", "about", "near", "equals"):
        return p.say("what is near is written with `=` and `within`", help=f"write {EXAMPLE}")
    if compares and p.token in _NEAR:
        return p.say("a tolerance follows `within`", help="write `within 1e-3`")
    return None


def _second(p: ErrorContext) -> Diagnostic:
    """A second comparison, or one of another form, in an expectation."""
    timed = next((b for a, b in pairwise(p.line) if a.type == "INSTANT" and b == "t"), None)
    if p.token.type == "EQUAL" and timed is not None:
        return p.say("the time stands behind `at` as a number", on=timed, help=f"write {EXAMPLE}")
    return p.say("an expectation compares two values", help="write a line `expect` for each comparison")


def _inside(p: ErrorContext) -> bool:
    """Whether the place is inside of a test."""
    open_ = blocks(p.stream[: p.at])
    return bool(open_) and open_[-1].type == "TEST"


TEST_RULES: tuple[Callable[[ErrorContext], Diagnostic | None], ...] = (_head, _line, _set, _simulate, _expect)
