"""Surrogates against full solves: seconds a trajectory, in a batch and one at a time.

Full solves are ours and those of the fastest peers, at the tolerances that the model declares. Ours and the surrogate
save all states at 200 times, and in a second batch one of them; a peer, which goes lane by lane, gives its end values
only, at the declared parameters. All run on one core and are called in turns, and the fastest call counts.
Columns: worst error on samples held out; seconds a trajectory of the surrogate in a batch, of our batch of full solves
and how many times as long, of the fastest peer and how many times as long; the surrogate's batch of one state, with our
full solves and the peer as multiples of it; one call of the surrogate, and of `simulate`.
"""

import os
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import stiffdsl as sd
from benchmarks.compare import seconds
from benchmarks.peers import Unsupported, prepare
from benchmarks.problem import BenchmarkProblem
from benchmarks.problems import PROBLEMS
from benchmarks.problems.building import building
from stiffdsl.resources import folder

SAMPLES, TIMES = 64, 200
# Turns, and the seconds of each.
TURNS, TURN = 7, 0.05
LANES, FULL_LANES = 1024, 64
# Numbers of a batch of predictions: a large model has fewer lanes.
NUMBERS = 20_000_000
PEERS = "pydiffsol BDF", "casadi CVODES", "casadi CVODES MUMPS"
# What varies by 50 % of its declared value.
CASES = {
    "rober": ("k1", "k2", "k3"),
    "pollu": ("k1", "k2", "k3", "k4"),
    "hires": ("k1", "k2", "k3", "k4"),
    "building 100": ("G_partition", "glass", "capacity"),
    "building 200": ("G_partition", "glass", "capacity"),
}


def surrogates(console: Console) -> list[dict[str, Any]]:
    """Trains one for each case, prints a table, and returns one record for each."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    table = Table(title=f"Seconds a trajectory of {TIMES} times, all states", title_justify="left")
    heads = (
        "error",
        "batch",
        "ours",
        "times",
        "peer",
        "times",
        "one state",
        "times",
        "times",
        "one",
        "ours",
        "times",
    )
    table.add_column("case")
    for head in heads:
        table.add_column(head, justify="right")
    records = []
    for name, varied in CASES.items():
        problem = building(100) if name == "building 100" else PROBLEMS[name]()
        record = measured(problem, varied)
        records.append(record)
        batch, one, full = record["batch"], record["one"], record["full"]
        table.add_row(
            name,
            f"{100 * record['worst']:.2g} %",
            seconds(batch),
            seconds(full["batch"]),
            f"{full['batch'] / batch:,.0f}",
            f"{seconds(full['peer'])} {full['name']}",
            f"{full['peer'] / batch:,.0f}",
            seconds(record["one state"]),
            f"{full['one state'] / record['one state']:,.0f}",
            f"{full['peer'] / record['one state']:,.0f}",
            seconds(one),
            seconds(full["one"]),
            f"{full['one'] / one:,.1f}",
        )
    console.print(table)
    return records


def measured(problem: BenchmarkProblem, varied: tuple[str, ...]) -> dict[str, Any]:
    """Seconds of all, and the worst error of the surrogate on samples held out."""
    model = _model(problem)
    declared = {name: model.parameters[name].value or 0.0 for name in varied}
    vary = {name: (0.5 * value, 1.5 * value) for name, value in declared.items()}
    states = tuple(row.name for row in model.states)
    start, end = problem.time
    times = np.linspace(start, end, TIMES + 1)[1:]
    learnt = model.surrogate(vary, "rbf", SAMPLES, times=times, outputs=states)
    lanes = int(np.clip(NUMBERS // (TIMES * len(states)), 32, LANES))
    unit = np.random.default_rng(0).random((lanes, len(varied)))
    rows = np.array([low for low, _ in vary.values()]) + unit * np.array(list(declared.values()))
    many = dict(zip(varied, rows[np.arange(LANES) % lanes].T, strict=True))
    few = dict(zip(varied, rows[:FULL_LANES].T, strict=True))
    single = dict(zip(varied, rows[0], strict=True))
    calls: dict[str, Callable[[], Any]] = {
        "batch": lambda: learnt.predict(rows),
        "one state": lambda: learnt.ensemble(many, times, states[:1]),
        "one": lambda: learnt.simulate(params=single, saveat=times),
        "full batch": lambda: model.ensemble(few, times, states),
        "full one state": lambda: model.ensemble(few, times, states[:1]),
        "full one": lambda: model.simulate(params=single, saveat=times),
    }
    for peer in PEERS:
        try:
            run = prepare(peer)(problem)
        except (Unsupported, ImportError):
            continue
        calls[peer] = lambda run=run: run(problem.rtol, problem.atol)
    least = _in_turns(calls)
    fastest = min((peer for peer in PEERS if peer in least), key=least.__getitem__)
    return {
        "case": problem.name,
        "states": len(states),
        "worst": learnt.validation["worst"],
        "p95": learnt.validation["p95"],
        "lanes": lanes,
        "batch": least["batch"] / lanes,
        "one state": least["one state"] / LANES,
        "one": least["one"],
        "full": {
            "batch": least["full batch"] / len(rows[:FULL_LANES]),
            "one state": least["full one state"] / len(rows[:FULL_LANES]),
            "one": least["full one"],
            "peer": least[fastest],
            "name": fastest,
        },
        "peers": {peer: least[peer] for peer in PEERS if peer in least},
    }


def _model(problem: BenchmarkProblem) -> Any:
    """The model of the problem; of the building, with what its rooms have in common as parameters."""
    if not problem.constants:
        return sd.load(problem.file)
    text = (folder("models") / f"{problem.model}.sml").read_text()
    text = text.replace("Room(T_set", "Room(window_U = glass, C_air = capacity, T_set")
    text = text.replace("HeatCapacitor(C = 4e5)", "HeatCapacitor(C = C_air)")
    text = text.replace("  part inside ", "  param C_air = 4e5 [J/K]\n  part inside ")
    text = text.replace(
        "  part weather ", "  param glass = 1.1 [W/(m^2*K)]\n  param capacity = 4e5 [J/K]\n  part weather "
    )
    return sd.loads(text, "Building", dict(problem.constants))


def _in_turns(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Seconds of the fastest call of each, after one that compiles: every turn lasts a little."""
    least = dict.fromkeys(calls, np.inf)
    for turn in range(TURNS + 1):
        for name, call in calls.items():
            began = end = perf_counter()
            while end - began < TURN:
                begin = perf_counter()
                call()
                end = perf_counter()
                if turn:
                    least[name] = min(least[name], end - begin)
    return least
