"""The fastest method by size, structure and tolerance: the measurement behind `method="auto"`.

Each problem is solved by each method at each tolerance, in both tiers where there is a native one. As methods make
different errors at the same tolerance, what counts is the time to the accuracy that was asked for: the least time among
all tolerances tried whose largest scaled error is below ten times the one asked for.
"""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.compare import seconds
from benchmarks.problem import MODELS
from stiffdsl.runtime import tier
from stiffdsl.solve.base.method_table import METHODS
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.solver import make_solve

GOALS = (1e-3, 1e-6, 1e-9)
TOLERANCES = tuple(10.0**-e for e in (3, 4, 5, 6, 7, 8, 9, 10))
# File, constants, name of the unknowns' structure.
CASES = (
    ("chemistry/robertson", {}, "dense"),
    ("chemistry/hires", {}, "dense"),
    ("chemistry/pollu", {}, "dense"),
    ("problems/van_der_pol", {}, "dense"),
    ("examples/heat_rod", {"N": 60}, "chain"),
    ("examples/building", {"N": 25}, "chain"),
    ("chemistry/brusselator2d", {"N": 8}, "grid"),
    ("examples/building", {"N": 50}, "chain"),
    ("chemistry/brusselator2d", {"N": 10}, "grid"),
    ("examples/heat_rod", {"N": 400}, "chain"),
    ("examples/building", {"N": 100}, "chain"),
    ("chemistry/brusselator2d", {"N": 12}, "grid"),
)
PATIENCE, REPEATS = 6.0, 3


def methods(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table for each case, and returns one record for each solve."""
    import stiffdsl as sd

    records = []
    for file, constants, structure in CASES:
        model = sd.load(MODELS / f"{file}.sml", constants=constants)
        size = model.program.size
        chosen = {goal: tier.chosen(model, Options(rtol=goal)) for goal in GOALS}
        table = Table(title=f"{model.name}: {size} unknowns, {structure}", title_justify="left")
        table.add_column("method")
        for goal in GOALS:
            table.add_column(f"to {goal:g} (auto: {chosen[goal]})", justify="right")
        found = list(_solves(model))
        for name in dict.fromkeys(r["method"] for r in found):
            own = [r for r in found if r["method"] == name]
            row = []
            for goal in GOALS:
                enough = [r["seconds"] for r in own if r["error"] <= 10 * goal]
                row.append(seconds(min(enough)) if enough else "-")
            table.add_row(name, *row)
        records += [{"case": file, "size": size, "structure": structure, **r} for r in found]
        console.print(table)
    return records


def _solves(model: Any) -> Iterator[dict[str, Any]]:
    args, y0 = model.args(), model.initial_state()
    start, end = model.experiment["time"]
    system = model.system(False)
    smallest = float(model.experiment.get("atol", 1e-9)) / float(model.experiment.get("rtol", 1e-6))

    def portable(method: str) -> Callable[[float], tuple[np.ndarray, int]]:
        solve = make_solve(system, method)

        def run(rtol: float):
            found = jax.block_until_ready(solve(start, end, y0, args, rtol=rtol, atol=rtol * smallest))
            return np.asarray(found.y), int(found.status)

        return run

    def native(rtol: float):
        given = {"rtol": rtol, "atol": rtol * smallest, "method": "rodas5p", "saveat": [end]}
        found = model.simulate(time=(start, end), **given)
        assert found.stats["tier"] == "native"
        return np.asarray(found.y)[-1], int(found.status)

    expected, _ = portable("radau9" if model.program.size <= 200 else "kvaerno5")(1e-11)
    runs = {name: portable(name) for name, one in METHODS.items() if one.algebraic}
    if model.report["tier"] == "native":
        runs = {"rodas5p, native": native, **runs}
    for name, run in runs.items():
        spent = 0.0
        for rtol in TOLERANCES:
            if spent * 3 * REPEATS > PATIENCE:
                break
            run(rtol)
            times = []
            for _ in range(REPEATS):
                began = perf_counter()
                y, status = run(rtol)
                times.append(perf_counter() - began)
            spent = min(times)
            error = np.max(np.abs(y - expected) / (smallest + np.abs(expected)))
            error = float(error) if status == Status.SUCCESS else float("inf")
            yield {"method": name, "rtol": rtol, "seconds": spent, "error": error}
