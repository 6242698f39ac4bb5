"""HIRES, eight species of phytochrome."""

import numpy as np

from benchmarks.problem import BenchmarkProblem

NAMES = ("Pr", "Pfr", "PrX", "PfrX", "PrXa", "PfrXa", "PfrXaE", "E")


def equations(t, y, m):
    bound = 280 * y[5] * y[7] - 1.81 * y[6]
    return m.stack(
        [
            -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007,
            1.71 * y[0] - 8.75 * y[1],
            -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4],
            8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
            -1.745 * y[4] + 0.43 * (y[5] + y[6]),
            -280 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6],
            bound,
            -bound,
        ]
    )


def hires() -> BenchmarkProblem:
    """Source: E. Schaefer (1975); Test Set for IVP Solvers 2.4."""
    return BenchmarkProblem(
        "hires",
        "chemistry/hires",
        equations,
        np.array([1.0, 0, 0, 0, 0, 0, 0, 0.0057]),
        (0.0, 321.8122),
        rtol=1e-6,
        atol=1e-10,
        checked={name: k for k, name in enumerate(NAMES)},
    )
