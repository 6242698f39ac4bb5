"""Buildings through weather by the hour: a house for a year, and rows of 10 and 100 zones for two weeks.

Seconds: compile, from the text to the model; first, the first solve; warm, the least of those that follow. kWh: heat
for all zones together.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import weather

FILE = Path(__file__).parent / "problems" / "envelope" / "zone.sml"
# The model, zones, days.
CASES = (("House", 1, 365), ("Building", 10, 14), ("Building", 100, 14))
TURNS = 3


def buildings(console: Console, file: Path | None = None) -> list[dict[str, Any]]:
    """Runs all under the weather of a file, or made up; prints a table, and returns one record for each."""
    table = Table(title="buildings, seconds", title_justify="left")
    for name in (
        "zones",
        "days",
        "unknowns",
        "compile",
        "first",
        "warm",
        "method",
        "tier",
        "steps",
        "rejected",
        "kWh",
    ):
        table.add_column(name, justify="left" if name in ("method", "tier") else "right")
    records = []
    for model, zones, days in CASES:
        r = {"zones": zones, "days": days, **measured(model, zones, days, file)}
        records.append(r)
        seconds = (f"{r[k]:.3g}" for k in ("compile", "first", "warm"))
        counts = (str(r["stats"][k]) for k in ("method", "tier", "accepted", "rejected"))
        table.add_row(str(zones), str(days), str(r["unknowns"]), *seconds, *counts, f"{r['heating']:.4g}")
    console.print(table)
    return records


def measured(name: str, zones: int, days: int, file: Path | None) -> dict[str, Any]:
    import stiffdsl as sd

    start = time.perf_counter()
    model = sd.load(FILE, model=name, constants={} if zones == 1 else {"N": zones})
    ready = time.perf_counter() - start
    series = weather.made_up(days) if file is None else weather.read(file, days)
    at = series.pop("time")
    inputs = {key: (at, values) for key, values in series.items()}
    saved = np.arange(0.0, at[-1], 86400.0)
    seconds = []
    for _ in range(1 + TURNS):
        start = time.perf_counter()
        solution = model.simulate(
            time=(at[0], at[-1]), saveat=saved, inputs=inputs, rtol=1e-6, atol=1e-6, max_steps=1_000_000
        )
        seconds.append(time.perf_counter() - start)
    meters = ["zone.heating"] if zones == 1 else [f"zones[{i + 1}].heating" for i in range(zones)]
    return {
        "unknowns": model.program.size,
        "compile": ready,
        "first": seconds[0],
        "warm": min(seconds[1:]),
        "stats": solution.stats,
        "heating": float(sum(solution[meter][-1] for meter in meters)) / 3.6e6,
    }
