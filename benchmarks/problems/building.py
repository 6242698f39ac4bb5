"""A row of rooms with layered walls, sun and heat pumps: models/examples/building.sml, 4 unknowns a room."""

from functools import partial

import numpy as np
from scipy.sparse import block_array
from scipy.sparse import diags_array as diags

from benchmarks.problem import BenchmarkProblem

_WALL_AREA = 9.0
_THICKNESS, _CONDUCTIVITY = np.array([0.15, 0.12, 0.1]), np.array([1.7, 0.04, 0.7])
_CAPACITY = np.array([2300 * 900, 30 * 1000, 1800 * 840]) * _THICKNESS * _WALL_AREA
_HALF = 0.5 * _THICKNESS / (_CONDUCTIVITY * _WALL_AREA)
# Conductances: air to layer 1, 1 to 2, 2 to 3, 3 to the outside.
_G = 1 / np.array(
    [
        1 / (8 * _WALL_AREA) + _HALF[0],
        _HALF[0] + _HALF[1],
        _HALF[1] + _HALF[2],
        _HALF[2] + 1 / (20 * _WALL_AREA),
    ]
)
_AIR, _PARTITION, _BAND, _Q_MAX = 4e5, 25.0, 0.5, 1000.0
_DAY, _VENTILATION = 86400.0, 20.0
# Mean (degC) and swing of the outdoor temperature, cloud cover, peak of the sun, heat loss of a window, and conductance
# between neighbours.
DECLARED = 3.0, 5.0, 0.3, 400.0, 1.1, _PARTITION


def _room(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Set temperature and window area of each room."""
    i = np.arange(1, n + 1)
    return 273.15 + 19 + i % 4, 2.0 + i % 3


def equations(n, t, y, m, p=DECLARED):
    mean, swing, cloud, peak, glass, partition = p
    air, inner, middle, outer = y[:n], y[n : 2 * n], y[2 * n : 3 * n], y[3 * n :]
    t_set, window = map(m.constant, _room(n))
    loss = glass * window + _VENTILATION
    outdoor = 273.15 + mean - swing * m.cos(2 * np.pi * (t - 10800) / _DAY)
    sun = peak * (1 - 0.75 * cloud) * m.positive(-m.cos(2 * np.pi * t / _DAY)) ** 2
    heat = 0.5 * _Q_MAX * (1 + m.tanh((t_set - air) / _BAND))
    q1, q2 = _G[0] * (air - inner), _G[1] * (inner - middle)
    q3, q4 = _G[2] * (middle - outer), _G[3] * (outer - outdoor)
    left, right = np.maximum(np.arange(n) - 1, 0), np.minimum(np.arange(n) + 1, n - 1)
    across = partition * (m.take(air, left) + m.take(air, right) - 2 * air)
    gain = heat + 0.55 * window * sun - loss * (air - outdoor) - q1 + across
    return m.concatenate(
        [gain / _AIR, (q1 - q2) / _CAPACITY[0], (q2 - q3) / _CAPACITY[1], (q3 - q4) / _CAPACITY[2]]
    )


def jacobian(n, t, y):
    t_set, window = _room(n)
    loss = DECLARED[4] * window + _VENTILATION
    slope = -0.5 * _Q_MAX / _BAND / np.cosh((t_set - y[:n]) / _BAND) ** 2
    neighbours = np.full(n, 2.0)
    neighbours[0] = neighbours[-1] = 1.0
    side = np.full(n - 1, _PARTITION)
    own = slope - loss - _G[0] - _PARTITION * neighbours
    one = diags([np.ones(n)], offsets=[0])
    c1, c2, c3 = _CAPACITY
    return block_array(
        [
            [diags([side, own, side], offsets=[-1, 0, 1]) / _AIR, one * (_G[0] / _AIR), None, None],
            [one * (_G[0] / c1), one * (-(_G[0] + _G[1]) / c1), one * (_G[1] / c1), None],
            [None, one * (_G[1] / c2), one * (-(_G[1] + _G[2]) / c2), one * (_G[2] / c2)],
            [None, None, one * (_G[2] / c3), one * (-(_G[2] + _G[3]) / c3)],
        ],
        format="csc",
    )


def building(n: int) -> BenchmarkProblem:
    """Two days of `n` rooms; `checked` are the air of some rooms and one layer."""
    rooms = sorted({1, 2, n // 2, n})
    return BenchmarkProblem(
        f"building {n}",
        "examples/building",
        partial(equations, n),
        np.full(4 * n, 293.15),
        (0.0, 2 * _DAY),
        rtol=1e-6,
        atol=1e-6,
        checked={f"rooms[{i}].inside.T": i - 1 for i in rooms} | {"rooms[2].wall.T[3]": 3 * n + 1},
        constants={"N": n},
        jacobian=partial(jacobian, n),
        breaks=tuple(_DAY * k / 4 for k in (1, 3, 5, 7)),
    )
