"""Ensembles of Robertson's reaction: seconds a lane, from one lane to a hundred thousand.

All rates vary by a factor of two, so that lanes take different steps. The first call of each size, which compiles, is
not counted. diffrax is vmapped; CVODE goes lane by lane from Python, as its users would.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.compare import seconds
from benchmarks.problem import MODELS

COUNTS = (1, 10, 100, 1_000, 10_000, 100_000)
TIME, RTOL, ATOL = (0.0, 1e5), 1e-6, 1e-10
RATES = {"k1": 0.04, "k2": 3e7, "k3": 1e4}
# A peer that needs more seconds than this for one call is not asked for more lanes.
PATIENCE = 20.0


def ensembles(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each peer and number of lanes."""
    records = []
    table = Table(title="Robertson to t = 1e5, rtol 1e-6, atol 1e-10: time a lane", title_justify="left")
    table.add_column("peer")
    for count in COUNTS:
        table.add_column(f"{count:,} lanes", justify="right")
    for name, make in (
        ("stiffdsl", _stiffdsl),
        ("diffrax Kvaerno5, vmap", _diffrax),
        ("sundae CVODE, a loop", _cvode),
    ):
        solve, row, spent = make(), [name], 0.0
        for count in COUNTS:
            if spent * 3 > PATIENCE:
                row.append("-")
                continue
            rates = _rates(count)
            values, spent = _timed(solve, rates)
            records.append({"peer": name, "lanes": count, "seconds": spent, "first": values[0].tolist()})
            row.append(seconds(spent / count))
        table.add_row(*row)
    console.print(table)
    return records


def _rates(count: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: k * 2.0 ** random.uniform(-0.5, 0.5, count) for name, k in RATES.items()}


def _timed(solve: Callable[[dict[str, np.ndarray]], np.ndarray], rates) -> tuple[np.ndarray, float]:
    """End values (lanes, 3), and the least seconds of the calls after the first."""
    solve(rates)
    best, began = np.inf, perf_counter()
    while True:
        start = perf_counter()
        values = solve(rates)
        best = min(best, perf_counter() - start)
        if perf_counter() - began > 1.0:
            return values, best


def _stiffdsl():
    import stiffdsl as sd

    model = sd.load(MODELS / "chemistry" / "robertson.sml")

    def solve(rates):
        found = model.ensemble(rates, [TIME[1]], ["A", "B", "C"], time=TIME, rtol=RTOL, atol=ATOL)
        return found.values[:, 0]

    return solve


def _robertson(y, k):
    a, b, c = k[0] * y[0], k[2] * y[1] * y[2], k[1] * y[1] * y[1]
    return [-a + b, a - b - c, c]


def _diffrax():
    import diffrax
    import jax
    import jax.numpy as jnp

    term = diffrax.ODETerm(lambda t, y, k: jnp.stack(_robertson(y, k)))

    @jax.jit
    @jax.vmap
    def many(k):
        return diffrax.diffeqsolve(
            term,
            diffrax.Kvaerno5(),
            *TIME,
            None,
            jnp.array([1.0, 0.0, 0.0]),
            args=k,
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
            max_steps=100_000,
            throw=False,
        ).ys

    return lambda rates: np.asarray(many(np.stack(list(rates.values()), axis=1)))[:, 0]


def _cvode():
    from sksundae.cvode import CVODE

    def rhs(t, y, yp, k):
        yp[:] = _robertson(y, k)

    def solve(rates):
        ends = []
        for k in np.stack(list(rates.values()), axis=1).tolist():
            cvode = CVODE(rhs, rtol=RTOL, atol=ATOL, userdata=k, max_num_steps=100_000)
            ends.append(cvode.solve(np.array(TIME), np.array([1.0, 0.0, 0.0])).y[-1])
        return np.array(ends)

    return solve
