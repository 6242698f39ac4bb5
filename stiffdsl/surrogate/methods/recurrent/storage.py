"""Recurrent steps as arrays and JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.stored import Arrays, FormulaFormat, StoredCoordinates, fields_of
from stiffdsl.surrogate.methods.driven.storage import packed_over_knots, unpacked_over_knots
from stiffdsl.surrogate.methods.recurrent.cell import Cell, RecurrentExpansion
from stiffdsl.surrogate.regression.neural import NetworkMap
from stiffdsl.surrogate.regression.storage import packed_map, unpacked_map


def packed(expansion: RecurrentExpansion, arrays: Arrays) -> dict[str, Any]:
    """Puts the arrays of the step into `arrays` and returns the rest of it."""
    packed_over_knots(expansion, arrays)
    for name, value in fields_of(expansion.cell).items():
        if isinstance(value, tuple):
            arrays |= {f"cell.{name}{k}": v for k, v in enumerate(value)}
        else:
            arrays[f"cell.{name}"] = value
    begin = packed_map(expansion.begin, "begin", arrays)
    return {"recurrent": {"layers": len(expansion.cell.weights), "begin": begin}}


def unpacked(
    meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], stored: StoredCoordinates
) -> RecurrentExpansion:
    """The expansion that `packed` stored."""
    layers = range(meta["recurrent"]["layers"])
    outer, inner, bias, low, high = (arrays[f"cell.{k}"] for k in ("outer", "inner", "bias", "low", "high"))
    weights, biases = (tuple(arrays[f"cell.{name}{k}"] for k in layers) for name in ("weights", "biases"))
    begin = unpacked_map(meta["recurrent"]["begin"], "begin", arrays)
    assert isinstance(begin, NetworkMap)
    return RecurrentExpansion(
        *unpacked_over_knots(arrays, stored),
        begin,
        Cell(outer, inner, bias, weights, biases, low, high),
    )


RECURRENT_STEP = FormulaFormat("recurrent", RecurrentExpansion, packed, unpacked)
