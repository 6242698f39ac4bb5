"""The Brusselator on a periodic square: models/chemistry/brusselator2d.sml, 2 N^2 unknowns."""

from functools import partial

import numpy as np
from scipy.sparse import block_array, csr_array
from scipy.sparse import diags_array as diags

from benchmarks.problem import BenchmarkProblem


def _neighbours(n: int) -> list[np.ndarray]:
    index = np.arange(n * n).reshape(n, n)
    return [np.roll(index, s, axis).ravel() for s in (1, -1) for axis in (0, 1)]


def _disc(n: int) -> np.ndarray:
    x = np.arange(n) / (n - 1)
    return (((x[:, None] - 0.3) ** 2 + (x[None, :] - 0.6) ** 2 <= 0.01) * 5.0).ravel()


def equations(n, t, y, m):
    u, v = y[: n * n], y[n * n :]
    alpha = 10.0 * (n - 1) ** 2
    around = _neighbours(n)
    fed = m.after(t, 1.1) * m.constant(_disc(n))
    spread_u = alpha * (sum(m.take(u, k) for k in around) - 4 * u)
    spread_v = alpha * (sum(m.take(v, k) for k in around) - 4 * v)
    return m.concatenate([spread_u + 1 + u * u * v - 4.4 * u + fed, spread_v + 3.4 * u - u * u * v])


def jacobian(n, spread, t, y):
    u, v = y[: n * n], y[n * n :]
    return block_array(
        [
            [spread + diags([2 * u * v - 4.4], offsets=[0]), diags([u * u], offsets=[0])],
            [diags([3.4 - 2 * u * v], offsets=[0]), spread - diags([u * u], offsets=[0])],
        ],
        format="csc",
    )


def brusselator(n: int) -> BenchmarkProblem:
    """Source: SciML/SciMLBenchmarks.jl."""
    rows = np.arange(n * n)
    around = sum(csr_array((np.ones(n * n), (rows, k)), shape=(n * n, n * n)) for k in _neighbours(n))
    spread = 10.0 * (n - 1) ** 2 * (around - 4 * diags([np.ones(n * n)], offsets=[0]))
    x = np.arange(n) / (n - 1)
    u0 = np.broadcast_to(22 * (x * (1 - x)) ** 1.5, (n, n))
    v0 = np.broadcast_to((27 * (x * (1 - x)) ** 1.5)[:, None], (n, n))
    m = n // 2
    return BenchmarkProblem(
        f"brusselator {n}",
        "chemistry/brusselator2d",
        partial(equations, n),
        np.concatenate([u0.ravel(), v0.ravel()]),
        (0.0, 11.5),
        rtol=1e-6,
        atol=1e-8,
        checked={
            "u[1,1]": 0,
            f"u[{m},{n}]": (m - 1) * n + n - 1,
            "v[1,1]": n * n,
            f"v[{n},{m}]": n * n + (n - 1) * n + m - 1,
        },
        constants={"N": n},
        jacobian=partial(jacobian, n, spread),
        breaks=(1.1,),
    )
