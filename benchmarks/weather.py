"""Hours of weather on the faces of a house: made up for 40 degrees north, or read from a file of EnergyPlus."""

import csv
import math
from pathlib import Path

import numpy as np

FACES = {
    "north": (90.0, 180.0),
    "east": (90.0, -90.0),
    "south": (90.0, 0.0),
    "west": (90.0, 90.0),
    "roof": (0.0, 0.0),
}
LATITUDE = 40.0
# Of what comes onto the glass, for double clear glass, and its area.
TRANSMITTED, GLASS = 0.7, 12.0


def made_up(days: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs of `envelope/zone.sml` by the hour, from the first of January on: seasons, days, clouds and wind that
    wander."""
    draw = np.random.default_rng(seed)
    hour = np.arange(24 * days + 1, dtype=float)
    season = -np.cos(2 * np.pi * (hour / 24 - 20) / 365)
    cloud = np.clip(0.45 + 0.35 * _wandering(draw, len(hour), 0.95), 0.0, 1.0)
    outdoor = (
        10 + 12 * season - 6 * np.cos(2 * np.pi * (hour - 3) / 24) + 3 * _wandering(draw, len(hour), 0.98)
    )
    wind = np.clip(4 + 2.5 * _wandering(draw, len(hour), 0.9), 0.0, None)
    high = np.array([_sun(h, LATITUDE)[0] for h in hour])
    direct = 900 * (1 - cloud) ** 2 * np.where(high > 0.03, np.exp(-0.15 / np.maximum(high, 0.03)), 0.0)
    diffuse = np.where(high > 0, (80 + 250 * cloud) * np.maximum(high, 0), 0.0)
    return _inputs(hour, outdoor, outdoor - 18 * (1 - 0.7 * cloud), wind, direct, diffuse, LATITUDE)


def read(file: Path, days: int) -> dict[str, np.ndarray]:
    """The same from the first days of an EPW file; its values are means over the hour before."""
    lines = list(csv.reader(file.read_text(encoding="latin-1").splitlines()))
    latitude = float(lines[0][6])
    rows = np.array([[float(line[k]) for k in (6, 12, 14, 15, 21)] for line in lines[8:]])[: 24 * days + 1]
    outdoor, infrared, direct, diffuse, wind = rows.T
    sky = (infrared / 5.670374e-8) ** 0.25 - 273.15
    return _inputs(np.arange(len(rows)) + 0.5, outdoor, sky, wind, direct, diffuse, latitude)


def _inputs(hour, outdoor, sky, wind, direct, diffuse, latitude: float) -> dict[str, np.ndarray]:
    """Series by the name of the input, and `time` in seconds."""
    sun = {}
    for face, (tilt, azimuth) in FACES.items():
        onto = np.array([_onto(h, latitude, math.radians(tilt), math.radians(azimuth)) for h in hour])
        sky_part = 0.5 * (1 + math.cos(math.radians(tilt)))
        high = np.maximum([_sun(h, latitude)[0] for h in hour], 0.0)
        ground = 0.2 * (1 - sky_part) * (direct * high + diffuse)
        sun[f"sun_{face}"] = direct * onto + sky_part * diffuse + ground
    return {
        "time": hour * 3600.0,
        "T_out": outdoor + 273.15,
        "T_sky": sky + 273.15,
        "h_out": 8.0 + 3.5 * wind,
        **sun,
        "sun_glass": TRANSMITTED * GLASS * sun["sun_south"],
        "gains": np.where((hour % 24 >= 7) & (hour % 24 <= 22), 250.0, 130.0),
    }


def _sun(hour: float, latitude: float) -> tuple[float, float, float]:
    """The direction to the sun: up, south, west."""
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + hour / 24) / 365)
    angle, place = math.radians(15 * (hour % 24 - 12)), math.radians(latitude)
    up = math.sin(place) * math.sin(declination) + math.cos(place) * math.cos(declination) * math.cos(angle)
    south = math.sin(place) * math.cos(declination) * math.cos(angle) - math.cos(place) * math.sin(
        declination
    )
    return up, south, math.cos(declination) * math.sin(angle)


def _onto(hour: float, latitude: float, tilt: float, azimuth: float) -> float:
    """The cosine of incidence on a face whose normal is turned from south to west by `azimuth`; zero at night."""
    up, south, west = _sun(hour, latitude)
    level = south * math.cos(azimuth) + west * math.sin(azimuth)
    return max(0.0, up * math.cos(tilt) + level * math.sin(tilt)) if up > 0 else 0.0


def _wandering(draw: np.random.Generator, count: int, memory: float) -> np.ndarray:
    """Noise of variance one that forgets."""
    value, values = 0.0, np.empty(count)
    for k, step in enumerate(draw.standard_normal(count) * math.sqrt(1 - memory**2)):
        value = memory * value + step
        values[k] = value
    return values
