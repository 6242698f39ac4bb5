"""Expansions as arrays and JSON."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.stored import Arrays, FormulaFormat, StoredCoordinates, fields_of
from stiffdsl.surrogate.methods.expansion.expansion import Expansion, Start
from stiffdsl.surrogate.regression.radial import RadialMap
from stiffdsl.surrogate.regression.storage import packed_map, unpacked_map
from stiffdsl.surrogate.regression.timebasis import TimeBasis

# A map's arrays are put among others under a prefix, and what else it is is returned; and the inverse.
PackMap = Callable[[Any, str, Arrays], dict[str, Any]]
UnpackMap = Callable[[Mapping[str, Any], str, Mapping[str, np.ndarray]], Any]


def expansion_format(
    key: str, made: type[Expansion], pack_map: PackMap, unpack_map: UnpackMap
) -> FormulaFormat:
    """The format of expansions of the class `made`, whose coefficients are stored by the two functions given."""

    def packed(expansion: Expansion, arrays: Arrays) -> dict[str, Any]:
        """Puts the arrays into `arrays` and returns the maps over parameters."""
        arrays |= {"mean": expansion.mean, "modes": expansion.modes}
        if expansion.groups is not None:
            arrays["groups"] = expansion.groups
        arrays |= {f"basis.{name}": value for name, value in fields_of(expansion.basis).items()}
        meta: dict[str, Any] = {key: pack_map(expansion.coefficients, "coefficients", arrays)}
        if expansion.start is not None:
            arrays["start.values"] = expansion.start.values
            if expansion.start.change is not None:
                meta["start_change"] = packed_map(expansion.start.change, "start.change", arrays)
        return meta

    def unpacked(
        meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], stored: StoredCoordinates
    ) -> Expansion:
        """The expansion that `packed` stored."""
        return made(
            stored.clock,
            stored.parameters,
            stored.outputs,
            TimeBasis(*(arrays[f"basis.{f.name}"] for f in fields(TimeBasis))),
            arrays.get("groups"),
            arrays["mean"],
            arrays["modes"],
            unpack_map(meta[key], "coefficients", arrays),
            _start(meta, arrays),
        )

    return FormulaFormat(key, made, packed, unpacked)


def format_of_arrays(key: str, made: type[Expansion], coefficients: type) -> FormulaFormat:
    """The format of expansions whose coefficients are a dataclass of arrays."""

    def packed(values: Any, prefix: str, arrays: Arrays) -> dict[str, Any]:
        arrays |= {f"{prefix}.{name}": value for name, value in fields_of(values).items()}
        return {}

    def unpacked(meta: Mapping[str, Any], prefix: str, arrays: Mapping[str, np.ndarray]) -> Any:
        del meta
        return coefficients(*(arrays[f"{prefix}.{f.name}"] for f in fields(coefficients)))

    return expansion_format(key, made, packed, unpacked)


def _start(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Start | None:
    if "start.values" not in arrays:
        return None
    change = unpacked_map(meta["start_change"], "start.change", arrays) if "start_change" in meta else None
    assert change is None or isinstance(change, RadialMap)
    return Start(arrays["start.values"], change)


EXPANSION = expansion_format("coefficients", Expansion, packed_map, unpacked_map)
