"""Quantities as text: a number or an array of numbers, with a unit or without: `0.1 [K/W]`, `{3, 2, 1} [mm]`."""

import ast
import math
import re
from typing import Any

_VALUE = re.compile(r"(?P<number>[^\[\]]+?)\s*(\[(?P<unit>[^\[\]]*)\])?")
_BARE_UNIT = re.compile(
    r"(?P<number>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?P<unit>(?!e\b|inf|nan)[^\W\d].*|[°%].*)"
)
_ARRAY = re.compile(r"[\s\d.eE+\-,{}]+")


def number(text: str) -> float:
    """A finite number; raises ValueError with a sentence."""
    try:
        value = float(text)
    except ValueError:
        meant = _BARE_UNIT.fullmatch(text.strip())
        help = f"; a unit stands in brackets: {meant['number']}[{meant['unit']}]" if meant else ""
        raise ValueError(f"`{text.strip()}` is not a number{help}") from None
    if not math.isfinite(value):
        raise ValueError(f"`{text.strip()}` is not a finite number")
    return value


def numbers(text: str) -> float | list[Any]:
    """A finite number, or `{3, 2, 1}` and `{{1, 2}, {3, 4}}` as lists; raises ValueError with a sentence."""
    if not text.strip().startswith("{"):
        return number(text)
    wrong = ValueError(f"`{text.strip()}` is not an array of numbers; write it as {{3, 2, 1}}")
    if not _ARRAY.fullmatch(text):
        raise wrong
    try:
        found = ast.literal_eval(text.replace("{", "[").replace("}", "]"))
    except (ValueError, SyntaxError):
        raise wrong from None
    if not isinstance(found, list) or shape(found) is None:
        raise wrong
    return found


def shape(values: Any) -> tuple[int, ...] | None:
    """The shape of nested lists of finite numbers, None where they are none or differ in length."""
    if not isinstance(values, list):
        return () if math.isfinite(values) else None
    shapes = {shape(value) for value in values}
    inner = shapes.pop() if len(shapes) == 1 else None
    return None if inner is None else (len(values), *inner)


def with_unit(text: str) -> tuple[str, str | None]:
    """`20 [degC]` as `20` and `degC`; raises ValueError with a sentence."""
    match = _VALUE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a number, or a number with a unit like 20[degC]")
    return match["number"], match["unit"].strip() if match["unit"] else None
