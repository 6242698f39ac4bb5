"""VDPOL, the oscillator of van der Pol with mu = 1000."""

import numpy as np

from benchmarks.problem import BenchmarkProblem


def equations(t, y, m):
    return m.stack([y[1], 1000.0 * (1 - y[0] ** 2) * y[1] - y[0]])


def vdpol() -> BenchmarkProblem:
    """Source: B. van der Pol (1926); Test Set for IVP Solvers 2.4."""
    return BenchmarkProblem(
        "vdpol",
        "problems/van_der_pol",
        equations,
        np.array([2.0, 0.0]),
        (0.0, 2000.0),
        rtol=1e-6,
        atol=1e-9,
        checked={"x": 0, "v": 1},
    )
