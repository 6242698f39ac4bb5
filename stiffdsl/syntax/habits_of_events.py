"""Common mistakes in `when` blocks and assertions, and the messages for them."""

from collections.abc import Callable

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.syntax.context import ErrorContext, written
from stiffdsl.syntax.recover import blocks

_NESTED = ("IF_BLOCK", "WHEN", "FOR")


def nested_in_event(p: ErrorContext) -> bool:
    """Whether the wrong token begins a block among the actions of a `when`."""
    return p.token.type in _NESTED and not p.line and _inside(p)


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
    _nested,
    _otherwise,
    _action,
    _assertion,
)
