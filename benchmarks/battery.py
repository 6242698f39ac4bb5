"""The cells of the library beside PyBaMM: SPM, SPMe (with electrolyte) and DFN (Doyle, Fuller and Newman).

Four parameter sets, three rates, both with PyBaMM's mesh and rules at surfaces (`const pybamm`), in turns: warm, models
are built and have been solved before. apart: the largest difference of both voltages at rtol = atol = 1e-8. A cell
that a set describes as discharged is charged.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.batteries import ATOL, RTOL, in_turns

SETS = ("Chen2020", "Marquis2019", "OKane2022", "Mohtat2020")
MODELS = ("SPM", "SPMe", "DFN")
RATES = (0.5, 1.0, 2.0)
# The part of a charge that passes, and what sets describe as discharged.
PASSED = 0.8
DISCHARGED = {"Mohtat2020"}
TIGHT = 1e-8
TEXT = """
from battery.{file} import {model}
from battery.{set_file} import {set}
model Cell extends {model}(set : {set})
end
"""


def battery(console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each set, model and rate."""
    import stiffdsl as sd

    table = Table(title="cells of the library, milliseconds a solve: least of several in turns")
    heads = ("set", "model", "rate", "first", "warm", "steps", "PyBaMM first", "warm", "times", "apart mV")
    for name in heads:
        table.add_column(name, justify="left" if name in ("set", "model") else "right")
    records = []
    for name in SETS:
        for kind in MODELS:
            text = TEXT.format(file=kind.lower(), model=kind, set_file=name.lower(), set=name)
            model = sd.loads(text, constants={"pybamm": 1})
            for rate in RATES:
                r = {"set": name, "model": kind, "rate": rate, **measured(model, name, kind, rate)}
                records.append(r)
                times = (f"{1e3 * r[k]:.3g}" for k in ("first", "warm"))
                peers = (f"{1e3 * r[k]:.3g}" for k in ("peer first", "peer warm"))
                ratio = f"{r['peer warm'] / r['warm']:.1f}"
                apart = f"{1e3 * r['apart']:.4f}"
                table.add_row(name, kind, f"{rate:g}C", *times, str(r["steps"]), *peers, ratio, apart)
    console.print(table)
    return records


def measured(model: Any, name: str, kind: str, rate: float) -> dict[str, Any]:
    end = PASSED * 3600 / rate
    times = np.linspace(0.0, end, 9)
    sign = -1.0 if name in DISCHARGED else 1.0
    peer, amperes = _pybamm(name, kind, sign * rate)

    def ours(rtol: float = RTOL, atol: float = ATOL) -> Any:
        return model.simulate(time=(0, end), saveat=times, inputs={"I": amperes}, rtol=rtol, atol=atol)

    exact = peer(TIGHT)
    theirs = peer(None)
    (first, warm, solution), (peer_first, peer_warm, _) = in_turns(ours, lambda: theirs([0.0, end]))
    reference = exact([0.0, end])["Voltage [V]"](times[1:])
    apart = np.max(np.abs(np.asarray(ours(TIGHT, TIGHT)["V"])[1:] - reference))
    return {
        "first": first,
        "warm": warm,
        "steps": solution.stats["accepted"],
        "peer first": peer_first,
        "peer warm": peer_warm,
        "apart": float(apart),
    }


def _pybamm(name: str, kind: str, rate: float) -> tuple[Callable[[float | None], Any], float]:
    """What makes PyBaMM's solve at a tolerance, and the current in amperes."""
    import pybamm

    pybamm.set_logging_level("ERROR")
    values = pybamm.ParameterValues(name)
    amperes = rate * float(values["Nominal cell capacity [A.h]"])
    values["Current function [A]"] = amperes

    def made(tolerance: float | None) -> Any:
        solver = pybamm.IDAKLUSolver(rtol=tolerance or RTOL, atol=tolerance or ATOL)
        cell = getattr(pybamm.lithium_ion, kind)()
        return pybamm.Simulation(cell, parameter_values=values, solver=solver).solve

    return made, amperes
