"""Measured data beside a solution: the columns of a file that are variables of the model, and how far off it is."""

from typing import Any

import click
import numpy as np

from stiffdsl.cli.data import DataColumns
from stiffdsl.cli.loading import converted
from stiffdsl.diagnostics import did_you_mean


def measured(model: Any, data: DataColumns) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Times and values of the columns that are variables of the model, in declared units.

    Raises UsageError where no column is one.
    """
    found = {}
    for name, values in data.columns.items():
        if name not in model.variable_names or model.variable_names.find(name).shape:
            continue
        kept = ~np.isnan(values)
        unit = model.variable_names.find(name).block.unit
        found[name] = data.t[kept], converted(name, values[kept], data.units[name], unit)
    if not found:
        known = [block.name for block in model.variable_names.blocks]
        hint = next((h for h in (did_you_mean(c, known) for c in data.columns) if h), None)
        listed = ", ".join(f"`{c}`" for c in data.columns)
        raise click.UsageError(
            f"--compare: no column of {data.path} is a variable of the model (it has {listed})"
            + (f"; {hint}" if hint else "")
        )
    return found


def differences(solution: Any, data: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[dict[str, Any]]:
    """For each column: how many values lie in the solved time, and how far the solution is from these."""
    rows = []
    low, high = min(solution.t[0], solution.t[-1]), max(solution.t[0], solution.t[-1])
    for name, (t, values) in data.items():
        inside = (t >= low) & (t <= high)
        row: dict[str, Any] = {
            "name": name,
            "unit": solution.view.units.get(name),
            "values": int(inside.sum()),
        }
        row["outside"] = len(t) - row["values"]
        if row["values"]:
            off = _at(solution, name, t[inside]) - values[inside]
            spread = float(np.ptp(values[inside]))
            rms = float(np.sqrt(np.mean(off**2)))
            row |= {"rms": rms, "worst": float(np.max(np.abs(off))), "bias": float(np.mean(off))}
            row["relative"] = rms / spread if spread > 0 else None
        rows.append(row)
    return rows


def _at(solution: Any, name: str, t: np.ndarray) -> np.ndarray:
    """The solution at the times of the data: by dense output, else on straight lines between saved times."""
    if solution.continuous:
        return np.asarray(solution(t)[name])
    order = np.argsort(solution.t)
    return np.interp(t, solution.t[order], np.asarray(solution[name])[order])
