"""Trains all methods on each case and prints one table of errors and times."""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.baselines import networks, plain
from benchmarks.baselines.case import SAMPLES, Case, make
from benchmarks.baselines.plain import Predict
from stiffdsl.runtime.session import prepare
from stiffdsl.surrogate.scaling import relative_to
from stiffdsl.surrogate.speed import fastest
from stiffdsl.surrogate.train import train
from stiffdsl.surrogate.validation import errors, summary

OURS = ("lpctesn", "npctesn", "neural", "regression", "rbf", "auto")
BASELINES: dict[str, Callable[[Case, float, int], Predict]] = {
    "RBF, raw outputs": plain.raw_rbf,
    "polynomial chaos": plain.polynomial_chaos,
    "echo state network": plain.echo_state,
    "GRU": networks.gru,
    "DeepONet": networks.deeponet,
    "neural ODE": networks.neural_ode,
    "physics-informed": networks.physics_informed,
}
_LANES = 256


def baselines(
    names: Sequence[str], budget: float, console: Console, samples: int = SAMPLES
) -> list[dict[str, Any]]:
    """One record for each method and case. Networks train `budget` seconds each, ours as long as needed."""
    prepare()
    records = []
    for name in names:
        case = make(name, samples)
        if count := sum(len(s.failed) for s in case.data.every):
            console.print(
                f"{name}: {count} samples failed and are left out for all, {case.data.every[0].reasons[:1]}"
            )
        fits: dict[str, Callable[[Case], Predict]] = {}
        for label, fit in BASELINES.items():
            if fit is not networks.physics_informed or case.equations is not None:
                fits[label] = lambda case, fit=fit: fit(case, budget, 0)
        fits |= {m: partial(_ours, method=m) for m in OURS}
        found = []
        for label, fit in fits.items():
            try:
                found.append(_measured(case, label, fit))
            except ImportError as error:
                console.print(f"{name}, {label}: missing: {error}")
                continue
            console.print(f"{name}, {label}: worst error {found[-1]['worst']:.3g}")
        console.print(_table(case, found))
        records += found
    return records


def _ours(case: Case, method: str) -> Predict:
    made = train(case.task, method, case.data.samples)
    return made.predict


def _measured(case: Case, label: str, fit: Callable[[Case], Predict]) -> dict[str, Any]:
    """Errors at the test samples, seconds of training (measuring included for ours), and per predicted trajectory."""
    begin = perf_counter()
    predict = fit(case)
    seconds = perf_counter() - begin
    test = case.data.test
    denominator = relative_to(test.trajectories, case.data.training.trajectories, False)
    many = test.values[np.arange(_LANES) % len(test)]
    return {
        "case": case.name,
        "method": label,
        "samples": len(case.data.training),
        **summary(errors(test.trajectories, predict(test.values), denominator)),
        "training": seconds,
        "one": fastest(lambda: predict(test.values[:1]), 5),
        "batch": fastest(lambda: predict(many), 3) / _LANES,
    }


def _table(case: Case, records: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{case.name}: {len(case.data.training)} samples, {len(case.data.test)} held out")
    table.add_column("method")
    for head in ("median", "95 %", "worst", "training, s", "one, ms", "batch, us each"):
        table.add_column(head, justify="right")
    for r in records:
        row = [f"{100 * r[key]:.2g} %" for key in ("median", "p95", "worst")]
        table.add_row(
            r["method"], *row, f"{r['training']:.1f}", f"{1e3 * r['one']:.2g}", f"{1e6 * r['batch']:.3g}"
        )
    return table
