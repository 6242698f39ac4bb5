"""Sparse factors (KLU) beside preconditioned GMRES: processor time of `simulate` by `fbdf`, as the models say.

multiplications an entry: of a factorization, as `auto` estimates them, for each entry of the Jacobian. KLU, GMRES: the
least of the calls after the first. iterations: of GMRES, for each iteration of Newton's method.
"""

from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.compare import seconds
from benchmarks.timed import timed

CASES = (
    *(("chemistry/brusselator2d", n) for n in (16, 20, 32, 64, 128)),
    ("examples/building", 2000),
    ("examples/rc_ladder", 10_000),
)


def linear(limit: float, console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each model and solver."""
    table = Table(title="KLU and GMRES", title_justify="left")
    for name in ("model", "size", "unknowns", "multiplications an entry", "KLU", "GMRES", "iterations"):
        table.add_column(name, justify="left" if name == "model" else "right")
    records = []
    for file, n in CASES:
        found = {
            name: {"case": file, "size": n, "linear": name, **timed(file, n, limit, "fbdf", name)}
            for name in ("klu", "krylov")
        }
        records += found.values()
        table.add_row(file.rpartition("/")[2], str(n), *_row(found))
    console.print(table)
    return records


def _row(found: dict[str, dict[str, Any]]) -> list[str]:
    times = [seconds(r["again"]) if r["state"] == "done" else r["state"] for r in found.values()]
    done = [r for r in found.values() if r["state"] == "done"]
    if not done:
        return ["-", "-", *times, "-"]
    stats = found["krylov"].get("stats", {})
    iterations = stats["linear_iterations"] / max(1, stats["iterations"]) if stats else None
    return [
        str(done[0]["unknowns"]),
        f"{done[0]['estimate'] / done[0]['entries']:.3g}",
        *times,
        "-" if iterations is None else f"{iterations:.1f}",
    ]
