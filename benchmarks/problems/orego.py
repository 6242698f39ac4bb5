"""OREGO, the Oregonator: a limit cycle of the Belousov-Zhabotinsky reaction."""

import numpy as np

from benchmarks.problem import BenchmarkProblem


def equations(t, y, m):
    return m.stack(
        [
            77.27 * (y[1] + y[0] * (1 - 8.375e-6 * y[0] - y[1])),
            (y[2] - (1 + y[0]) * y[1]) / 77.27,
            0.161 * (y[0] - y[2]),
        ]
    )


def orego() -> BenchmarkProblem:
    """Source: R. J. Field and R. M. Noyes (1974); Test Set for IVP Solvers 2.4."""
    return BenchmarkProblem(
        "orego",
        "chemistry/oregonator",
        equations,
        np.array([1.0, 2.0, 3.0]),
        (0.0, 360.0),
        rtol=1e-6,
        atol=1e-8,
        checked={name: k for k, name in enumerate("XYZ")},
    )
