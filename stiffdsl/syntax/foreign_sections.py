"""Declarations in sections of Simscape and in blocks of Stan: the lines that declare the same here.

Their lines are read as text, since quotes and brackets of theirs are no tokens here.
"""

import re
from collections.abc import Iterator

from stiffdsl.syntax.context import ErrorContext

_KINDS = {"parameters": "param", "data": "param", "variables": "var", "inputs": "input"}
_END = re.compile(r"\s*(?:end\b|\})")
# `R = {1, 'Ohm'}`, `R = 1`, of Simscape.
_WITH_UNIT = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*=\s*\{\s*(?P<value>[^{}]+?)\s*,\s*'(?P<unit>[^']*)'\s*\}")
_PLAIN = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*=\s*(?P<value>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?:;|%|$)")
# `real<lower=0, upper=1> k;` of Stan.
_TYPED = re.compile(
    r"\s*(?:real|int|vector|row_vector|matrix|array\s*(?P<dims>\[[^\]]*\])\s*\w+)\s*(?P<bounds><[^>]*>)?\s*(?P<size>\[[^\]]*\])?\s*"
    r"(?P<name>[^\W\d]\w*)\s*;"
)
_BOUND = re.compile(r"(?P<side>lower|upper)\s*=\s*(?P<value>[-+]?[\d.]+(?:[eE][-+]?\d+)?)")
# Declarations that a message shows.
_MOST = 4


def declared_in(p: ErrorContext, section: str) -> str | None:
    """The help that shows the declarations of the section that begins at the token; None where none is known."""
    kind = _KINDS.get(section)
    if kind is None:
        return None
    shown = [f"`{line}`" for line in _lines(p, kind)]
    if not shown:
        return None
    more = " …" if len(shown) > _MOST else ""
    return f"write {', '.join(shown[:_MOST])}{more}" + (", a line for each" if len(shown) > 1 else "")


def _lines(p: ErrorContext, kind: str) -> Iterator[str]:
    text = p.source.text.split("\n")[(p.token.line or 1) - 1 :]
    behind = re.split(r"[{:]", text[0], maxsplit=1)
    for line in [*behind[1:], *text[1:]]:
        if _END.match(line):
            return
        if (found := _WITH_UNIT.match(line) or _PLAIN.match(line)) is not None:
            parts = found.groupdict()
            unit = f" [{parts['unit']}]" if parts.get("unit") not in (None, "", "1") else ""
            if kind == "var":
                yield f"var {parts['name']}{unit} start {parts['value']}"
            else:
                yield f"{kind} {parts['name']} = {parts['value']}{unit}"
        elif (found := _TYPED.match(line)) is not None:
            yield f"{kind} {found['name']}{found['dims'] or found['size'] or ''} = 1{_range(found['bounds'] or '')}"
        if "}" in line and "{" not in line:
            return


def _range(bounds: str) -> str:
    """` in 0..1` for `<lower=0, upper=1>`, ` min 0` for one of them."""
    found = {match["side"]: match["value"] for match in _BOUND.finditer(bounds)}
    if len(found) == 2:
        return f" in {found['lower']}..{found['upper']}"
    return "".join(f" {'min' if side == 'lower' else 'max'} {value}" for side, value in found.items())
