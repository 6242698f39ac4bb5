"""Reduced equations as arrays and JSON: formulas are lists of operations, as they are computed."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from stiffdsl.program.ops import Op
from stiffdsl.surrogate.core.formula import Formula
from stiffdsl.surrogate.core.stored import Arrays, FormulaFormat, StoredCoordinates
from stiffdsl.surrogate.methods.galerkin.fixed_steps import Steps
from stiffdsl.surrogate.methods.galerkin.reduced import GalerkinProjection, ReducedExpansion
from stiffdsl.surrogate.regression.neural import NetworkMap
from stiffdsl.surrogate.regression.storage import packed_map, unpacked_map


def packed(expansion: ReducedExpansion, arrays: Arrays) -> dict[str, Any]:
    """Puts the arrays into `arrays` and returns the rest."""
    formulas = {"read": _pack(expansion.read, "read", arrays)}
    for field in fields(GalerkinProjection):
        value = getattr(expansion.reduced, field.name)
        if isinstance(value, Formula):
            formulas[field.name] = _pack(value, field.name, arrays)
        else:
            arrays[f"reduced.{field.name}"] = value
    arrays |= {"reduced.scale": expansion.scale, "reduced.shift": expansion.shift}
    return {
        "begin": packed_map(expansion.begin, "begin", arrays),
        "reduced": {"formulas": formulas, "steps": asdict(expansion.steps)},
    }


def unpacked(
    meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], stored: StoredCoordinates
) -> ReducedExpansion:
    """The reduced equations that `packed` stored."""
    own = meta["reduced"]
    formulas: dict[str, Any] = {name: _unpack(rest, name, arrays) for name, rest in own["formulas"].items()}
    read = formulas.pop("read")
    others = {
        f.name: arrays[f"reduced.{f.name}"]
        for f in fields(GalerkinProjection)
        if f"reduced.{f.name}" in arrays
    }
    begin = unpacked_map(meta["begin"], "begin", arrays)
    assert isinstance(begin, NetworkMap)
    return ReducedExpansion(
        stored.clock,
        stored.parameters,
        stored.outputs,
        stored.scalars,
        stored.inputs,
        stored.knots,
        GalerkinProjection(**others, **formulas),
        begin,
        Steps(**own["steps"]),
        read,
        arrays["reduced.scale"],
        arrays["reduced.shift"],
    )


def _pack(formula: Formula, name: str, arrays: Arrays) -> list[list[Any]]:
    arrays |= {f"{name}.table.{key}": value for key, value in formula.tables.items()}
    arrays |= {f"{name}.reads.{key}": value for key, value in formula.reads.items()}
    return [[op.name, list(op.args), _plain(op.data), op.size] for op in formula.ops]


def _plain(data: Any) -> Any:
    """JSON has no infinite numbers that every reader takes."""
    return repr(data) if isinstance(data, float) and not np.isfinite(data) else data


def _unpack(ops: list[list[Any]], name: str, arrays: Mapping[str, np.ndarray]) -> Formula:
    def under(part: str) -> dict[str, np.ndarray]:
        prefix = f"{name}.{part}."
        return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}

    found = []
    for kind, args, data, size in ops:
        if kind == "number":
            data = float(data)
        elif kind == "slice":
            data = tuple(data)
        found.append(Op(kind, tuple(args), data, size))
    return Formula(tuple(found), under("table"), under("reads"))


REDUCED = FormulaFormat("reduced", ReducedExpansion, packed, unpacked)
