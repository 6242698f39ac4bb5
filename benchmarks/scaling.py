"""Scaling of the compiler: five families of models, each at several sizes, every point in its own process.

Seconds are processor time of the process, so that neighbours on a busy machine count less; `wall` is on the clock.
Python's imports are not counted: about a second and a half for each process.
Columns: unknowns are those written, before aliases go; seconds of each stage, of f and its Jacobian in XLA last; MiB:
peak memory; operations of the program and lines of HLO for f and its Jacobian together.
The exponent is the slope of log seconds over log size, over the points that take long enough to be measured.
"""

import argparse
import json
import resource
import sys
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.problem import MODELS
from benchmarks.process import fresh
from benchmarks.texts import mass_action, written_out_rod

SIZES = (1_000, 10_000, 100_000, 1_000_000)
# Reactions of the network: the size of BCR (1,122 species), a tenth of it, and ten times that.
REACTIONS = (2_439, 24_388, 243_880)
SPECIES = 1_122 / 24_388
# The yardstick of the ladder, cells → seconds wanted here to the end of a simulation, and the seconds that JuliaHub
# published for others, on other machines.
YARDSTICK = {1_000: 2.0, 4_000: 3.0, 9_000: 4.0, 20_000: 6.0}
OTHERS = ("Dymola", "ModelingToolkit", "JuliaSimCompiler")
PUBLISHED = {
    1_000: ("6.8", "53", "3.9"),
    4_000: ("24", "1,148", "35"),
    9_000: ("57", "-", "198"),
    20_000: ("-", "-", "1,209"),
}
STAGES = ("syntax", "check", "flat", "graph", "program", "runtime", "rhs and J")
# A stage that takes less is mostly the same whatever the size.
LEAST_SECONDS = 0.05

FAMILIES = {
    "ladder": "examples/rc_ladder",
    "building": "examples/building",
    "grid": "chemistry/brusselator2d",
}


def scaling(limit: float, console: Console) -> list[dict[str, Any]]:
    """A table for each family of models, then the yardstick of the ladder and the network to its first solution."""
    records = []
    for family in (*FAMILIES, "network", "written out"):
        points = {"network": REACTIONS, "written out": SIZES[:-1]}.get(family, SIZES)
        found = [{"family": family, "size": n, **_point(family, n, "compile", limit)} for n in points]
        console.print(_table(family, found))
        records += found
    records += _first_solutions(limit, console)
    return records


def exponent(sizes: list[float], seconds: list[float]) -> float | None:
    """The growth exponent, or None where too few points take `LEAST_SECONDS`."""
    kept = [(n, s) for n, s in zip(sizes, seconds, strict=True) if s >= LEAST_SECONDS]
    if len(kept) < 2:
        return None
    size, spent = np.log(np.array(kept)).T
    return float(np.polyfit(size, spent, 1)[0])


def _point(family: str, n: int, task: str, limit: float) -> dict[str, Any]:
    return fresh(["benchmarks.scaling", family, str(n), task], limit)


def _table(family: str, records: list[dict[str, Any]]) -> Table:
    title = f"{family}: processor seconds of every stage"
    table = Table(title=title, title_justify="left")
    for column in (
        "size",
        "unknowns",
        "states",
        "nonzeros",
        *STAGES,
        "total",
        "wall",
        "MiB",
        "operations",
        "HLO",
    ):
        table.add_column(column, justify="right")
    done = [r for r in records if r["state"] == "done"]
    for r in records:
        if r["state"] != "done":
            table.add_row(f"{r['size']:,}", f"{r['state']}: {r['why']}")
            continue
        table.add_row(
            *(f"{r[k]:,}" for k in ("size", "unknowns", "states", "nonzeros")),
            *(f"{r['seconds'][s]:.2f}" for s in STAGES),
            *(f"{r[k]:.1f}" for k in ("total", "wall")),
            *(f"{r[k]:,}" for k in ("memory", "operations", "hlo")),
        )
    slopes = [exponent([r["size"] for r in done], [r["seconds"][s] for r in done]) for s in STAGES]
    slopes.append(exponent([r["size"] for r in done], [r["total"] for r in done]))
    words = ["-" if slope is None else f"{slope:.2f}" for slope in slopes]
    table.add_section()
    table.add_row("exponent", "", "", "", *words)
    return table


