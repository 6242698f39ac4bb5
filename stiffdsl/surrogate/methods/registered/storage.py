"""Curves that are walked by clocks of their own, as arrays and JSON; the plain formula is stored as any other."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.stored import Arrays, FormulaFormat, StoredCoordinates
from stiffdsl.surrogate.methods.expansion.expansion import Expansion
from stiffdsl.surrogate.methods.expansion.storage import EXPANSION
from stiffdsl.surrogate.methods.registered.registered import Registered, Walk
from stiffdsl.surrogate.regression.radial import RadialMap
from stiffdsl.surrogate.regression.storage import packed_map, unpacked_map


def packed(expansion: Registered, arrays: Arrays) -> dict[str, Any]:
    """Puts the arrays into `arrays` and returns the rest: that of the plain formula, and one map for each walk."""
    for name in ("warped", "share", "early"):
        arrays[f"walks.{name}"] = getattr(expansion, name)
    maps = []
    for k, walk in enumerate(expansion.walks):
        arrays |= {f"walk{k}.mean": walk.mean, f"walk{k}.modes": walk.modes}
        maps.append(packed_map(walk.coefficients, f"walk{k}", arrays))
    return {"registered": maps, **EXPANSION.pack(expansion.plain, arrays)}


def unpacked(
    meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray], stored: StoredCoordinates
) -> Registered:
    """The `Registered` expansion that `packed` stored."""
    walks = []
    for k, entry in enumerate(meta["registered"]):
        coefficients = unpacked_map(entry, f"walk{k}", arrays)
        assert isinstance(coefficients, RadialMap)
        walks.append(Walk(arrays[f"walk{k}.mean"], arrays[f"walk{k}.modes"], coefficients))
    warped, share, early = (arrays[f"walks.{name}"] for name in ("warped", "share", "early"))
    plain = EXPANSION.unpack(meta, arrays, stored)
    assert isinstance(plain, Expansion)
    return Registered(plain, warped, share, early, tuple(walks))


WALKS = FormulaFormat("registered", Registered, packed, unpacked)
