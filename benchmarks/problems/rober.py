"""Robertson's problem as an ODE of three; stiffdsl solves its differential-algebraic form."""

import numpy as np

from benchmarks.problem import BenchmarkProblem


def equations(t, y, m):
    slow, back, fast = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] * y[1]
    return m.stack([-slow + back, slow - back - fast, fast])


def rober() -> BenchmarkProblem:
    """Source: H. H. Robertson (1966); Test Set for IVP Solvers 2.4."""
    return BenchmarkProblem(
        "rober",
        "chemistry/robertson",
        equations,
        np.array([1.0, 0.0, 0.0]),
        (0.0, 1e5),
        rtol=1e-6,
        atol=1e-10,
        checked={"A": 0, "B": 1, "C": 2},
    )
