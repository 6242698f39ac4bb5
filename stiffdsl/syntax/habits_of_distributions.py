"""Common mistakes in what is not certain (`~`, `random`, `observe`, `dose`), and the messages for them."""

from collections.abc import Callable

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.syntax.context import ErrorContext


def _tilde(p: ErrorContext) -> Diagnostic | None:
    if p.token.type == "TILDE" and p.first == "part" and p.before is not None and p.before.type == "NAME":
        name = f"{p.line[1]}_{p.before}"
        help = f"write `param {name} = 1 ~ normal(1, 0.1)` beside the part, and `{p.before} = {name}` here"
        return p.say("a modifier of a part takes a value, not a distribution", help=help)
    if p.token.type == "TILDE":
        help = "an equation has `=`, a negation is `not`, a distribution `param k = 1 ~ normal(1, 0.1)`"
        return p.say("`~` stands in declarations only", help=help)
    behind = any(t.type == "TILDE" for t in p.line)
    if behind and p.token == "per":
        return p.say("what is drawn anew follows `per`", help="write `per occasion`")
    unfinished = p.token.type == "NEWLINE" and not any(t.type == "LPAR" for t in p.line)
    if p.before is not None and (p.before.type == "TILDE" or (behind and unfinished)):
        return p.say("a distribution has arguments in parentheses", help="write `~ normal(0, 1)`")
    if "TILDE" in p.accepted and p.first == "random" and p.token.type == "NAME":
        return p.say("a `~` stands before a distribution", help=f"write `~ {p.token}`")
    return None


def _dose(p: ErrorContext) -> Diagnostic | None:
    if p.first is not None and p.first.type == "DOSE" and p.token.type == "NAME" and "COMMA" in p.accepted:
        return p.say("a comma stands between states that are dosed", help=f"write `, {p.token}`")
    return None


DISTRIBUTION_RULES: tuple[Callable[[ErrorContext], Diagnostic | None], ...] = (_tilde, _dose)
