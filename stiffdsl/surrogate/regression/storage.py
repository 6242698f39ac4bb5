"""Maps from parameters to coefficients as arrays and JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from stiffdsl.surrogate.regression.neural import NetworkMap
from stiffdsl.surrogate.regression.radial import Choice, RadialMap


def packed_map(made: RadialMap | NetworkMap, prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Puts the arrays of `made` into `arrays` and returns the rest of it."""
    if isinstance(made, RadialMap):
        arrays |= {f"{prefix}.centres": made.centres, f"{prefix}.weights": made.weights}
        return {"kind": "radial", "choice": asdict(made.choice)}
    arrays |= {f"{prefix}.tail": made.tail, f"{prefix}.size": made.size}
    for k, (weight, bias) in enumerate(zip(made.weights, made.biases, strict=True)):
        arrays |= {f"{prefix}.weight{k}": weight, f"{prefix}.bias{k}": bias}
    return {"kind": "network", "degree": made.degree, "layers": len(made.weights)}


def unpacked_map(
    meta: Mapping[str, Any], prefix: str, arrays: Mapping[str, np.ndarray]
) -> RadialMap | NetworkMap:
    """The map that `packed_map` put there."""
    if meta["kind"] == "radial":
        choice = meta["choice"]
        made = Choice(choice["kernel"], tuple(choice["scales"]), choice["degree"], choice["nugget"])
        return RadialMap(made, arrays[f"{prefix}.centres"], arrays[f"{prefix}.weights"])
    layers = range(meta["layers"])
    return NetworkMap(
        meta["degree"],
        arrays[f"{prefix}.tail"],
        arrays[f"{prefix}.size"],
        tuple(arrays[f"{prefix}.weight{k}"] for k in layers),
        tuple(arrays[f"{prefix}.bias{k}"] for k in layers),
    )
