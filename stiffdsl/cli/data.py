"""Tables of measured or prescribed values in files: CSV and Parquet, the first column the time."""

import csv
import io
import math
import re
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import read_text
from stiffdsl.cli.loading import converted
from stiffdsl.cli.options import DrivenInput
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.solve.base.times import seconds

HEADING = re.compile(r"\s*(?P<name>.*?)\s*(\[(?P<unit>[^\[\]]*)\])?\s*")


@dataclass(frozen=True, eq=False)
class DataColumns:
    """Columns of a file over `t` in seconds; a missing value is NaN. `units` holds those that headings name."""

    path: str
    t: np.ndarray
    columns: dict[str, np.ndarray]
    units: dict[str, str | None]

    def column(self, name: str | None) -> tuple[str, np.ndarray]:
        """A column by its name, or the only one; raises UsageError."""
        if name is None and len(self.columns) == 1:
            return next(iter(self.columns.items()))
        listed = ", ".join(f"`{c}`" for c in self.columns)
        if name is None:
            raise click.UsageError(f"which column of {self.path}? It has {listed}: write {self.path}:NAME")
        if name not in self.columns:
            hint = did_you_mean(name, self.columns) or f"it has {listed}"
            raise click.UsageError(f"{self.path} has no column `{name}`; {hint}")
        return name, self.columns[name]


def read_data(path: str) -> DataColumns:
    """The table at `path`, with a heading for each column. Raises `Failure` with the line for what is no number."""
    names, rows = _parquet(path) if Path(path).suffix.lower() == ".parquet" else _csv(path)
    headings = [HEADING.fullmatch(name) for name in names]
    plain = [h["name"] if h is not None else n for h, n in zip(headings, names, strict=True)]
    units = [h["unit"] if h is not None else None for h in headings]
    if len(plain) < 2 or not rows:
        raise Failure(f"`{path}` needs a heading, a column of times and at least one column beside it")
    t = _times(path, [row[0] for _, row in rows], [line for line, _ in rows], units[0])
    columns = {
        name: np.array([_value(path, line, row[k]) for line, row in rows])
        for k, name in enumerate(plain)
        if k > 0
    }
    return DataColumns(path, t, columns, dict(zip(plain[1:], units[1:], strict=True)))


def drive(model: Any, given: tuple[DrivenInput, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Inputs by name as tables of times and values in declared units; raises UsageError for a name that is no input."""
    files: dict[str, DataColumns] = {}
    driven = {}
    for one in given:
        if one.name not in model.input_names:
            known = [row.name for row in model.inputs]
            hint = did_you_mean(one.name, known) or (
                f"it has {', '.join(known[:8])}" if known else "it has none"
            )
            raise click.UsageError(f"--input: the model has no input `{one.name}`; {hint}")
        if one.path not in files:
            files[one.path] = read_data(one.path)
        data = files[one.path]
        name, values = data.column(one.column)
        kept = ~np.isnan(values)
        if not kept.any():
            raise Failure(f"the column `{name}` of `{one.path}` holds no values")
        unit = model.input_names.find(one.name).block.unit
        driven[one.name] = data.t[kept], converted(one.name, values[kept], data.units[name], unit)
    return driven


def _csv(path: str) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    text = read_text(path)
    first = text.split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text), delimiter=mark)
    rows = [
        (n, row)
        for n, row in enumerate(lines, 1)
        if any(c.strip() for c in row) and not row[0].startswith("#")
    ]
    if not rows:
        raise Failure(f"`{path}` is empty")
    names = [name.strip() for name in rows[0][1]]
    for line, row in rows[1:]:
        if len(row) != len(names):
            raise Failure(f"`{path}`, line {line}: {len(row)} values under {len(names)} headings")
    return names, rows[1:]


def _parquet(path: str) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    if find_spec("pandas") is None or find_spec("pyarrow") is None:
        raise Failure("reading .parquet needs pandas and pyarrow\n  pip install 'stiffdsl[data]'")
    import pandas

    try:
        frame = pandas.read_parquet(path)
    except FileNotFoundError:
        raise Failure(f"there is no file `{path}`") from None
    except Exception as error:  # whatever pyarrow finds wrong with the bytes
        raise Failure(f"`{path}` is not a Parquet file: {error}") from None
    if frame.index.name is not None:
        frame = frame.reset_index()
    return [str(c) for c in frame.columns], list(enumerate(frame.values.tolist(), 1))


def _value(path: str, line: int, entry: Any) -> float:
    if entry is None or (isinstance(entry, str) and entry.strip().lower() in ("", "na", "nan")):
        return math.nan
    try:
        return float(entry)
    except (TypeError, ValueError):
        raise Failure(f"`{path}`, line {line}: `{entry}` is not a number") from None


def _times(path: str, entries: list[Any], lines: list[int], unit: str | None) -> np.ndarray:
    """Times in seconds: numbers in the unit of their heading, or dates, counted from the first."""
    try:
        t = np.array([float(entry) for entry in entries])
    except (TypeError, ValueError):
        t = _dates(path, entries, lines)
    else:
        t = converted("time", t, unit, "s")
    wrong = np.flatnonzero(~np.isfinite(t) | (np.diff(t, prepend=-np.inf) < 0))
    if len(wrong):
        raise Failure(f"`{path}`, line {lines[wrong[0]]}: times must be finite and ascend")
    return t


def _dates(path: str, entries: list[Any], lines: list[int]) -> np.ndarray:
    found = []
    for line, entry in zip(lines, entries, strict=True):
        try:
            found.append(entry if isinstance(entry, datetime) else datetime.fromisoformat(str(entry).strip()))
        except ValueError:
            raise Failure(f"`{path}`, line {line}: `{entry}` is neither a number nor a date") from None
    try:
        return seconds(found, "dates", dates=True)
    except ValueError:
        raise Failure(f"`{path}`: some dates name a time zone and others do not") from None