def _first_solutions(limit: float, console: Console) -> list[dict[str, Any]]:
    table = Table(title="From text to the end of a simulation", title_justify="left")
    table.caption = (
        "Dymola, ModelingToolkit and JuliaSimCompiler: as published by JuliaHub, on other machines."
    )
    for column in ("model", "size", "processor s", "wall s", "wanted", "MiB", "steps", *OTHERS):
        table.add_column(column, justify="left" if column == "model" else "right")
    wanted = [("ladder", n, s) for n, s in YARDSTICK.items()] + [("network", REACTIONS[1], 20.0)]
    records = []
    for family, n, goal in wanted:
        r = {"family": family, "size": n, "wanted": goal, **_point(family, n, "solve", limit)}
        records.append(r)
        if r["state"] != "done":
            table.add_row(family, f"{n:,}", f"{r['state']}: {r['why']}")
            continue
        words = (f"{r['total']:.1f}", f"{r['wall']:.1f}", f"{goal:g}", f"{r['memory']:,}", f"{r['steps']:,}")
        table.add_row(family, f"{n:,}", *words, *PUBLISHED.get(n, ()))
    console.print(table)
    return records


# --- one point, in its own process ---------------------------------------------------------------


def _source(family: str, n: int) -> tuple[Any, dict[str, float]]:
    """The text, and the constants that give it `n` states (of the network: reactions)."""
    from stiffdsl.diagnostics import Source
    from stiffdsl.sources import read

    if family == "network":
        return Source("network.sml", mass_action(round(n * SPECIES), n)), {}
    if family == "written out":
        return Source("rod.sml", written_out_rod(n)), {}
    size = {"ladder": n, "building": max(2, n // 4), "grid": round((n / 2) ** 0.5)}[family]
    return read(MODELS / f"{FAMILIES[family]}.sml"), {"N": size}


def _measure(family: str, n: int, task: str) -> dict[str, Any]:
    start = time.process_time()
    _import_compiler()
    imports = time.process_time() - start
    source, constants = _source(family, n)
    clock, processor = time.perf_counter(), time.process_time()
    found = _solved(source, constants) if task == "solve" else _compiled(source, constants)
    return {
        "state": "done",
        **found,
        "imports": imports,
        "total": time.process_time() - processor,
        "wall": time.perf_counter() - clock,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        >> (20 if sys.platform == "darwin" else 10),
    }


def _import_compiler() -> None:
    """All modules that a model needs, so that no stage pays for them: about a second and a half, once a process."""


def _compiled(source: Any, constants: dict[str, float]) -> dict[str, Any]:
    from stiffdsl.pipeline import compile_model

    made: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    last = time.process_time()

    def note(stage: str, representation: Any, spent: float) -> None:
        nonlocal last
        del spent
        made[stage] = representation if stage == "program" else None
        made["unknowns"] = representation.size if stage == "flat" else made.get("unknowns")
        now = time.process_time()
        seconds[stage], last = now - last, now

    model = compile_model(source, constants=constants, on_stage=note)
    import jax

    y, p = model.initial_state(), model.default_parameters
    hlo = 0
    for call in (jax.jit(model.rhs), jax.jit(model.jacobian)):
        lowered = call.lower(0.0, y, p)
        module: Any = lowered.compiler_ir()
        hlo += len(module.operation.get_asm(large_elements_limit=4).splitlines())
        jax.block_until_ready(lowered.compile()(0.0, y, p))
    seconds["rhs and J"] = time.process_time() - last
    return {
        "unknowns": made["unknowns"],
        "states": len(y),
        "nonzeros": int(model.jacobian_pattern.nnz),
        "operations": sum(f.operations for f in made["program"].functions),
        "hlo": hlo,
        "seconds": seconds,
    }


def _solved(source: Any, constants: dict[str, float]) -> dict[str, Any]:
    from stiffdsl.pipeline import compile_model

    solution = compile_model(source, constants=constants).simulate()
    return {"steps": solution.stats["accepted"], "reason": str(solution.reason)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("family", choices=[*FAMILIES, "network", "written out"])
    parser.add_argument("size", type=int)
    parser.add_argument("task", choices=["compile", "solve", "text"], default="compile", nargs="?")
    given = parser.parse_args()
    if given.task == "text":
        print(_source(given.family, given.size)[0].text, end="")
        return
    json.dump(_measure(given.family, given.size, given.task), sys.stdout)


if __name__ == "__main__":
    main()
