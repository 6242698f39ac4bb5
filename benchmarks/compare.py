"""The comparison: every problem with every peer, one table for each problem."""

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import reference
from benchmarks.peers import jacobian_of
from benchmarks.problem import Problem
from benchmarks.problems import PROBLEMS
from benchmarks.process import fresh

HEADER = """\
All peers solve the same equations at the same tolerances, each in a process of its own. stiffdsl compiles
the file in models/; the peers get the equations written by hand in benchmarks/problems, in the arrays of
their own library, with analytic Jacobians where they take them (sparse for large problems), compiled once.
first: from the text or the equations to the first solution, imports apart.
solve: median of the solves that follow.
error: largest |y - ref|/(atol/rtol + |ref|) at the end; ref: scipy Radau, rtol 1e-10 (references.json).
"""


def compare(problems: list[str], peers: list[str], limit: float, console: Console) -> list[dict[str, Any]]:
    """Runs all pairs and prints as it goes; returns one record for each."""
    console.print(HEADER, highlight=False)
    records = []
    for name in problems:
        problem = PROBLEMS[name]()
        title = f"{name}: {problem.size} unknowns, rtol {problem.rtol:g}, atol {problem.atol:g}"
        table = Table(title=title, title_justify="left")
        table.add_column("peer")
        for column in ("first", "solve", "error"):
            table.add_column(column, justify="right")
        table.add_column("Jacobian, or why there is no time")
        for peer in peers:
            record = fresh(["benchmarks.worker", name, peer], limit)
            if record["state"] == "done":
                error = record["error"] = _error(problem, record["values"])
                table.add_row(
                    peer,
                    seconds(record["first"]),
                    seconds(record["solve"]),
                    "-" if error is None else f"{error:.1e}",
                    jacobian_of(peer),
                )
            else:
                table.add_row(peer, "-", "-", "-", f"{record['state']}: {record['why']}")
            records.append({"problem": name, "unknowns": problem.size, "peer": peer, **record})
        console.print(table)
    return records


def seconds(value: float) -> str:
    """`1.2 s`, `34 ms`, `56 us`."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def _error(problem: Problem, values: list[float]) -> float | None:
    """None where references.json holds no values: they would take hours."""
    expected = reference.load(problem)
    if expected is None:
        return None
    got = np.array(values)
    return float(np.max(np.abs(got - expected) / (problem.atol / problem.rtol + np.abs(expected))))
