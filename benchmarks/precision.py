"""Work against precision of the methods, and of SciPy's, on the problems of the tests with published end values.

Steps tried, evaluations and factorizations do not depend on the machine. Times do: they are the best of several
solves after the one that compiles. SciPy calls the same compiled equations from Python: its times say
what its users wait, not what its methods cost.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.integrate import solve_ivp

from stiffdsl.runtime.session import prepare
from stiffdsl.solve.base.method_table import METHODS
from stiffdsl.solve.integrate.solver import make_solve
from tests.solve.problems import REFERENCES, PublishedProblem

TOLERANCES = tuple(10.0**-e for e in (4, 5, 6, 7, 8, 9))
SCIPY = ("BDF", "Radau", "LSODA")
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "work_precision.png"
# Published values carry this many digits at most, and the picture ends there.
FLOOR = 1e-12
REPEATS = 10


def precision(console: Console, picture: Path = PICTURE) -> list[dict[str, Any]]:
    """Solve all, print a table, write the picture, and return one record for each solve."""
    prepare()
    records = []
    for name, problem in REFERENCES.items():
        console.print(f"{name}: {problem.system.size} unknowns")
        for record in [*_ours(problem), *_scipy(problem)]:
            records.append({"problem": name, **record})
    console.print(_table(records))
    _draw(records, picture)
    console.print(f"wrote {picture}")
    return records


def _ours(problem: PublishedProblem) -> Iterator[dict[str, Any]]:
    for method, specification in METHODS.items():
        if not specification.algebraic:
            continue
        solve = make_solve(problem.system, method)
        for rtol in TOLERANCES:
            atol = _atol(problem, rtol)

            def run(solve=solve, rtol=rtol, atol=atol):
                return jax.block_until_ready(
                    solve(0.0, problem.end, problem.y0, problem.args, rtol=rtol, atol=atol)
                )

            result = run()
            seconds = min(_timed(run) for _ in range(REPEATS))
            c = {key: int(value) for key, value in result.counts._asdict().items()}
            yield {
                "method": method,
                "rtol": rtol,
                "error": _error(problem, result.y) if result.status == 0 else None,
                "steps": c["accepted"] + c["rejected"],
                "rhs": c["rhs"],
                "jacobians": c["jacobians"],
                "factorizations": c["factorizations"],
                "seconds": seconds,
            }


def _timed(run: Callable[[], Any]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def _scipy(problem: PublishedProblem) -> Iterator[dict[str, Any]]:
    system = problem.system
    if not np.all(system.mass):
        return
    rhs = jax.jit(lambda t, y: system.rhs(t, y, problem.args))
    jacobian = jax.jit(lambda t, y: system.jacobian(t, y, problem.args).reshape(system.size, system.size))
    for method in SCIPY:
        for rtol in TOLERANCES:
            start = perf_counter()
            solution = solve_ivp(
                lambda t, y: np.asarray(rhs(t, y)),
                (0.0, problem.end),
                problem.y0,
                method,
                t_eval=[problem.end],
                rtol=rtol,
                atol=_atol(problem, rtol),
                jac=lambda t, y: np.asarray(jacobian(t, y)),
            )
            yield {
                "method": f"scipy {method}",
                "rtol": rtol,
                "error": _error(problem, solution.y[:, -1]) if solution.success else None,
                "steps": None,
                "rhs": int(solution.nfev),
                "jacobians": int(solution.njev),
                "factorizations": int(solution.nlu),
                "seconds": perf_counter() - start,
            }


def _atol(problem: PublishedProblem, rtol: float) -> float:
    return problem.atol * rtol / 1e-8


def _error(problem: PublishedProblem, y: Any) -> float:
    """The largest relative error."""
    return float(np.max(np.abs(np.asarray(y) - problem.value) / np.abs(problem.value)))


def _table(records: list[dict[str, Any]]) -> Table:
    table = Table(title="largest relative error at the end, and work")
    for heading in ("problem", "method"):
        table.add_column(heading, no_wrap=True)
    for heading in ("rtol", "error", "steps", "rhs", "Jacobians", "LU", "ms"):
        table.add_column(heading, justify="right")
    for r in records:
        table.add_row(
            r["problem"],
            r["method"],
            f"{r['rtol']:.0e}",
            "failed" if r["error"] is None else f"{r['error']:.1e}",
            "" if r["steps"] is None else str(r["steps"]),
            str(r["rhs"]),
            str(r["jacobians"]),
            str(r["factorizations"]),
            f"{1e3 * r['seconds']:.1f}",
        )
    return table


def _draw(records: list[dict[str, Any]], picture: Path) -> None:
    names, methods = [list(dict.fromkeys(r[key] for r in records)) for key in ("problem", "method")]
    figure, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")
    ours = [m for m in methods if not m.startswith("scipy")]
    for axis, name in zip(axes.flat, names, strict=False):
        for k, method in enumerate(methods):
            points = [r for r in records if r["problem"] == name and r["method"] == method and r["error"]]
            if points:
                axis.loglog(
                    [max(r["error"], FLOOR) for r in points],
                    [1e3 * r["seconds"] for r in points],
                    "o-" if method in ours else "s--",
                    color=f"C{k}",
                    linewidth=1.8 if method in ours else 1.0,
                    markersize=4,
                    label=method,
                )
        axis.set_title(name)
        axis.invert_xaxis()
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    figure.supxlabel("largest relative error at the end (smaller to the right)")
    figure.supylabel("time of a solve in ms")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    axes.flat[-1].legend(handles, labels, loc="center", frameon=False)
    figure.savefig(picture, dpi=110)
    plt.close(figure)
