"""Overhead of a call beyond the kernel that steps: of `simulate`, and of the function that `solver` returns.

The least of many calls by the clock, which other work on the machine moves least; the kernel's own is that of the
machine code, called with all arrays in place.
Columns: steps of the solve; microseconds of the kernel, of `simulate(saveat=[end])`, of the function that
`model.solver(saveat=[end])` returns, called as it is and inside of `jax.jit`; `simulate` less the kernel, over the
steps.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.problem import MODELS
from stiffdsl.native import NativeSolver
from stiffdsl.native.host.solver import NO_TABLES, _Call
from stiffdsl.native.step.layout import OPTIONS
from stiffdsl.runtime import tier

FILES = ("chemistry/robertson", "chemistry/hires", "chemistry/pollu", "problems/van_der_pol")
SECONDS, MOST = 0.5, 2000
LIMITS: dict[str, Any] = {"first_step": None, "max_step": math.inf, "max_steps": 100_000}


def overhead(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each model."""
    import stiffdsl as sd

    table = Table(title="microseconds a call", title_justify="left")
    for name in (
        "model",
        "steps",
        "kernel",
        "simulate",
        "solver",
        "solver, jit",
        "beyond the kernel, a step",
    ):
        table.add_column(name, justify="left" if name == "model" else "right")
    records = []
    for file in FILES:
        record = _measured(sd.load(MODELS / f"{file}.sml"))
        records.append(record)
        shown = (record[k] for k in ("kernel", "simulate", "solver", "jit"))
        table.add_row(
            record["model"], str(record["steps"]), *(f"{v:.0f}" for v in shown), f"{record['a step']:.2f}"
        )
    console.print(table)
    return records


def _measured(model: Any) -> dict[str, Any]:
    start, end = model.experiment["time"]
    steps = model.simulate(saveat=[end], method="rodas5p").stats["accepted"]
    native = tier.kernel(model, "rodas5p")
    assert isinstance(native, NativeSolver)
    name = model.parameter_names.blocks[0].scalar_name(0)
    block = model.parameter_names.blocks[0]
    value = float((model.default_parameters[0] - block.shift) / block.scale)
    solve = model.solver(saveat=[end], method="rodas5p")
    compiled = jax.jit(lambda v: solve({name: v}))
    spent = {
        "kernel": _kernel(native, model, start, end),
        "simulate": least(lambda: model.simulate(saveat=[end], method="rodas5p")),
        "solver": least(lambda: jax.block_until_ready(solve({name: value}))),
        "jit": least(lambda: jax.block_until_ready(compiled(value))),
    }
    return {
        "model": model.name,
        "steps": steps,
        **spent,
        "a step": (spent["simulate"] - spent["kernel"]) / steps,
    }


def _kernel(native: NativeSolver, model: Any, start: float, end: float) -> float:
    args, y0 = model.args(), model.initial_state()
    given = {k: float(model.experiment.get(k, d)) for k, d in (("rtol", 1e-6), ("atol", 1e-9))}
    p, u = np.asarray(args.p), np.asarray(args.inputs.constant)
    call = _Call(native, start, end, y0, p, u, NO_TABLES, (), **given, **LIMITS)
    scratch = call.scratch

    def run() -> None:
        scratch.arrays["options"][OPTIONS.index("resume")] = 0.0
        native._lanes(scratch.address, scratch.stride_address, 1)

    spent = least(run)
    call.arrived()
    return spent


def least(call: Callable[[], Any]) -> float:
    """The least microseconds."""
    call()
    found: list[float] = []
    while len(found) < 3 or (len(found) < MOST and sum(found) < SECONDS):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return 1e6 * min(found)
