"""Formats of fitted formulas in a folder: arrays, and entries of the JSON beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.fitted import FittedFormula
from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class StoredCoordinates:
    """Coordinates that every folder has: `scalars` parameters, then `inputs` signals at `knots`, make a row."""

    clock: Clock
    parameters: ParameterScaling
    outputs: OutputScaling
    scalars: int
    inputs: int
    knots: np.ndarray


@dataclass(frozen=True, eq=False)
class FormulaFormat:
    """Storage of formulas of the class `made`. `key` is the entry of the JSON that only such a formula has.

    `pack` puts arrays of a formula into those given and returns its entries of the JSON; `unpack` is its inverse, for
    the coordinates that are stored in any case.
    """

    key: str
    made: type
    pack: Callable[[Any, Arrays], dict[str, Any]]
    unpack: Callable[[Mapping[str, Any], Mapping[str, np.ndarray], StoredCoordinates], FittedFormula]


def fields_of(record: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, themselves as they are."""
    return {f.name: getattr(record, f.name) for f in fields(record)}
