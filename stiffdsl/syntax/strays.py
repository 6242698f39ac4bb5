"""Characters and signs that are no token of the language, and the messages for them."""

import re
import unicodedata

from stiffdsl.diagnostics import Diagnostic, Label, Source, Span
from stiffdsl.syntax.lexer import Stray


def explain_strays(source: Source, strays: list[Stray]) -> list[Diagnostic]:
    """One diagnostic for each kind of stray character, at its first place."""
    groups: dict[str, list[Stray]] = {}
    for stray in strays:
        groups.setdefault(stray.text[:2] if stray.text[0] in "/%?" else stray.text, []).append(stray)
    found = []
    for group in groups.values():
        first, more = group[0], len(group) - 1
        character = first.text[0]
        width = len(first.text.split("\n")[0]) if first.text[0] in "/%?" else len(first.text)
        span = Span(source, first.line, first.column, first.line, first.column + width)
        shown = first.text if first.text in _STRAY else character
        shown = shown if shown.isprintable() else f"\\x{ord(character):02x}"
        title = f"`{shown}` has no meaning here"
        if character == '"':
            title = "this text is not closed on its line"
        elif first.text.startswith(("//", "/*")):
            title = "a comment begins with `#`"
        help = (
            _prime(source, first)
            or _of_a_name(source, first)
            or _STRAY.get(first.text)
            or _STRAY.get(character)
            or _raised(character)
        )
        notes = (f"the same in {more} more place{'s' * (more > 1)}",) if more else ()
        found.append(Diagnostic("E0109", title, (Label(span),), notes, help))
    return found


def _prime(source: Source, stray: Stray) -> str | None:
    """`x'` and `x''`: derivatives."""
    line = source.text.split("\n")[stray.line - 1] if stray.text[0] in "'′’" else ""
    pair = re.search(r"\{\s*(?P<value>[^,{}]+?)\s*,\s*'(?P<unit>[^']*)'\s*\}", line)
    if pair is not None and pair.start() < stray.column <= pair.end():
        return f"a value with its unit is written `{pair['value']} [{pair['unit']}]`"
    if stray.text[0] == "$":
        rate = re.match(r"\s*\$([^\W\d]\w*)\s*=", source.text.split("\n")[stray.line - 1])
        return f"a derivative is `der({rate[1]})`" if rate else None
    name = re.search(r"[^\W\d]\w*$", line[: stray.column - 1])
    if name is None:
        return None
    if line[stray.column : stray.column + 1] == stray.text[0]:
        return f"a second derivative is `der(v)` of an unknown with `der({name.group()}) = v`"
    return f"a derivative is `der({name.group()})`"


def _of_a_name(source: Source, stray: Stray) -> str | None:
    """Julia's `f!(x)`."""
    line = source.text.split("\n")[stray.line - 1] if stray.text[0] == "!" else ""
    named = re.search(r"\w$", line[: stray.column - 1]) and line[stray.column : stray.column + 1] == "("
    return "a name holds letters, digits and `_`" if named else None


def _raised(character: str) -> str | None:
    """`x²` is a power, `½x` a product: how either is written."""
    kind, _, code = unicodedata.decomposition(character).partition(" ")
    if kind == "<super>":
        return f"a power is written `x^{chr(int(code, 16))}`"
    if kind == "<sub>":
        return "a name begins with a letter"
    if kind == "<fraction>":
        return f"write `{unicodedata.normalize('NFKC', character).replace(chr(0x2044), '/')}`"
    return None


_STRAY = {
    '"': 'end it with `"`',
    ";": "a statement ends with its line; leave the `;` out",
    "'": 'a text stands in double quotes: `"..."`; a derivative is `der(x)`',
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "&": "write `and`",
    "|": "write `or`",
    "%": "comments begin with `#`; the remainder is `mod(a, b)`",
    "~": "what may vary has a range, `param k = 1 in 0.5..2`; `simulate --draw` takes runs at random from it",
    "$": "a name holds letters, digits and `_`",
    "?": "write `if condition then a else b`",
    "~=": "write `!=`",
    "<>": "write `!=`",
    "**": "a power is written `x^2`",
    "−": "this is a dash; write the minus sign of the keyboard, `-`",
    "±": "a value that is not certain is `1 ~ normal(1, 0.1)`",
    "→": "the arrow of a reaction is `->`",
    "⟶": "the arrow of a reaction is `->`",
    "⇌": "a reaction that goes both ways is `A <-> B @ kf, kr`",
    "⇄": "a reaction that goes both ways is `A <-> B @ kf, kr`",
    "↔": "a reaction that goes both ways is `A <-> B @ kf, kr`",
    "∅": "nothing is written `0`: `0 -> A @ k`, `A -> 0 @ k`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "√": "write `sqrt(x)`",
    "∂": "a derivative by time is `der(x)`; one by a coordinate is written with differences",
    "∑": "write `sum(x[i] for i in 1..N)`",
    "÷": "write `/`",
    "′": "a derivative is `der(x)`",
    "’": "a derivative is `der(x)`",
    "“": 'a text stands in straight double quotes: `"..."`',
    "”": 'a text stands in straight double quotes: `"..."`',
    "∞": "a number is finite: leave the bound out, or write a large one",
    "·": "write `*`",
    "×": "write `*`",
    "⋅": "write `*`",
    "\\": "a line goes on after an operator, a comma or inside brackets; leave the `\\` out",
}
