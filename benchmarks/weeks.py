"""A surrogate of a zone for a week, under weather it has not seen: section G of what outside use found.

Learns the temperature of `envelope/light_zone.sml` from every other week of a year of weather, all series of a week
together, and a parameter; the other weeks are the test, with parameters drawn evenly, against solves at 1e-8. The goal
is 0.1 K at worst. Columns: seconds of the training; what 95 %, 99.9 % and all of the hourly errors are below; warnings
that a week is outside of the domain; seconds of a week, one and in a batch.
"""

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import stiffdsl as sd
from benchmarks import weather

FILE = Path(__file__).parent / "problems" / "envelope" / "light_zone.sml"
METHOD, SAMPLES, HELD_OUT = "galerkin", 64, 40
WEEK, WEEKS, GOAL = 168, 52, 0.1
VARIED = {"U_glass": (1.5, 5.0)}


def weeks(
    console: Console, samples: int = SAMPLES, held_out: int = HELD_OUT, hours: int = WEEK
) -> list[dict[str, Any]]:
    """Trains and tests one, prints a table, and returns the record."""
    record = measured(samples, held_out, hours)
    table = Table(title="a zone for a week, temperature in K", title_justify="left")
    for name in record:
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in record.values()))
    console.print(table)
    return [record]


def measured(samples: int, held_out: int, hours: int) -> dict[str, Any]:
    """The record: errors under the weeks that were not learnt from."""
    model = sd.load(FILE, model="LightZone")
    year = weather.made_up(7 * WEEKS + 1)
    times = year.pop("time")[: hours + 1]
    series = {
        name: np.array([values[WEEK * w : WEEK * w + hours + 1] for w in range(WEEKS)])
        for name, values in year.items()
        if name in model.inputs
    }
    learnt, unseen = np.arange(0, WEEKS, 2), np.arange(1, WEEKS, 2)
    vary: dict[str, Any] = {name: [(times, rows[w]) for w in learnt] for name, rows in series.items()}
    start = time.perf_counter()
    made = model.surrogate(
        VARIED | vary, METHOD, samples, held_out_samples=held_out, times=times, outputs=("T",)
    )
    seconds = time.perf_counter() - start
    draw = np.random.default_rng(1)
    params = {name: draw.uniform(low, high, len(unseen)) for name, (low, high) in VARIED.items()}
    inputs = {name: (times, rows[unseen]) for name, rows in series.items()}
    truth = model.ensemble(params, times, ("T",), inputs=inputs, rtol=1e-8, atol=1e-8).values
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answers = made.ensemble(params, times, ("T",), inputs=inputs).values
    off = np.abs(np.asarray(answers) - np.asarray(truth))
    return {
        "method": made.method,
        "training": seconds,
        "95 %": float(np.quantile(off, 0.95)),
        "99.9 %": float(np.quantile(off, 0.999)),
        "worst": float(off.max()),
        "met": bool(off.max() <= GOAL),
        "flagged": sum(issubclass(w.category, sd.OutsideDomainWarning) for w in told),
        "one": float(made.speed["one"]["surrogate"]),
        "batch": float(made.speed["batch"]["surrogate"]),
    }
