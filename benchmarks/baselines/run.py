"""Trains all methods on each case and prints one table of errors and times.

A budget is in seconds of the processor, of all cores together: other work on the machine does not count. Networks are
stopped when it is spent, and what compiling them took comes on top; the echo state network stops trying settings; the
rest takes what it needs, and is marked `over` where that is more. Networks have fixed sizes and one learning rate:
the rows say what a user gets for that budget, not what such networks can do. Ours see as many solves again, to
calibrate intervals.
Columns: relative error at samples held out (to the value where an output spans decades, else to its range); processor
seconds of training (ours with compiling, intervals and speed); one call; a trajectory in a batch of 256.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import process_time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.baselines import networks, plain, with_scikit
from benchmarks.baselines.case import SAMPLES, BaselineCase, make
from benchmarks.baselines.plain import Predict
from stiffdsl.runtime.session import prepare
from stiffdsl.surrogate.learn.speed import fastest
from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.learn.validation import errors, summary
from stiffdsl.surrogate.methods.registry import METHODS

Fit = Callable[[BaselineCase, float, int], Predict]
_LANES = 256
_SEED = 0
# They end when the budget is spent, and what compiling took is not counted; all others count whole.
_ENDING = networks.gru, networks.deeponet, networks.neural_ode, networks.physics_informed


def _ours(method: str) -> Fit:
    """Our own training, which does not stop at a budget: where it takes longer the record says so."""
    return lambda case, budget, seed: train(case.task, method, case.data.samples, seed).predict


BASELINES: dict[str, Fit] = {
    "RBF, raw outputs": plain.raw_rbf,
    "polynomial chaos": plain.polynomial_chaos,
    "echo state network": plain.echo_state,
    "Gaussian processes": with_scikit.gaussian_process,
    "kernel ridge": with_scikit.kernel_ridge,
    "small network": with_scikit.network,
    "GRU": networks.gru,
    "DeepONet": networks.deeponet,
    "neural ODE": networks.neural_ode,
    "physics-informed": networks.physics_informed,
}
OURS: dict[str, Fit] = {m: _ours(m) for m in (*(m.name for m in METHODS if not m.inputs), "auto")}


def baselines(
    names: Sequence[str], budget: float, console: Console, samples: int = SAMPLES
) -> list[dict[str, Any]]:
    """A record for each method and case, whatever becomes of it."""
    prepare()
    records = []
    for name in names:
        try:
            case = make(name, samples)
        except ValueError as error:
            records.append({"case": name, "method": "full model", **_failed(error)})
            console.print(f"{name}: {records[-1]['why']}")
            continue
        if count := sum(len(s.failed) for s in case.data.every):
            console.print(
                f"{name}: {count} samples failed and are left out for all, {case.data.every[0].reasons[:1]}"
            )
        found = []
        for record in measured(case, BASELINES | OURS, budget):
            console.print(f"{name}, {record['method']}: {_told(record)}")
            found.append(record)
        console.print(table(case, found, budget))
        records += found
    return records


def measured(case: BaselineCase, fits: Mapping[str, Fit], budget: float) -> Iterator[dict[str, Any]]:
    """The full model's record, and one for each of `fits`: `state` is `done`, `over budget`, `missing` or `failed`."""
    yield {
        "case": case.name,
        "method": "full model",
        "state": "done",
        **_seconds(case, case.full, case.batch),
    }
    for label, fit in fits.items():
        head = {"case": case.name, "method": label, "samples": len(case.data.training)}
        try:
            yield head | _measured(case, fit, budget)
        except Exception as error:  # Whatever another library raises is that method's own row.
            yield head | _failed(error)


def _failed(error: Exception) -> dict[str, Any]:
    why = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return {"state": "missing" if isinstance(error, ImportError) else "failed", "why": why}


def _measured(case: BaselineCase, fit: Fit, budget: float) -> dict[str, Any]:
    """Errors at the test samples, seconds of training (measuring included for ours), and per predicted trajectory."""
    begin = process_time()
    predict = fit(case, budget, _SEED)
    seconds = process_time() - begin
    over = fit not in _ENDING and seconds > budget
    test = case.data.test
    return {
        "state": "over budget" if over else "done",
        **summary(errors(test.trajectories, predict(test.values), case.denominator)),
        "training": seconds,
        **_seconds(case, lambda row: predict(row[None]), predict),
    }


def _seconds(
    case: BaselineCase, one: Callable[[np.ndarray], Any] | None, many: Callable[[np.ndarray], Any] | None
) -> dict:
    test = case.data.test.values
    lanes = test[np.arange(_LANES) % len(test)]
    return {
        "one": fastest(lambda: one(test[0]), 5) if one is not None else None,
        "batch": fastest(lambda: many(lanes), 3) / _LANES if many is not None else None,
    }


def _told(record: dict[str, Any]) -> str:
    if "why" in record:
        return f"{record['state']}: {record['why']}"
    if "worst" not in record:
        return "solved"
    return f"worst error {record['worst']:.3g}" + (
        ", over budget" if record["state"] == "over budget" else ""
    )


def table(case: BaselineCase, records: Sequence[dict[str, Any]], budget: float) -> Table:
    """A row for each record; seconds over the budget are marked."""
    counts = f"{len(case.data.training)} samples, {len(case.data.test)} held out"
    found = Table(title=f"{case.name}: {counts}, {budget:g} s for each method")
    found.add_column("method")
    for head in ("median", "95 %", "worst", "training, s", "one, ms", "batch, us each"):
        found.add_column(head, justify="right")

    def shown(value: float | None, scale: float, form: str) -> str:
        return "" if value is None else f"{scale * value:{form}}"

    for r in records:
        if "why" in r:
            found.add_row(r["method"], r["state"])
            continue
        row = [
            shown(r.get(key), 100, ".2g") + (" %" if key in r else "") for key in ("median", "p95", "worst")
        ]
        took = shown(r.get("training"), 1, ".1f") + (", over" if r["state"] == "over budget" else "")
        found.add_row(r["method"], *row, took, shown(r["one"], 1e3, ".2g"), shown(r["batch"], 1e6, ".3g"))
    return found
