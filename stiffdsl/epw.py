"""EnergyPlus weather files (EPW): the columns that models read, by names and units of their own.

The columns are those of "Auxiliary Programs", EnergyPlus documentation: eight lines of heading, then one row for each
hour (or a part of it), whose radiation is what fell in the interval that ends there.
"""

import itertools
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class WeatherColumn:
    """A column by the name and unit that it has in models: `place` is its number in the file, `missing` a figure that
    says there is none; `factor` turns figures into that unit. A `mean` holds over the interval that ends there."""

    name: str
    unit: str
    place: int
    missing: float
    doc: str
    mean: bool = False
    factor: float = 1.0


COLUMNS = (
    WeatherColumn("T_out", "degC", 6, 99.9, "dry bulb temperature"),
    WeatherColumn("T_dew", "degC", 7, 99.9, "dew point"),
    WeatherColumn("humidity", "1", 8, 999, "relative humidity", factor=0.01),
    WeatherColumn("pressure", "Pa", 9, 999999, "atmospheric pressure"),
    WeatherColumn("infrared", "W/m^2", 12, 9999, "radiation of the sky on a horizontal plane", mean=True),
    WeatherColumn("total", "W/m^2", 13, 9999, "radiation of the sun on a horizontal plane", mean=True),
    WeatherColumn("direct", "W/m^2", 14, 9999, "direct radiation on a plane that faces the sun", mean=True),
    WeatherColumn("diffuse", "W/m^2", 15, 9999, "diffuse radiation on a horizontal plane", mean=True),
    WeatherColumn("wind_direction", "deg", 20, 999, "from where the wind blows; north is 0, east 90"),
    WeatherColumn("wind_speed", "m/s", 21, 999, "wind speed"),
    WeatherColumn("clouds", "1", 22, 99, "part of the sky that clouds cover", factor=0.1),
    WeatherColumn("snow_depth", "m", 30, 999, "depth of snow", factor=0.01),
)
# Of the place, the same at all times: by number in the first line.
PLACE = (
    WeatherColumn("latitude", "deg", 6, math.inf, "north of the equator"),
    WeatherColumn("longitude", "deg", 7, math.inf, "east of Greenwich"),
    WeatherColumn("time_zone", "h", 8, math.inf, "ahead of universal time"),
    WeatherColumn("altitude", "m", 9, math.inf, "above the sea"),
)
# The middle of the interval that radiation belongs to: where the sun stands for it.
MIDDLE = WeatherColumn(
    "middle", "s", -1, math.inf, "time in the middle of the hour that radiation belongs to", mean=True
)
MEANS = frozenset(c.name for c in (*COLUMNS, MIDDLE) if c.mean)
HEADING_LINES = 8
YEAR = 8760


class WeatherError(Exception):
    """A file that is no weather file; the text names the line."""


@dataclass(frozen=True)
class Weather:
    """Rows of a weather file by column: `time` in seconds from the beginning of its first interval, then `COLUMNS`,
    `MIDDLE` and `PLACE`. The first row is the beginning itself, as the end of the year where the file holds one whole.
    """

    headings: tuple[str, ...]
    units: tuple[str, ...]
    columns: tuple[tuple[float, ...], ...]
    lines: tuple[int, ...]


def read_weather(name: str, text: str) -> Weather:
    """The weather file of that name. Raises `WeatherError`."""
    rows = [line.split(",") for line in text.splitlines()]
    if not rows or rows[0][0].strip().upper() != "LOCATION" or len(rows) <= HEADING_LINES:
        raise WeatherError(f"`{name}` is not a weather file: its first line is not that of a LOCATION")
    place = [_figure(name, 1, rows[0], column, 1.0) for column in PLACE]
    each = _records_in_an_hour(name, rows[HEADING_LINES - 1])
    body = [(k + 1, row) for k, row in enumerate(rows) if k >= HEADING_LINES and len(row) > 1]
    if len(body) < 2:
        raise WeatherError(f"`{name}` holds fewer than two rows")
    found: list[list[float]] = []
    for k, (line, row) in enumerate(body):
        hour = _figure(name, line, row, WeatherColumn("hour", "1", 3, math.inf, ""), 1.0)
        if hour != 1 + k // each % 24:
            raise WeatherError(f"`{name}`, line {line}: hour {hour:g} does not follow the row before")
        # Radiation is in W*h/m^2 of one record.
        found.append([_figure(name, line, row, c, each if c.mean else 1.0) for c in COLUMNS])
    first = found[-1] if len(found) >= YEAR * each else found[0]
    found.insert(0, [math.nan if c.mean else value for c, value in zip(COLUMNS, first, strict=True)])
    times = [3600.0 * k / each for k in range(len(found))]
    everywhere = (*COLUMNS, MIDDLE, *PLACE)
    middle = (math.nan, *(0.5 * (a + b) for a, b in itertools.pairwise(times)))
    columns = (tuple(times), *zip(*found, strict=True), middle, *((value,) * len(times) for value in place))
    return Weather(
        ("time", *(c.name for c in everywhere)),
        ("s", *(c.unit for c in everywhere)),
        columns,
        (body[0][0], *(line for line, _ in body)),
    )


def _records_in_an_hour(name: str, row: list[str]) -> int:
    try:
        count = int(row[2])
    except (IndexError, ValueError):
        count = 0
    if row[0].strip().upper() != "DATA PERIODS" or count < 1:
        raise WeatherError(f"`{name}`, line {HEADING_LINES}: this is not the line of DATA PERIODS")
    return count


def _figure(name: str, line: int, row: list[str], column: WeatherColumn, times: float) -> float:
    """A figure in the unit of its column; NaN where it is missing."""
    try:
        value = float(row[column.place])
    except IndexError:
        raise WeatherError(f"`{name}`, line {line}: there is no column {column.place + 1}") from None
    except ValueError:
        raise WeatherError(f"`{name}`, line {line}: `{row[column.place]}` is not a number") from None
    return math.nan if value >= column.missing else value * column.factor * times
