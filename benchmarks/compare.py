"""The comparison: every problem with every peer at some tolerances, one table a problem, factors at equal error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import reference
from benchmarks.equal import WorkPrecisionPoint, seconds_at
from benchmarks.peers import jacobian_of
from benchmarks.problem import BenchmarkProblem
from benchmarks.problems import PROBLEMS
from benchmarks.process import records

OURS = "stiffdsl"
# The tolerance of the tables, then those that draw work against precision: fewer for large problems.
SMALL = (1e-6, 1e-5, 1e-7, 1e-4, 1e-8, 1e-9)
LARGE = (1e-6, 1e-5, 1e-7)
# Unknowns from which a problem is large.
MANY = 200

HEADER = """\
All peers solve the same equations at the same tolerances, each in a process of its own on one core. stiffdsl compiles
the file in models/; the peers get the equations written by hand in benchmarks/problems, in the arrays of their own
library, with analytic Jacobians where they take them (sparse for large problems), compiled once.
first: from the text or the equations to the first solution, imports apart, with nothing kept from before.
solve: median of the solves that follow. error: largest |y - ref|/(atol/rtol + |ref|) at the end; ref: scipy Radau,
beyond 5000 unknowns CVODE, rtol 1e-10 (references.json). Time at equal error: between solves at several tolerances,
straight between logarithms, at the error that stiffdsl makes at rtol 1e-6, and at the one that the fastest peer makes.
"""


@dataclass(frozen=True)
class ComparisonPlan:
    """The runs to make: problems and peers by name, tolerances (only those in `SMALL` and `LARGE` are used), the
    time limit of each process in seconds, and the Python of an environment with jaxonomy."""

    problems: Sequence[str]
    peers: Sequence[str]
    limit: float = 60.0
    tolerances: Sequence[float] = SMALL
    jaxonomy: str | None = None


def compare(plan: ComparisonPlan, console: Console) -> list[dict[str, Any]]:
    """Runs all pairs and prints as it goes; returns one record for each."""
    console.print(HEADER, highlight=False)
    found: list[dict[str, Any]] = []
    over: dict[tuple[str, str], str] = {}
    for name in plan.problems:
        problem = PROBLEMS[name]()
        own = []
        for peer in plan.peers:
            family = name.split()[0], peer
            if family in over:
                record = {"state": "not run", "why": f"over limit at {over[family]}"}
            else:
                record = _solved(problem, peer, plan)
            if record["state"] == "over limit":
                over[family] = name
            own.append({"problem": name, "unknowns": problem.size, "peer": peer, **record})
        _equalize(own)
        console.print(_table(problem, own))
        found += own
    return found


def _solved(problem: BenchmarkProblem, peer: str, plan: ComparisonPlan) -> dict[str, Any]:
    """The record of one pair: numbers at the first tolerance, `points` at all."""
    own = LARGE if problem.size > MANY else SMALL
    tolerances = [rtol for rtol in own if rtol in plan.tolerances]
    words = ["benchmarks.worker", problem.name, peer, "--limit", str(plan.limit), "--rtol"]
    python = {"python": plan.jaxonomy} if plan.jaxonomy and peer.startswith("jaxonomy") else {}
    lines, end = records(
        [*words, *map(str, tolerances)], plan.limit, {"STIFFDSL_CACHE": ""}, cores=1, **python
    )
    done = [line for line in lines if line["state"] == "done"]
    if not done:
        return lines[-1] if lines else end
    points = [
        {"rtol": line["rtol"], "solve": line["solve"], "error": error_of(problem, line["values"])}
        for line in done
    ]
    head = {key: done[0][key] for key in ("first", "solve", "repeats", "values")}
    return {"state": "done", **head, "error": points[0]["error"], "points": points}


def error_of(problem: BenchmarkProblem, values: list[float]) -> float | None:
    """None where references.json holds no values."""
    expected = reference.load(problem)
    if expected is None:
        return None
    got = np.array(values)
    return float(np.max(np.abs(got - expected) / (problem.atol / problem.rtol + np.abs(expected))))


def _equalize(own: list[dict[str, Any]]) -> None:
    """Adds to the records of a problem, as `equal`, the seconds at two errors: that of stiffdsl, and that of the
    fastest peer."""
    done = [r for r in own if r["state"] == "done" and r["error"] is not None]
    ours = [r for r in done if r["peer"] == OURS]
    peers = [r for r in done if r["peer"] != OURS]
    if not ours or not peers:
        return
    errors = ours[0]["error"], min(peers, key=lambda r: r["solve"])["error"]
    for record in done:
        points = [
            WorkPrecisionPoint(p["error"], p["solve"]) for p in record["points"] if np.isfinite(p["error"])
        ]
        record["equal"] = [{"error": e, "seconds": seconds_at(points, e)} for e in errors]


def factors(own: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For the records of one problem: at each of the two errors, the seconds of stiffdsl, how many times as long the
    best peer takes, which it is, and how many times as long diffrax takes (None where it is never so exact)."""
    done = {r["peer"]: r["equal"] for r in own if "equal" in r}
    if OURS not in done:
        return []
    found = []
    for k, at in enumerate(done[OURS]):
        others = {peer: equal[k]["seconds"] for peer, equal in done.items() if peer != OURS}
        exact = {peer: s for peer, s in others.items() if s is not None}
        if at["seconds"] is None or not exact:
            continue
        best = min(exact, key=lambda peer: exact[peer])
        diffrax = exact.get("diffrax Kvaerno5")
        found.append(
            {
                "error": at["error"],
                "seconds": at["seconds"],
                "peer": best,
                "best": exact[best] / at["seconds"],
                "diffrax": None if diffrax is None else diffrax / at["seconds"],
            }
        )
    return found


def _table(problem: BenchmarkProblem, own: list[dict[str, Any]]) -> Table:
    title = f"{problem.name}: {problem.size} unknowns, rtol {problem.rtol:g}, atol {problem.atol:g}"
    table = Table(title=title, title_justify="left", caption=_caption(own), caption_justify="left")
    table.add_column("peer")
    errors = next((r["equal"] for r in own if "equal" in r), [])
    for column in ("first", "solve", "error", *(f"to {at['error']:.0e}" for at in errors)):
        table.add_column(column, justify="right")
    table.add_column("Jacobian, or why there is no time")
    for r in own:
        if r["state"] == "done":
            error = "-" if r["error"] is None else f"{r['error']:.1e}"
            equal = ["-" if at["seconds"] is None else seconds(at["seconds"]) for at in r.get("equal", [])]
            equal += ["-"] * (len(errors) - len(equal))
            table.add_row(
                r["peer"], seconds(r["first"]), seconds(r["solve"]), error, *equal, jacobian_of(r["peer"])
            )
        else:
            table.add_row(r["peer"], *["-"] * (3 + len(errors)), f"{r['state']}: {r['why']}")
    return table


def _caption(own: list[dict[str, Any]]) -> str:
    words = []
    for f in factors(own):
        line = (
            f"At an error of {f['error']:.0e} {f['peer']}, the best peer, takes {f['best']:.3g} times as long"
        )
        words.append(line + ("." if f["diffrax"] is None else f", diffrax {f['diffrax']:.3g} times."))
    return "\n".join(words)


def seconds(value: float) -> str:
    """`1.2 s`, `34 ms`, `56 us`."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"
