"""Conversion of a caller's arguments to numbers and names; an error names the argument that is neither."""

import operator
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Attempts are counted in 32 bits.
MOST_STEPS = 2**31 - 1

_FINITE = "is not a number that a double can hold"


def numbers(value: Any, what: str) -> np.ndarray:
    """Real numbers of any shape as float64. Raises `ValueError` for anything that is not."""
    if hasattr(value, "magnitude") and hasattr(value, "units"):
        raise ValueError(f"{what} must be a plain number in the declared unit, not a quantity with a unit")
    if np.ma.is_masked(value):
        raise ValueError(f"{what} must be a number, but some values are masked")
    try:
        array = np.asarray(value)
        # NumPy takes None for NaN.
        if array.dtype.kind not in "biufO" or (
            array.dtype.kind == "O" and any(x is None for x in array.flat)
        ):
            raise TypeError
        return array.astype(float)
    except OverflowError:
        raise ValueError(f"{what} must be finite: {told(value)} {_FINITE}") from None
    except Exception:  # whatever an object does when it is asked for a number
        raise ValueError(f"{what} must be a number, not {told(value)}") from None


def finite(value: Any, what: str) -> np.ndarray:
    """An array of finite numbers; raises `ValueError` for an infinity or NaN."""
    array = numbers(value, what)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{what} must be finite, not {told(value)}")
    return array


def number(value: Any, what: str) -> float:
    """One finite number."""
    array = finite(value, what)
    if array.shape != ():
        raise ValueError(f"{what} must be one number, not {told(value)}")
    return float(array)


def whole(value: Any, what: str, least: int) -> int:
    """One whole number, `least` or more."""
    try:
        found = operator.index(value)
    except TypeError:
        if not (isinstance(value, float) and value.is_integer()):
            raise ValueError(f"{what} must be a whole number, not {told(value)}") from None
        found = int(value)
    if found < least:
        raise ValueError(f"{what} must be at least {least}, not {told(value)}")
    return found


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """Values by name; None is none at all."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{what} takes values by name, as in {what.strip('`')}={{'k': 1.0}}, not {told(value)}"
        )
    for name in value:
        if not isinstance(name, str):
            raise TypeError(f"{what} takes values by name, and {told(name)} is no name")
    return value


def names(value: Any, what: str) -> tuple[str, ...] | None:
    """Names as they were asked for. A text is one name, not its letters."""
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, str):
        return (value,)
    found = tuple(value) if isinstance(value, Sequence | set | frozenset) else (None,)
    if not all(isinstance(name, str) for name in found):
        raise TypeError(f"{what} takes a list of names, not {told(value)}")
    if not found:
        raise ValueError(f"{what} is empty: name at least one variable, or leave it out for all of them")
    return tuple(str(name) for name in found)


def text(value: Any, what: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a text, not {told(value)}")
    return value


def path(value: Any, what: str) -> Path:
    """The path of a file or folder, which there need not be."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{what} must be a path, not {told(value)}")
    found = Path(value)
    if not str(value) or "\0" in str(value):
        raise ValueError(f"{what} must be a path, not {told(value)}")
    return found


def told(value: Any) -> str:
    """A value as a message shows it: short, and what it is where its text would not say."""
    sized = isinstance(value, list | tuple | dict | set) or (isinstance(value, np.ndarray) and value.ndim)
    if sized and len(value) > 4:
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**20:
        return f"a number of more than {int(value.bit_length() * 0.30103)} digits"
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else f"a {type(value).__name__}"
