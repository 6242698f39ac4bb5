"""Chemical Akzo Nobel. The peers get it with its algebraic unknown computed, as not all of them solve DAEs."""

import numpy as np

from benchmarks.problem import BenchmarkProblem

NAMES = ("FLB", "CO2", "FLBT", "ZHU", "ZLA")


def equations(t, y, m):
    root = y[1] ** 0.5
    bound = 115.83 * y[0] * y[3]
    r1, r2, r3 = 18.7 * y[0] ** 4 * root, 0.58 * y[2] * y[3], 0.58 / 34.4 * y[0] * y[4]
    r4, r5 = 0.09 * y[0] * y[3] ** 2, 0.42 * bound**2 * root
    return m.stack(
        [
            -2 * r1 + r2 - r3 - r4,
            -0.5 * r1 - r4 - 0.5 * r5 + 3.3 * (0.9 / 737 - y[1]),
            r1 - r2 + r3,
            -r2 + r3 - 2 * r4,
            r2 - r3 + r5,
        ]
    )


def akzo() -> BenchmarkProblem:
    """Source: W. J. H. Stortelder (1998); Test Set for IVP Solvers 2.4."""
    return BenchmarkProblem(
        "akzo",
        "chemistry/akzo_nobel",
        equations,
        np.array([0.444, 0.00123, 0.0, 0.007, 0.0]),
        (0.0, 180.0),
        rtol=1e-6,
        atol=1e-10,
        checked={name: k for k, name in enumerate(NAMES)},
    )
