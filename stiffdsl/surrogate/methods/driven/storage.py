"""Reservoirs that inputs drive, and their readouts, as arrays and JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.core.stored import Arrays, FormulaFormat, StoredCoordinates
from stiffdsl.surrogate.methods.driven.readout import DrivenExpansion, OverKnots, Readout

Fields = tuple[
    Clock, ParameterScaling, OutputScaling, int, int, np.ndarray, np.ndarray, np.ndarray, np.ndarray
]


def packed_over_knots(expansion: OverKnots, arrays: Arrays) -> None:
    """Puts the arrays that all formulas over knots have into `arrays`."""
    arrays |= {name: getattr(expansion, name) for name in ("mean", "groups", "rates")}


def unpacked_over_knots(arrays: Mapping[str, np.ndarray], stored: StoredCoordinates) -> Fields:
    """The fields of `OverKnots`, in order."""
    rates, groups, mean = (arrays[k] for k in ("rates", "groups", "mean"))
    return (
        stored.clock,
        stored.parameters,
        stored.outputs,
        stored.scalars,
        stored.inputs,
        stored.knots,
        rates,
        groups,
        mean,
    )


def packed(expansion: DrivenExpansion, arrays: Arrays) -> dict[str, Any]:
    """Puts the arrays of the reservoir and its readout into `arrays` and returns the rest of them."""
    readout = expansion.readout
    packed_over_knots(expansion, arrays)
    arrays |= {name: getattr(expansion, name) for name in ("centre", "whitening")}
    arrays |= {"readout.linear": readout.linear, "readout.size": readout.size}
    for k, (weight, bias) in enumerate(zip(readout.weights, readout.biases, strict=True)):
        arrays |= {f"readout.weight{k}": weight, f"readout.bias{k}": bias}
    return {"readout": {"degree": readout.degree, "layers": len(readout.weights)}}


def unpacked(
    meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], stored: StoredCoordinates
) -> DrivenExpansion:
    """The expansion that `packed` stored."""
    layers = range(meta["readout"]["layers"])
    readout = Readout(
        meta["readout"]["degree"],
        arrays["readout.linear"],
        arrays["readout.size"],
        tuple(arrays[f"readout.weight{k}"] for k in layers),
        tuple(arrays[f"readout.bias{k}"] for k in layers),
    )
    return DrivenExpansion(
        *unpacked_over_knots(arrays, stored), arrays["centre"], arrays["whitening"], readout
    )


READOUT = FormulaFormat("readout", DrivenExpansion, packed, unpacked)
