"""Tables of measured or prescribed values in files: CSV and Parquet, the first column the time."""

from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from stiffdsl import datafiles
from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import read_text
from stiffdsl.cli.loading import converted
from stiffdsl.cli.options import DrivenInput
from stiffdsl.datafiles import DataError, is_parquet, of_text
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.runtime.driving.bundles import members, of_file, read_data_of
from stiffdsl.runtime.driving.series import continued


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
    try:
        found = datafiles.read_data(path) if is_parquet(path) else of_text(path, read_text(path))
        if len(found.headings) < 2 or not len(found.lines):
            raise Failure(f"`{path}` needs a heading, a column of times and at least one column beside it")
        t, dates = found.times(0)
        if not dates:
            t = converted("time", t, found.units[0], "s")
        wrong = np.flatnonzero(~np.isfinite(t) | (np.diff(t, prepend=-np.inf) < 0))
        if len(wrong):
            raise Failure(f"`{path}`, line {found.lines[wrong[0]]}: times must be finite and ascend")
        columns = {name: found.numbers(k) for k, name in enumerate(found.headings) if k > 0}
    except DataError as error:
        raise Failure(str(error)) from None
    return DataColumns(path, t, columns, dict(zip(found.headings[1:], found.units[1:], strict=True)))


def drive(
    model: Any, given: tuple[DrivenInput, ...], span: tuple[float, float] | None, outside: str | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Inputs by name as tables of times and values in declared units; raises UsageError for a name that is no input.

    Beyond the times of its file an input is what `outside` says, or the declaration of an input that the model drives
    by a file of its own; where neither does, the run holds its ends and tells it.
    """
    declared = {
        block.scalar_name(k): data.outside
        for block, data in model.bindings.system.flat.driven
        for k in range(block.size)
    }
    driven = {}
    for name, (times, values) in _tables(model, given).items():
        rule, driven[name] = outside or declared.get(name), (times, values)
        if rule is None or span is None:
            continue
        try:
            driven[name] = continued(name, times, values, rule, span)
        except ValueError as error:
            raise Failure(str(error)) from None
    return driven


def _tables(model: Any, given: tuple[DrivenInput, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The tables in the files, by input."""
    files: dict[str, DataColumns] = {}
    driven = {}
    for one in given:
        units = {} if one.name in model.input_names else members(one.name, model.input_names)
        if units and one.column is None:
            try:
                found = of_file(one.name, read_data_of(one.path), units)
            except ValueError as error:
                raise Failure(str(error)) from None
            driven |= {f"{one.name}.{member}": table for member, table in found.items()}
            continue
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
