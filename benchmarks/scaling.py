"""How the compiler's time grows: every library model that has a size, at three sizes, in fresh processes."""

import argparse
import json
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.compare import seconds
from benchmarks.problem import MODELS
from benchmarks.process import fresh

SIZES = {
    "examples/rc_ladder": (100, 1_000, 10_000),
    "examples/heat_rod": (100, 1_000, 10_000),
    "examples/building": (20, 200, 2_000),
    "chemistry/brusselator2d": (8, 32, 100),
}
STAGES = ("syntax", "check", "flat", "graph", "program", "runtime")


def scaling(limit: float, console: Console) -> list[dict[str, Any]]:
    """One row for each model and size: the compiler's stages, then the first right-hand side and Jacobian."""
    table = Table(title="Compile time by size", title_justify="left")
    for column in ("model", "N", "states", "families", "nonzeros", *STAGES, "first f, J", "f", "J"):
        table.add_column(column, justify="left" if column == "model" else "right")
    records = []
    for model, sizes in SIZES.items():
        for n in sizes:
            record = fresh(["benchmarks.scaling", model, str(n)], limit)
            records.append({"model": model, "N": n, **record})
            if record["state"] != "done":
                table.add_row(model, str(n), f"{record['state']}: {record['why']}")
                continue
            table.add_row(
                model,
                f"{n:,}",
                *(f"{record[k]:,}" for k in ("states", "families", "nonzeros")),
                *(seconds(record["stages"][s]) for s in STAGES),
                *(seconds(record[k]) for k in ("first", "rhs", "jacobian")),
            )
    console.print(table)
    return records


def _measure(name: str, n: int) -> dict[str, Any]:
    import jax

    from stiffdsl.pipeline import compile_model, read

    stages: dict[str, float] = {}
    made: dict[str, Any] = {}

    def note(stage: str, representation: Any, spent: float) -> None:
        stages[stage], made[stage] = spent, representation

    model = compile_model(read(MODELS / f"{name}.sml"), constants={"N": n}, on_stage=note)
    start = time.perf_counter()
    y, p = model.initial_state(), model.default_parameters
    rhs, jacobian = jax.jit(model.rhs), jax.jit(model.jacobian)
    jax.block_until_ready((rhs(0.0, y, p), jacobian(0.0, y, p)))
    first = time.perf_counter() - start
    return {
        "state": "done",
        "states": len(y),
        "families": len(made["flat"].equations),
        "nonzeros": int(model.jacobian_pattern.nnz),
        "stages": stages,
        "first": first,
        "rhs": _best(lambda: rhs(0.0, y, p)),
        "jacobian": _best(lambda: jacobian(0.0, y, p)),
    }


def _best(call) -> float:
    import jax

    times = []
    for _ in range(20):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("model", choices=list(SIZES))
    parser.add_argument("size", type=int)
    given = parser.parse_args()
    json.dump(_measure(given.model, given.size), sys.stdout)
