"""Times that are read and solutions that are written: CSV, Parquet, NetCDF."""

import csv
import io
import math
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import read_text, writing

FORMATS = {".csv": (), ".parquet": ("pandas", "pyarrow"), ".nc": ("xarray", "netCDF4")}


def check_format(path: str) -> None:
    """Raises before any work is done: UsageError for an unknown ending, Failure for a missing package."""
    if path == "-":
        return
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise click.UsageError(
            f"--out {path}: the ending must be one of {known} (or `-` for CSV on standard output)"
        )
    missing = [package for package in FORMATS[suffix] if find_spec(package) is None]
    if missing:
        raise Failure(f"writing {suffix} needs {' and '.join(missing)}\n  pip install 'stiffdsl[data]'")


def read_times(path: str) -> np.ndarray:
    """Times, one a line or in the first column of a CSV file; a first line that is no number is a header."""
    times: list[float] = []
    for number, row in enumerate(csv.reader(io.StringIO(read_text(path))), start=1):
        if not row or not row[0].strip() or row[0].lstrip().startswith("#"):
            continue
        try:
            value = float(row[0])
        except ValueError:
            if not times and number == 1:
                continue
            raise Failure(f"`{path}`, line {number}: `{row[0].strip()}` is not a time") from None
        if not math.isfinite(value):
            raise Failure(f"`{path}`, line {number}: `{row[0].strip()}` is not a finite time")
        if times and value <= times[-1]:
            raise Failure(f"`{path}`, line {number}: the times must rise; {value!r} follows {times[-1]!r}")
        times.append(value)
    if not times:
        raise Failure(f"`{path}` holds no times")
    return np.array(times)


def write_solution(solution: Any, path: str) -> None:
    """Every declared variable over time, in the format that the ending of `path` names."""
    suffix = Path(path).suffix.lower()
    if path == "-":
        solution.write_csv(sys.stdout)
        return
    with writing(path):
        if suffix == ".csv":
            solution.to_csv(path)
        elif suffix == ".parquet":
            solution.to_pandas().to_parquet(path)
        else:
            solution.to_xarray().to_netcdf(path)


def write_ensemble(batch: Any, path: str) -> None:
    """A row for each run and time: what is varied, then the outputs, in the format that the ending of `path` names."""
    suffix = Path(path).suffix.lower()
    if path == "-":
        write_lanes(batch, sys.stdout)
        return
    with writing(path):
        if suffix == ".csv":
            with open(path, "w", newline="", encoding="utf-8") as file:
                write_lanes(batch, file)
        elif suffix == ".parquet":
            batch.to_pandas().to_parquet(path)
        else:
            batch.to_xarray().to_netcdf(path)


def write_lanes(batch: Any, file: Any) -> None:
    """Header `lane,<varied>...,time,<outputs>...`."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["lane", *batch.varied, "time", *batch.outputs])
    values = np.asarray(batch.values, dtype=float)
    for lane in range(len(batch)):
        varied = [repr(float(np.asarray(v)[lane])) for v in batch.varied.values()]
        for t, row in zip(batch.t, values[lane], strict=True):
            writer.writerow([lane, *varied, repr(float(t)), *map(repr, row.tolist())])


def write_sensitivities(
    times: np.ndarray, slopes: np.ndarray, outputs: Sequence[str], names: Sequence[str], path: str
) -> None:
    """Header `time,d(<output>)/d(<parameter>)...`: derivatives in declared units over time, as CSV."""

    def rows(file: Any) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", *(f"d({o})/d({n})" for o in outputs for n in names)])
        for t, row in zip(times, slopes.reshape(len(times), -1), strict=True):
            writer.writerow([repr(float(t)), *map(repr, row.tolist())])

    if path == "-":
        rows(sys.stdout)
        return
    with writing(path), open(path, "w", newline="", encoding="utf-8") as file:
        rows(file)
