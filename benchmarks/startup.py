"""Time to the first solution of Robertson: fresh processes, empty and filled JAX cache.

import     `import stiffdsl`, JAX included
compile    from the text to the compiled model
first      from there to the first solution
second     the same call once more
"""

import argparse
import json
import sys
import tempfile
import time
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.compare import seconds
from benchmarks.problem import MODELS
from benchmarks.process import fresh

STEPS = ("import", "compile", "first", "second")
# Everything is kept: the defaults leave out what compiles in less than a second.
CACHE = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0"}


def start_up(limit: float, console: Console) -> list[dict[str, Any]]:
    """Two fresh processes that share a JAX cache folder, empty for the first."""
    table = Table(title="Robertson, from a fresh process", title_justify="left")
    table.add_column("JAX cache")
    for step in (*STEPS, "all, wall"):
        table.add_column(step, justify="right")
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for label in ("empty", "filled", "filled, again"):
            start = time.perf_counter()
            record = fresh(["benchmarks.startup"], limit, {**CACHE, "JAX_COMPILATION_CACHE_DIR": folder})
            wall = time.perf_counter() - start
            if record["state"] == "done":
                table.add_row(label, *(seconds(record[s]) for s in STEPS), seconds(wall))
            else:
                table.add_row(label, f"{record['state']}: {record['why']}")
            records.append({"cache": label, "wall": wall, **record})
    console.print(table)
    return records


def _measure() -> dict[str, Any]:
    marks = [time.perf_counter()]
    import stiffdsl as sd

    _ = sd.CompiledModel
    marks.append(time.perf_counter())
    model = sd.load(MODELS / "chemistry" / "robertson.sml")
    marks.append(time.perf_counter())
    for _ in range(2):
        assert model.simulate().success
        marks.append(time.perf_counter())
    spent = [b - a for a, b in pairwise(marks)]
    return {"state": "done", **dict(zip(STEPS, spent, strict=True))}


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m benchmarks.startup").parse_args()
    json.dump(_measure(), sys.stdout)
