"""Envelope cases of ASHRAE 140-2020 through a year of weather, beside the ranges of the programs that it compares.

Energies are in MWh, powers of the highest hour in kW, temperatures of the free cases in degC; balance: what walls,
glass and air hold at the end less what came in, by what went through. Ranges: of BSIMAC, CSE, DeST, EnergyPlus, ESP-r
and TRNSYS, as the Buildings library tells them (lbl-srg/modelica-buildings, BESTEST UsersGuide, 62845d79). Seconds: of
processor time for the year, behind an hour that compiles.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from stiffdsl.resources import folder

YEAR, HOUR, RTOL = 365 * 86400, 3600.0, 1e-5
# By case and figure: the least and the greatest of the programs.
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "600": {
        "heating": (3.993, 4.504),
        "cooling": (5.432, 6.162),
        "peak heating": (3.020, 3.359),
        "peak cooling": (5.422, 6.481),
    },
    "610": {"heating": (4.066, 4.592), "cooling": (4.117, 4.382)},
    "620": {"heating": (4.094, 4.719), "cooling": (3.841, 4.404)},
    "640": {"heating": (2.403, 2.682), "cooling": (5.237, 5.893), "peak heating": (4.039, 4.658)},
    "900": {"heating": (1.379, 1.814), "cooling": (2.267, 2.714), "peak heating": (2.443, 2.778)},
    "910": {"heating": (1.648, 2.163), "cooling": (1.191, 1.490)},
    "920": {"heating": (2.956, 3.607), "cooling": (2.549, 3.128)},
    "940": {"heating": (0.863, 1.389), "cooling": (2.203, 2.613), "peak heating": (3.052, 3.882)},
    "600FF": {"warmest": (62.4, 68.4), "coldest": (-13.8, -9.9)},
    "900FF": {"warmest": (43.3, 46.0), "coldest": (0.6, 2.2)},
}


def bestest(console: Console, weather: Path | None) -> list[dict[str, Any]]:
    """Runs all cases under the weather of a file (the standard: Denver, 725650 TMY3); prints a table, and returns one
    record for each figure. Raises `SystemExit` without a file."""
    if weather is None:
        raise SystemExit(
            "bestest needs the weather of the standard: --weather USA_CO_Denver.Intl.AP.725650_TMY3.epw"
        )
    table = Table(title="cases of ASHRAE 140-2020", title_justify="left")
    for name in ("case", "figure", "here", "range", "inside", "balance", "seconds", "steps"):
        table.add_column(name, justify="left" if name in ("case", "figure") else "right")
    records = []
    for case, ranges in RANGES.items():
        found = measured(case, weather)
        for k, (figure, (low, high)) in enumerate(ranges.items()):
            value = found["figures"][figure]
            inside = low <= value <= high
            first = (
                (f"{found['balance']:.0e}", f"{found['seconds']:.3g}", str(found["steps"])) if k == 0 else ()
            )
            table.add_row(case, figure, f"{value:.4g}", f"{low} to {high}", "yes" if inside else "no", *first)
            records.append(
                {"case": case, "figure": figure, "value": value, "low": low, "high": high, "inside": inside}
                | {key: found[key] for key in ("balance", "seconds", "steps")}
            )
    console.print(table)
    return records


def measured(case: str, weather: Path) -> dict[str, Any]:
    """The figures of a case, how far its balance is open, and the processor time of a warm year."""
    import stiffdsl as sd

    model = sd.load(folder("models") / "building" / "bestest.sml", model=f"Case{case}")
    run = {"inputs": {"weather": str(weather)}, "rtol": RTOL, "atol": RTOL, "max_steps": 3_000_000}
    model.simulate((0, HOUR), **run)
    start = time.process_time()
    found = model.simulate((0, YEAR), saveat=np.arange(0.0, YEAR + 1, HOUR), **run)
    seconds = time.process_time() - start
    assert found.success, found.reason
    figures = {"warmest": float(found["T_air"].max()), "coldest": float(found["T_air"].min())}
    if not case.endswith("FF"):
        for name, meter in (("heating", "heater.heat"), ("cooling", "heater.cold")):
            energy = found[meter]
            figures |= {name: float(energy[-1]), f"peak {name}": float(np.diff(energy).max() * 1e3)}
    stored, entered = found["stored"] / 3.6e9, found["entered"]
    went = float(np.abs(np.diff(entered)).sum())
    balance = float(stored[-1] - stored[0] - entered[-1]) / went
    return {
        "figures": figures,
        "balance": balance,
        "seconds": seconds,
        "steps": found.stats["accepted"] + found.stats["rejected"],
    }
