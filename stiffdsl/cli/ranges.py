"""Ranges as words of the command line: stretches of time, values that are swept, bounds of what varies."""

import re

from stiffdsl.quantity import number, numbers, shape

_UNIT = re.compile(r"\s*\[(?P<unit>[^\[\]]*)\]")
SWEPT = "1..5:20, 1..1000:20:log or '{1, 2, 5}'"
# Other signs and words between the ends of a range.
_BETWEEN = re.compile(r"\s*(?::|,|;|\bto\b|…|(?<=\S)\s+(?=\S))\s*")


def interval(text: str) -> tuple[float, float]:
    """`0..10`, ascending; raises ValueError with a sentence."""
    low, dots, high = text.partition("..")
    if not dots:
        ends = [end for end in _BETWEEN.split(text.strip()) if end]
        meant = "..".join(ends) if len(ends) == 2 and all(map(_is_number, ends)) else "0..10"
        raise ValueError(f"`{text}` is not a range; write it as {meant}")
    if not low.strip() or not high.strip():
        lacking = "first" if not low.strip() else "last"
        meant = f"{low.strip() or '0'}..{high.strip() or '10'}"
        raise ValueError(f"the range `{text}` has no {lacking} number: write both ends, as in {meant}")
    first, last = number(low), number(high)
    if not first < last:
        raise ValueError(f"the range {text} is empty: its first number must be the smaller one")
    return first, last


def bounds(text: str) -> tuple[float, float, str | None]:
    """`0.02..0.06`, with a unit behind, or behind both ends; raises ValueError with a sentence."""
    body, unit = _apart(text, "1..5[mm]")
    return *interval(body), unit


def stretch(text: str) -> tuple[float, float]:
    """A stretch of time in seconds: `0..10`, `0..1[h]`, or `10`, which begins at 0. Raises ValueError."""
    span, unit = _apart(text, "0..1[h]")
    first, last = interval(span if ".." in span or _BETWEEN.search(span) else f"0..{span}")
    if unit is None:
        return first, last
    from stiffdsl.check.quantities.units import UnitError, parse_unit

    try:
        found, second = parse_unit(unit), parse_unit("s")
    except UnitError as error:
        raise ValueError(str(error)) from None
    if found.dimension != second.dimension:
        raise ValueError(f"[{unit}] is no unit of time; write 0..1[h]")
    return found.to_si(first), found.to_si(last)


def swept(text: str) -> tuple[list[float], str | None]:
    """`1..5:20`, `1..1000:20:log` or `{1, 2, 5}`, with a unit behind; raises ValueError with a sentence."""
    body, unit = _apart(text, "1..5[mm]:20")
    if body.startswith("{"):
        values = numbers(body)
        if not isinstance(values, list) or len(shape(values) or ()) != 1:
            raise ValueError(f"`{body}` is not a list of numbers; write it as {{1, 2, 5}}")
        return values, unit
    span, _, rest = body.partition(":")
    count, _, scale = (part.strip() for part in rest.partition(":"))
    if ".." not in span:
        raise ValueError(f"`{text}` is no sweep; write {_meant(body)}")
    low, high = interval(span)
    if not count:
        raise ValueError(f"how many values of `{text}`? Write {text.strip()}:20")
    if not count.isdigit() or int(count) < 2:
        raise ValueError(f"`{count}` is no number of values: a sweep is {SWEPT}")
    if scale not in ("", "log"):
        raise ValueError(f"`{scale}` is no way to space values; write {span}:{count}, or {span}:{count}:log")
    steps = int(count) - 1
    if scale == "log":
        if low <= 0:
            raise ValueError(f"`{text}`: a sweep by logarithms begins above zero")
        return [low * (high / low) ** (k / steps) for k in range(steps)] + [high], unit
    return [low + (high - low) * k / steps for k in range(steps)] + [high], unit


def _meant(body: str) -> str:
    """The reading that a text which is no sweep may have had: `1,2,5`, or MATLAB's `1:0.5:3`."""
    listed = [part for part in re.split(r"[,;\s]+", body.strip("()[] ")) if part]
    if len(listed) > 1 and all(map(_is_number, listed)):
        return f"'{{{', '.join(listed)}}}'"
    ends = body.split(":")
    if len(ends) == 3 and all(map(_is_number, ends)) and float(ends[1]) > 0:
        low, step, high = map(float, ends)
        count = round((high - low) / step) + 1
        if count > 1:
            return f"{ends[0]}..{ends[2]}:{count}"
    if len(listed) == 1 and _is_number(body):
        return f"{SWEPT} (in quotes, since a shell takes braces apart)"
    return SWEPT


def _apart(text: str, example: str) -> tuple[str, str | None]:
    """The text without its unit, and that unit: behind all, behind every number, or behind the last of them."""
    units = {match["unit"].strip() for match in _UNIT.finditer(text)}
    body = _UNIT.sub("", text).strip()
    if any(mark in body for mark in "[]"):
        raise ValueError(f"`{text}`: a unit stands in brackets, as in {example}")
    if len(units) > 1:
        raise ValueError(f"`{text}` has {len(units)} units; write one, as in {example}")
    if units and _lone(text):
        raise ValueError(f"`{text}`: the unit stands behind the range, as in {example}")
    return body, units.pop() if units else None


def _lone(text: str) -> bool:
    """Whether a number before the last one has a unit, and another one has none."""
    numbered = re.split(r"\.\.|,", text.split(":")[0])
    have = ["[" in part for part in numbered]
    return any(have[:-1]) and not all(have)


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True
