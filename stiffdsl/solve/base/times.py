"""Times as a caller hands them over, in seconds: numbers, dates, differences of time; and tables over time."""

import datetime
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from stiffdsl.solve.base.arguments import numbers, told

_DATES = "dates are times after the first of them; here there is none to count from: give seconds"


def seconds(value: Any, what: str, dates: bool = False) -> np.ndarray:
    """Times as seconds: numbers as they are, differences of time converted, `dates` counted from the first of them.

    Dates and differences may be those of `datetime`, NumPy, pandas (periods begin where they begin) and polars. Raises
    `ValueError` for what is none of these, and where there is no first date to count from.
    """
    array = np.asarray(value)
    if array.dtype.kind == "O":
        array = _of_objects(array, what)
    kind = array.dtype.kind
    if kind not in "mM":
        if kind in "US":
            raise ValueError(
                f"{what} must be numbers, not text: make dates of them (`pandas.to_datetime`) first"
            )
        return numbers(array, what)
    if np.isnat(array).any():
        raise ValueError(f"{what} must be known, but some are missing (NaT)")
    unit = np.datetime_data(array.dtype)[0]
    if kind == "m":
        if unit in ("Y", "M", "generic"):
            raise ValueError(f"{what} are in no fixed number of seconds ({array.dtype}): give seconds")
        return array / np.timedelta64(1, "s")
    if not dates:
        raise ValueError(f"{what}: {_DATES}")
    if unit in ("Y", "M", "W"):
        array = array.astype("datetime64[D]")
    return (array - array.flat[0]) / np.timedelta64(1, "s") if array.size else np.zeros(array.shape)


def _of_objects(array: np.ndarray, what: str) -> np.ndarray:
    """Python's and pandas' dates and differences as NumPy's; anything else as it is."""
    given = [x.to_timestamp() if hasattr(x, "to_timestamp") else x for x in array.ravel()]
    given = [x.as_py() if hasattr(x, "as_py") else x for x in given]
    if not given or not isinstance(given[0], datetime.date | datetime.timedelta):
        return array
    kind = datetime.timedelta if isinstance(given[0], datetime.timedelta) else datetime.date
    if not all(isinstance(x, kind) for x in given):
        raise ValueError(f"{what} must be of one kind, not {told(given[0])} beside others")
    try:
        if kind is datetime.date:
            # `date` and `datetime` do not subtract from each other; with a time zone, dates count in absolute time.
            first = given[0]
            given = [x - first for x in given]
            since = np.datetime64("1970-01-01", "us")
            return since + _differences(given).reshape(array.shape)
        return _differences(given).reshape(array.shape)
    except (TypeError, OverflowError):
        raise ValueError(
            f"{what} must all have a time zone, or none, and all be dates or all have a time of day"
        ) from None


def _differences(given: Sequence[Any]) -> np.ndarray:
    """Differences of time as NumPy's `timedelta64`, to the nanosecond where pandas' are that fine."""
    fine = [x.to_timedelta64() if hasattr(x, "to_timedelta64") else np.timedelta64(x) for x in given]
    return np.array(fine)


def table(given: Any, name: str) -> tuple[Any, Any] | None:
    """Times in seconds and values of an input that is a table, or None: a pair (times, values), a Series by its index,
    a frame of one column by its index, or of two without one. Values of JAX are left to it."""
    what = f"the input `{name}`"
    if hasattr(given, "to_numpy") and hasattr(given, "columns"):
        columns = list(given.columns)
        if hasattr(given, "index") and len(columns) == 1:
            given = given.index, given[columns[0]].to_numpy()
        elif len(columns) == 2:
            given = given[columns[0]].to_numpy(), given[columns[1]].to_numpy()
        else:
            raise ValueError(f"{what} takes one column of values over time, not a frame of {len(columns)}")
    elif hasattr(given, "to_numpy") and not hasattr(given, "index"):
        raise ValueError(f"{what} takes values over time: (times, values), or a frame of a column of each")
    elif hasattr(given, "to_numpy") and hasattr(given, "index"):
        given = given.index, given.to_numpy()
    elif not (isinstance(given, Sequence) and not isinstance(given, str | bytes) and len(given) == 2):
        return None
    times, values = given
    if not isinstance(values, jax.Array):
        values = numbers(values, f"each value in the table of {what}")
    return seconds(times, f"the times of {what}", dates=True), values


def lane_constants(given: Any, rank: int = 0) -> Any:
    """Constants of an input over the lanes of an ensemble, (lanes, ...) with `rank` axes of the input's own, or None
    where `given` is something else. A pair of vectors is a table."""
    if isinstance(given, np.ndarray | jax.Array):
        return given if given.ndim == rank + 1 else None
    if not isinstance(given, Sequence) or isinstance(given, str | bytes) or not len(given):
        return None
    if (rank and len(given) == 2) or any(np.ndim(one) != rank for one in given):
        return None
    return numbers(given, "each value of an input over the lanes")
