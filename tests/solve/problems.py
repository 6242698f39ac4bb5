"""Stiff problems with published end values.

F. Mazzia, C. Magherini, Test Set for Initial Value Problem Solvers, release 2.4, University of Bari, 2008.
"""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.base.system import FunctionSystem


@dataclass(frozen=True)
class PublishedProblem:
    """A system, where it starts and ends, and the published value there."""

    system: FunctionSystem
    end: float
    y0: np.ndarray
    args: Any
    value: np.ndarray
    atol: float
    """Beside rtol = 1e-8: below the smallest component."""


def robertson(t, y, k):
    a, b, c = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] * y[1]
    return jnp.stack([-a + b, a - b - c, c])


def robertson_dae(t, y, k):
    return robertson(t, y, k).at[2].set(y[0] + y[1] + y[2] - 1)


ROBERTSON = np.array([0.04, 1e4, 3e7])
ROBER = PublishedProblem(
    FunctionSystem(robertson, 3, time_dependent=False),
    1e11,
    np.array([1.0, 0.0, 0.0]),
    ROBERTSON,
    np.array([0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050]),
    1e-20,
)
ROBER_DAE = PublishedProblem(
    FunctionSystem(robertson_dae, 3, mass=[1, 1, 0], time_dependent=False),
    ROBER.end,
    ROBER.y0,
    ROBERTSON,
    ROBER.value,
    1e-20,
)


def hires(t, y, _):
    a, b = 280 * y[5] * y[7], 0.69 * y[6]
    return jnp.stack(
        [
            -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007,
            1.71 * y[0] - 8.75 * y[1],
            -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4],
            8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
            -1.745 * y[4] + 0.43 * (y[5] + y[6]),
            -a + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + b,
            a - 1.81 * y[6],
            -a + 1.81 * y[6],
        ]
    )


HIRES = PublishedProblem(
    FunctionSystem(hires, 8, time_dependent=False),
    321.8122,
    np.array([1, 0, 0, 0, 0, 0, 0, 0.0057]),
    None,
    np.array(
        [
            0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
            0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
        ]
    ),
    1e-12,
)  # fmt: skip


def oregonator(t, y, _):
    return jnp.stack(
        [
            77.27 * (y[1] + y[0] * (1 - 8.375e-6 * y[0] - y[1])),
            (y[2] - (1 + y[0]) * y[1]) / 77.27,
            0.161 * (y[0] - y[2]),
        ]
    )


OREGO = PublishedProblem(
    FunctionSystem(oregonator, 3, time_dependent=False),
    360.0,
    np.array([1.0, 2.0, 3.0]),
    None,
    np.array([0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3]),
    1e-12,
)


def van_der_pol(t, y, mu):
    return jnp.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


VDPOL = PublishedProblem(
    FunctionSystem(van_der_pol, 2, time_dependent=False),
    2000.0,
    np.array([2.0, 0.0]),
    1000.0,
    np.array([0.1706167732170469e1, -0.8928097010248125e-3]),
    1e-12,
)

POLLUTION_RATES = np.array(
    [
        0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9e3, 0.022, 1.2e4, 1.88,
        1.63e4, 4.8e6, 3.5e-4, 0.0175, 1e8, 4.44e11, 1.24e3, 2.1, 5.78, 0.0474, 1.78e3, 3.12,
    ]
)  # fmt: skip


def pollution(t, y, k):
    r = k * jnp.stack(
        [
            y[0], y[1] * y[3], y[4] * y[1], y[6], y[6], y[6] * y[5], y[8], y[8] * y[5], y[10] * y[1],
            y[10] * y[0], y[12], y[9] * y[1], y[13], y[0] * y[5], y[2], y[3], y[3], y[15], y[15],
            y[16] * y[5], y[18], y[18], y[0] * y[3], y[18] * y[0], y[19],
        ]
    )  # fmt: skip
    return jnp.stack(
        [
            -r[0] - r[9] - r[13] - r[22] - r[23] + r[1] + r[2] + r[8] + r[10] + r[11] + r[21] + r[24],
            -r[1] - r[2] - r[8] - r[11] + r[0] + r[20],
            -r[14] + r[0] + r[16] + r[18] + r[21],
            -r[1] - r[15] - r[16] - r[22] + r[14],
            -r[2] + 2 * r[3] + r[5] + r[6] + r[12] + r[19],
            -r[5] - r[7] - r[13] - r[19] + r[2] + 2 * r[17],
            -r[3] - r[4] - r[5] + r[12],
            r[3] + r[4] + r[5] + r[6],
            -r[6] - r[7],
            -r[11] + r[6] + r[8],
            -r[8] - r[9] + r[7] + r[10],
            r[8],
            -r[10] + r[9],
            -r[12] + r[11],
            r[13],
            -r[17] - r[18] + r[15],
            -r[19],
            r[19],
            -r[20] - r[21] - r[23] + r[22] + r[24],
            -r[24] + r[23],
        ]
    )


def _pollution_start() -> np.ndarray:
    y0 = np.zeros(20)
    y0[[1, 3, 6, 7, 8, 16]] = [0.2, 0.04, 0.1, 0.3, 0.01, 0.007]
    return y0


POLLU = PublishedProblem(
    FunctionSystem(pollution, 20, time_dependent=False),
    60.0,
    _pollution_start(),
    POLLUTION_RATES,
    np.array(
        [
            0.5646255480022769e-01, 0.1342484130422339e00, 0.4139734331099427e-08, 0.5523140207484359e-02,
            0.2018977262302196e-06, 0.1464541863493966e-06, 0.7784249118997964e-01, 0.3245075353396018e00,
            0.7494013383880406e-02, 0.1622293157301561e-07, 0.1135863833257075e-07, 0.2230505975721359e-02,
            0.2087162882798630e-03, 0.1396921016840158e-04, 0.8964884856898295e-02, 0.4352846369330103e-17,
            0.6899219696263405e-02, 0.1007803037365946e-03, 0.1772146513969984e-05, 0.5682943292316392e-04,
        ]
    ),
    1e-20,
)  # fmt: skip


def akzo(t, y, _):
    root = jnp.sqrt(y[1])
    r1, r2, r3 = 18.7 * y[0] ** 4 * root, 0.58 * y[2] * y[3], 0.58 / 34.4 * y[0] * y[4]
    r4, r5 = 0.09 * y[0] * y[3] ** 2, 0.42 * y[5] ** 2 * root
    return jnp.stack(
        [
            -2 * r1 + r2 - r3 - r4,
            -0.5 * r1 - r4 - 0.5 * r5 + 3.3 * (0.9 / 737 - y[1]),
            r1 - r2 + r3,
            -r2 + r3 - 2 * r4,
            r2 - r3 + r5,
            115.83 * y[0] * y[3] - y[5],
        ]
    )


AKZO = PublishedProblem(
    FunctionSystem(akzo, 6, mass=[1, 1, 1, 1, 1, 0], time_dependent=False),
    180.0,
    np.array([0.444, 0.00123, 0.0, 0.007, 0.0, 115.83 * 0.444 * 0.007]),
    None,
    np.array(
        [
            0.1150794920661702, 0.1203831471567715e-2, 0.1611562887407974,
            0.3656156421249283e-3, 0.1708010885264404e-1, 0.4873531310307455e-2,
        ]
    ),
    1e-12,
)  # fmt: skip

REFERENCES = {
    "rober": ROBER,
    "rober_dae": ROBER_DAE,
    "hires": HIRES,
    "orego": OREGO,
    "vdpol": VDPOL,
    "pollu": POLLU,
    "akzo": AKZO,
}
