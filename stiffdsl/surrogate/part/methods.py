"""Methods for surrogates of a part, in the order that `auto` tries them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PartMethod:
    """A method by where its dynamics come from, `linearised` or a reservoir, and whether its readout has `products`.

    Methods are compared by their error times `cost`: richer dynamics make runs of the whole slower.
    """

    name: str
    description: str
    linearised: bool
    products: bool
    cost: float


_BALANCED = PartMethod(
    "balanced", "the linearised part, reduced to the states that its connectors see", True, True, 1.0
)
_LPCTESN = PartMethod(
    "lpctesn", "a continuous-time echo state network: a reservoir, read out linearly", False, False, 2.0
)
_NPCTESN = PartMethod(
    "npctesn", "a continuous-time echo state network whose readout has products besides", False, True, 2.0
)
METHODS = {m.name: m for m in (_BALANCED, _LPCTESN, _NPCTESN)}


def description_of(name: str) -> str | None:
    """The description of a method; None where it is not known (any more)."""
    return METHODS[name].description if name in METHODS else None
