"""Common mistakes in `when` blocks and assertions, and the messages for them."""

from collections.abc import Callable
from itertools import pairwise

from lark import Token

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.syntax.context import ErrorContext, written
from stiffdsl.syntax.recover import blocks

_NESTED = ("IF_BLOCK", "WHEN", "FOR")


def nested_in_event(p: ErrorContext) -> bool:
    """Whether the wrong token begins a block among the actions of a `when`."""
    return p.token.type in _NESTED and not p.line and _inside(p)


def outside_of_event(p: ErrorContext) -> bool:
    """Whether the wrong token is the `elsewhen` of a `when` that is closed."""
    return p.token.type == "ELSEWHEN" and not p.line and not _inside(p)


def _otherwise_behind(p: ErrorContext) -> Diagnostic | None:
    if not outside_of_event(p):
        return None
    before = next((t for t in reversed(p.stream[: p.at]) if t.type != "NEWLINE"), None)
    if before is not None and before.type == "END":
        help = "leave out the `end` above it: one `end` behind the last branch closes them all"
    else:
        help = "the first condition has a `when`"
    return p.say("an `elsewhen` stands inside of its `when`", help=help)


def _assigned(p: ErrorContext) -> Diagnostic | None:
    """`n := 2` of a discrete variable beside the equations."""
    if p.token.type != "ASSIGN" or not p.line or _inside(p) or not _is_discrete(p, p.line[0]):
        return None
    name = written(p.line)
    note = f"`{p.line[0]}` changes at events only; its value at the start is `discrete {p.line[0]} = …`"
    help = f"write `when condition`, `{name} := …` on a line of its own, and `end`"
    return p.say("`:=` belongs in a `when`", help=help, notes=(note,))


def _is_discrete(p: ErrorContext, name: Token) -> bool:
    """Whether a line above declares `discrete name`."""
    pairs = pairwise(p.stream[: p.at])
    return any(a == "discrete" and b == name for a, b in pairs)


def _two_actions(p: ErrorContext) -> Diagnostic | None:
    """`x := 1, v := 2`."""
    if not any(t.type == "ASSIGN" for t in p.line) or not _inside(p):
        return None
    rest = p.statement[len(p.line) : -1]
    second = rest[1:] if p.token.type == "COMMA" else rest
    if len(second) < 2 or second[0].type != "NAME" or not any(t.type == "ASSIGN" for t in second):
        return None
    return p.say("each action has a line of its own", help=f"write `{written(second)}` on the next line")


def _nested(p: ErrorContext) -> Diagnostic | None:
    if not nested_in_event(p):
        return None
    if p.token.type == "IF_BLOCK":
        help = "choose in the value, `on := if c then 1 else on`, or write a `when` for each condition"
    elif p.token.type == "WHEN":
        help = "join the conditions, `when a and b`, or close the first `when` with `end`"
    else:
        help = "write the `for` around the `when`"
    return p.say(f"the actions of a `when` hold no `{p.token}`", help=help)


def _otherwise(p: ErrorContext) -> Diagnostic | None:
    if p.token.type not in ("ELSE", "ELSE_BLOCK") or p.line or not _inside(p):
        return None
    help = "an event is what happens when a condition turns true: `elsewhen` with the other condition"
    return p.say("a `when` has no `else`", help=help)


def _action(p: ErrorContext) -> Diagnostic | None:
    """A line among the actions that is none."""
    if not p.line or not _inside(p):
        return None
    first, line = p.line[0], p.statement[:-1]
    if first == "der" and p.token.type in ("LPAR", "NAME"):
        help = "set the variable itself, or a `discrete` variable that its equation holds"
        return p.say("an event sets variables, not derivatives", on=first, help=help)
    if first == "stop" and p.token.type == "NEWLINE" and len(p.line) == 1:
        return p.say("a `stop` says why", on=first, help='write `stop "full"`')
    at = next((k for k, t in enumerate(line) if t.type in ("PLUS", "MINUS", "TIMES", "OVER")), None)
    if at and line[at + 1 : at + 2] and line[at + 1].type == "EQUAL" and "ASSIGN" not in line[: at + 1]:
        left, right = written(line[:at]), written(line[at + 2 :])
        return p.say(
            f"there is no `{line[at]}=`", on=line[at], help=f"write `{left} := {left} {line[at]} {right}`"
        )
    return None


def _assertion(p: ErrorContext) -> Diagnostic | None:
    if p.first is None or p.first != "assert" or p.token.type != "NEWLINE" or "COMMA" not in p.accepted:
        return None
    return p.say("an `assert` says what is wrong", on=p.before, help=f'write `{written(p.line)}, "text"`')


def _inside(p: ErrorContext) -> bool:
    """Whether the line stands among the actions of a `when`."""
    open_ = blocks(p.stream[: p.at - len(p.line)])
    return bool(open_) and open_[-1].type == "WHEN"


EVENT_RULES: tuple[Callable[[ErrorContext], Diagnostic | None], ...] = (
    _otherwise_behind,
    _assigned,
    _two_actions,
    _nested,
    _otherwise,
    _action,
    _assertion,
)
