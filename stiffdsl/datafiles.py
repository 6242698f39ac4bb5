"""Tables of figures in files: CSV and Parquet, with a heading for each column, which may name its unit: `T [degC]`;
and weather files (EPW)."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from stiffdsl.epw import MEANS, WeatherError, read_weather

HEADING = re.compile(r"\s*(?P<name>.*?)\s*(\[(?P<unit>[^\[\]]*)\])?\s*")
_MISSING = ("", "na", "nan")


class DataError(Exception):
    """A file that cannot be read as a table; the text names the file and the line."""


@dataclass(frozen=True, eq=False)
class DataFile:
    """The columns of a file as they were read, by heading; `lines` are the numbers of their rows in the file, `means`
    the columns that hold over the interval that ends at their time."""

    name: str
    digest: str
    headings: tuple[str, ...]
    units: tuple[str | None, ...]
    columns: tuple[Sequence[Any], ...]
    lines: Sequence[int]
    means: frozenset[str] = frozenset()
    _read: dict[int, np.ndarray] = field(default_factory=dict)

    def index(self, heading: str) -> int | None:
        """The column of a heading, written with or without its unit."""
        for k, (name, unit) in enumerate(zip(self.headings, self.units, strict=True)):
            if heading in (name, f"{name} [{unit}]"):
                return k
        return None

    def numbers(self, k: int) -> np.ndarray:
        """Column k; what is missing is NaN. Raises `DataError` for what is no number."""
        if k not in self._read:
            column = self.columns[k]
            try:
                self._read[k] = np.array(column).astype(float)
            except (TypeError, ValueError):
                self._read[k] = np.array(
                    [self._number(entry, line) for entry, line in zip(column, self.lines, strict=True)]
                )
        return self._read[k]

    def _number(self, entry: Any, line: int) -> float:
        if entry is None or (isinstance(entry, str) and entry.strip().lower() in _MISSING):
            return math.nan
        try:
            return float(entry)
        except (TypeError, ValueError):
            raise DataError(f"`{self.name}`, line {line}: `{entry}` is not a number") from None

    def times(self, k: int) -> tuple[np.ndarray, bool]:
        """Column k as times, and whether they are dates, which count in seconds from the first."""
        try:
            return np.array([float(entry) for entry in self.columns[k]]), False
        except (TypeError, ValueError):
            return self._dates(k), True

    def _dates(self, k: int) -> np.ndarray:
        found: list[datetime] = []
        for entry, line in zip(self.columns[k], self.lines, strict=True):
            try:
                found.append(
                    entry if isinstance(entry, datetime) else datetime.fromisoformat(str(entry).strip())
                )
            except ValueError:
                text = f"`{self.name}`, line {line}: `{entry}` is neither a number nor a date"
                raise DataError(text) from None
        try:
            return np.array([(date - found[0]).total_seconds() for date in found])
        except TypeError:
            raise DataError(f"`{self.name}`: some dates name a time zone and others do not") from None


def held(times: np.ndarray, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The table of means, each of which holds over the interval that ends at its time."""
    edges = np.concatenate([[2 * times[0] - times[1]], times])
    return np.repeat(edges, 2)[1:-1], np.repeat(means, 2)


def is_parquet(path: str | Path) -> bool:
    return Path(path).suffix.lower() in (".parquet", ".pq")


def is_weather(path: str | Path) -> bool:
    return Path(path).suffix.lower() == ".epw"


def read_data(path: str | Path) -> DataFile:
    """The file at `path`. Raises `DataError`, also where it cannot be opened."""
    name = str(path)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file `{name}`") from None
    except OSError as error:
        raise DataError(f"`{name}` cannot be read: {(error.strerror or str(error)).lower()}") from None
    return of_bytes(name, content)


def of_bytes(name: str, content: bytes) -> DataFile:
    """The file of that name with this content. Raises `DataError`."""
    digest = sha256(content).hexdigest()
    if is_parquet(name):
        return _of_frame(name, digest, content)
    if is_weather(name):
        return _of_weather(name, digest, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"`{name}` is not UTF-8 text: byte {error.start}") from None
    return of_text(name, text, digest)


def of_text(name: str, text: str, digest: str = "") -> DataFile:
    """Comma-separated values, or those separated by `;` or tabs; lines that begin with `#` are left out."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    mark = max(",;\t", key=first.count)
    rows, lines = [], []
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    try:
        for row in reader:
            if row and not row[0].startswith("#") and any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"`{name}`, line {reader.line_num}: {error}") from None
    if not rows:
        raise DataError(f"`{name}` is empty")
    width = len(rows[0])
    for line, row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != width:
            raise DataError(f"`{name}`, line {line}: {len(row)} values under {width} headings")
    columns = tuple(zip(*rows[1:], strict=True)) or ((),) * width
    return _made(name, digest or sha256(text.encode()).hexdigest(), rows[0], columns, lines[1:])


def _of_weather(name: str, digest: str, content: bytes) -> DataFile:
    try:
        # Headings hold names of places in whatever alphabet; figures are ASCII.
        found = read_weather(name, content.decode("latin-1"))
    except WeatherError as error:
        raise DataError(str(error)) from None
    return DataFile(name, digest, found.headings, found.units, found.columns, found.lines, MEANS)


def _of_frame(name: str, digest: str, content: bytes) -> DataFile:
    if find_spec("pandas") is None or find_spec("pyarrow") is None:
        raise DataError("reading .parquet needs pandas and pyarrow\n  pip install 'stiffdsl[data]'")
    import pandas

    try:
        frame = pandas.read_parquet(io.BytesIO(content))
    except Exception as error:  # whatever pyarrow finds wrong with the bytes
        raise DataError(f"`{name}` is not a Parquet file: {error}") from None
    if frame.index.name is not None:
        frame = frame.reset_index()
    columns = tuple(frame[c].tolist() for c in frame.columns)
    return _made(name, digest, [str(c) for c in frame.columns], columns, range(1, len(frame) + 1))


def _made(
    name: str, digest: str, names: Sequence[str], columns: tuple[Sequence[Any], ...], lines: Sequence[int]
) -> DataFile:
    found = [HEADING.fullmatch(heading) for heading in names]
    headings = tuple(h["name"] if h is not None else n for h, n in zip(found, names, strict=True))
    units = tuple(h["unit"] if h is not None else None for h in found)
    return DataFile(name, digest, headings, units, columns, lines)
