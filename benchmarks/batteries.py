"""Batteries beside PyBaMM, in one process and in turns: SPM, SPMe, DFN and the DFN put together from parts.

The same cell (Chen2020), the same mesh, the same scheme; one discharge of 5 A, and twenty minutes of a current that
changes with every second. Both warm: models are built and have been solved before.
ready: from the text to the model. first, warm: the first solve, and the least of those that follow. apart: the largest
difference of both voltages.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent / "problems" / "battery"
# Files here, and the name of PyBaMM's model.
CELLS = {"spm": "SPM", "spme": "SPMe", "dfn": "DFN", "dfn_parts": "DFN"}
END, TIMES = 3550.0, np.array([0.0, 60, 600, 1800, 3000, 3300, 3550])
RTOL = ATOL = 1e-6
# As many solves of each, and at most so many seconds of them.
TURNS, SECONDS = 15, 8.0


def drive_cycle(seconds: int = 1200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A current with a knot every second, between charging at 1 A and a discharge of 10 A; made up."""
    draw, at = np.random.default_rng(seed), np.arange(seconds + 1, dtype=float)
    slow = np.convolve(draw.standard_normal(seconds + 61), np.hanning(61) / 5.5, "valid")[: seconds + 1]
    fast = np.repeat(draw.standard_normal(seconds // 4 + 1), 4)[: seconds + 1]
    return at, np.clip(3.0 + 3.0 * slow + 1.5 * fast, -1.0, 10.0)


def batteries(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each model and current."""
    table = Table(title="batteries, milliseconds a solve: least of several in turns", title_justify="left")
    for name in (
        "model",
        "current",
        "unknowns",
        "ready",
        "first",
        "warm",
        "steps",
        "PyBaMM first",
        "warm",
        "apart mV",
    ):
        table.add_column(name, justify="left" if name in ("model", "current") else "right")
    records = []
    for file, peer in CELLS.items():
        for current in ("5 A", "drive"):
            r = {"model": file, "current": current, **measured(file, peer, current)}
            records.append(r)
            table.add_row(
                file,
                current,
                str(r["unknowns"]),
                *(f"{1e3 * r[k]:.3g}" for k in ("ready", "first", "warm")),
                str(r["steps"]),
                *(f"{1e3 * r[k]:.3g}" for k in ("peer first", "peer warm")),
                f"{1e3 * r['apart']:.3f}",
            )
    console.print(table)
    return records


def measured(file: str, peer: str, current: str) -> dict[str, Any]:
    import stiffdsl as sd

    start = time.perf_counter()
    model = sd.load(FOLDER / f"{file}.sml")
    ready = time.perf_counter() - start
    at, amperes = drive_cycle()
    times = TIMES if current == "5 A" else np.linspace(0.0, at[-1], 13)
    inputs = {} if current == "5 A" else {"I": (at, amperes)}

    def ours() -> Any:
        return model.simulate(time=(0, times[-1]), saveat=times, inputs=inputs, rtol=RTOL, atol=ATOL)

    theirs = _pybamm(peer, None if current == "5 A" else (at, amperes), times[-1])
    (first, ours_warm, solution), (peer_first, peer_warm, other) = in_turns(ours, theirs)
    apart = np.max(np.abs(np.asarray(solution["V"]) - [float(other["Voltage [V]"](t)) for t in times]))
    return {
        "unknowns": model.program.size,
        "ready": ready,
        "first": first,
        "warm": ours_warm,
        "steps": solution.stats["accepted"],
        "stats": solution.stats,
        "peer first": peer_first,
        "peer warm": peer_warm,
        "apart": float(apart),
    }


def in_turns(*solves: Callable[[], Any]) -> list[tuple[float, float, Any]]:
    """For each: the seconds of the first call, the least of those that follow, and the last result."""
    firsts, least, results = [], [np.inf] * len(solves), [None] * len(solves)
    for solve in solves:
        start = time.perf_counter()
        solve()
        firsts.append(time.perf_counter() - start)
    begun = time.perf_counter()
    for turn in range(TURNS):
        if turn > 1 and time.perf_counter() - begun > SECONDS:
            break
        for k, solve in enumerate(solves):
            start = time.perf_counter()
            results[k] = solve()
            least[k] = min(least[k], time.perf_counter() - start)
    return list(zip(firsts, least, results, strict=True))


def _pybamm(name: str, table: tuple[np.ndarray, np.ndarray] | None, end: float) -> Callable[[], Any]:
    import pybamm

    pybamm.set_logging_level("ERROR")
    values = pybamm.ParameterValues("Chen2020")
    if table is not None:
        values["Current function [A]"] = pybamm.Interpolant(*table, pybamm.t)
    solver = pybamm.IDAKLUSolver(rtol=RTOL, atol=ATOL)
    made = getattr(pybamm.lithium_ion, name)()
    simulation = pybamm.Simulation(made, parameter_values=values, solver=solver)
    return lambda: simulation.solve([0.0, end] if table is None else table[0])
