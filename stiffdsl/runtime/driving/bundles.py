"""Bundles of inputs as they are handed to a run: a frame, a mapping or a file in the place of each member."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stiffdsl.check.quantities.conversion import converted
from stiffdsl.datafiles import HEADING, DataError, DataFile, held, read_data
from stiffdsl.runtime.names import Names

# What the column of times may be called where a frame has no index of times.
TIMES = ("time", "t")


def apart(given: Any, inputs: Names) -> Any:
    """The inputs that are `given` by name, with those of bundles in their place: `{"sky": frame}` for `sky.T_out` and
    all others that begin with `sky.`. Raises `ValueError` for what lacks one of them."""
    if not isinstance(given, Mapping) or all(not isinstance(name, str) or name in inputs for name in given):
        return given
    found: dict[Any, Any] = {}
    for name, value in given.items():
        units = {} if not isinstance(name, str) or name in inputs else members(name, inputs)
        if not units:
            found[name] = value  # told where it is looked up
            continue
        for member, one in _members_of(name, value, units).items():
            found[f"{name}.{member}"] = one
    return found


def members(name: str, inputs: Names) -> dict[str, str | None]:
    """The inputs of a bundle and their units."""
    start = name + "."
    return {b.name[len(start) :]: b.unit for b in inputs.blocks if b.name.startswith(start)}


def _members_of(name: str, value: Any, units: dict[str, str | None]) -> dict[str, Any]:
    if isinstance(value, str | Path):
        return of_file(name, read_data_of(value), units)
    if isinstance(value, Mapping):
        unknown = [member for member in value if member not in units]
        if unknown:
            raise ValueError(f"the bundle `{name}` has no `{unknown[0]}`; it has {_listed(units)}")
        return dict(value)
    if not (hasattr(value, "columns") and hasattr(value, "to_numpy")):
        raise ValueError(
            f"`{name}` is a bundle of the inputs {_listed(units)}: it takes a frame with a column for each, a mapping, "
            "or the name of a file"
        )
    columns = {str(column): column for column in value.columns}
    headings = {_heading(text): (text, _unit(text)) for text in columns}
    times = _times(value, columns)
    found = {}
    for member, unit in units.items():
        if member not in headings:
            raise ValueError(f"the frame for `{name}` has no column `{member}`; it needs {_listed(units)}")
        text, own = headings[member]
        figures = value[columns[text]].to_numpy()
        found[member] = times, converted(f"{name}.{member}", figures, own, unit)
    return found


def _times(frame: Any, columns: Mapping[str, Any]) -> Any:
    """The times of a frame: the column `time`, else the index, or without one the first column."""
    for text in TIMES:
        if text in columns:
            return frame[columns[text]].to_numpy()
    return frame.index if hasattr(frame, "index") else frame[next(iter(columns.values()))].to_numpy()


def read_data_of(path: str | Path) -> DataFile:
    """The data in a file. Raises `ValueError`."""
    try:
        return read_data(path)
    except DataError as error:
        raise ValueError(str(error)) from None


def of_file(name: str, data: DataFile, units: Mapping[str, str | None]) -> dict[str, Any]:
    """The tables of the inputs of the bundle `name` from the columns of a file, of which the first holds times."""
    try:
        times, dates = data.times(0)
        times = times if dates else converted("time", times, data.units[0], "s")
        found = {}
        for member, unit in units.items():
            k = data.index(member)
            if k is None:
                raise ValueError(f"`{data.name}` has no column `{member}`; `{name}` needs {_listed(units)}")
            figures = converted(f"{name}.{member}", data.numbers(k), data.units[k], unit)
            known = np.isfinite(figures)
            table = times[known], figures[known]
            found[member] = held(*table) if member in data.means else table
    except DataError as error:
        raise ValueError(str(error)) from None
    return found


def _listed(units: Mapping[str, str | None]) -> str:
    return ", ".join(f"`{member}`" for member in units)


def _heading(text: str) -> str:
    found = HEADING.fullmatch(text)
    return text if found is None else found["name"]


def _unit(text: str) -> str | None:
    found = HEADING.fullmatch(text)
    return None if found is None else found["unit"]
