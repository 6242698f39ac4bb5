"""Conversion of given values to the units that names are declared in."""

from typing import Any

from stiffdsl.check.quantities.units import UnitError, parse_unit
from stiffdsl.quantity import numbers, with_unit


def converted(name: str, value: Any, unit: str | None, declared: str | None, difference: bool = False) -> Any:
    """`value` in the unit that `name` is declared in; raises ValueError where `unit` is no such unit. A `difference`
    counts without the offset of degrees."""
    if unit is None or unit == declared:
        return value
    if declared is None:
        raise ValueError(f"`{name}` is declared without a unit; give a bare number")
    try:
        given, wanted = parse_unit(unit), parse_unit(declared)
    except UnitError as error:
        raise ValueError(f"`{name}`: {error}; it is declared in [{declared}]") from None
    if given.dimension != wanted.dimension:
        raise ValueError(f"[{unit}] does not fit `{name}`, which is in [{declared}]")
    if difference:
        given, wanted = given.difference, wanted.difference
    return (given.to_si(value) - wanted.shift) / wanted.scale


def numbered(name: str, text: str, labels: tuple[str, ...]) -> Any:
    """The numbers of labels of an enumeration: `heating` or `{off, heating}`. Raises ValueError with a sentence."""
    import numpy as np

    words = text.strip()
    many = words.startswith("{") and words.endswith("}")
    found = []
    for word in words[1:-1].split(",") if many else [words]:
        if word.strip() not in labels:
            listed = ", ".join(labels)
            raise ValueError(f"`{name}` is one of {listed}, not `{word.strip()}`")
        found.append(labels.index(word.strip()) + 1.0)
    return np.asarray(found) if many else found[0]


def quantity(
    name: str, text: str, declared: str | None, difference: bool = False, labels: tuple[str, ...] = ()
) -> Any:
    """The number, or nested lists of them, that `text` says (`0.1 [K/W]`, `{1, 2} [mm]`), in the declared unit; of an
    enumeration with `labels`, the number of a label.

    Raises ValueError with a sentence.
    """
    import numpy as np

    if labels:
        return numbered(name, text, labels)
    try:
        value, unit = with_unit(text)
        found = numbers(value)
    except ValueError:
        short = text if len(text) <= 60 else text[:57] + "..."
        raise ValueError(
            f"`{name}` must be a number, or a text like '0.1 [K/W]' or '{{1, 2}} [mm]', not {short!r}"
        ) from None
    if isinstance(found, list):
        found = np.asarray(found, dtype=float)
    return converted(name, found, unit, declared, difference)
