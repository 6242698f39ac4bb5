"""Offsets of temperatures in degC and degF, counted: `T1 - T2` holds none, `(T1 + T2)/2` one, `G*T` holds G.

`Offsets` says how often an expression holds the offset of its unit, by the factor that it is multiplied with: `""` for
temperatures themselves, `"G"` for `G*T`. Differences hold none: equations among them say the same in degC and in K. A
law that needs absolute temperatures (`T^4`, `exp(-E/(R*T))`) holds nothing that could be counted: None.
"""

from typing import NamedTuple

from stiffdsl.check.quantities.units import Unit

# Weights are sums of written numbers: `0.3*T1 + 0.7*T2`.
ROUNDING = 1e-6


class Share(NamedTuple):
    """The number of offsets with one factor, and whether some have cancelled on the way."""

    weight: float
    cancelled: bool


Offsets = dict[str, Share]

# A rate of a temperature, for one.
NOTHING: Offsets = {}
ABSOLUTE: Offsets = {"": Share(1.0, False)}


def of_unit(unit: Unit | None) -> Offsets | None:
    """Offsets of a quantity that is declared in `unit`."""
    return ABSOLUTE if unit is not None and unit.shift != 0.0 else None


def added(a: Offsets | None, b: Offsets | None, sign: float) -> Offsets | None:
    """Offsets of `a + sign*b`."""
    if a is None or b is None:
        return None
    found = dict(a)
    for factor, share in b.items():
        own = found.get(factor, Share(0.0, False))
        weight = own.weight + sign * share.weight
        gone = abs(weight) < ROUNDING and (own.weight != 0.0 or share.weight != 0.0)
        found[factor] = Share(0.0 if gone else weight, own.cancelled or share.cancelled or gone)
    return found


def scaled(a: Offsets | None, number: float) -> Offsets | None:
    """Offsets of `number*a`."""
    return a and {factor: Share(number * share.weight, share.cancelled) for factor, share in a.items()}


def multiplied(a: Offsets | None, factor: str) -> Offsets | None:
    """Offsets of `factor*a`."""
    return a and {f"{factor}*{inner}": share for inner, share in a.items()}


def without(a: Offsets | None) -> Offsets | None:
    """Offsets of a sum or a magnitude of `a`: none where `a` is a difference, unknown (None) otherwise."""
    return a if a is not None and not any(share.weight for share in a.values()) else None


def alone(a: Offsets | None) -> float | None:
    """The number of offsets that stand without a factor; None where some are multiplied with something."""
    if a is None or any(factor and share.weight for factor, share in a.items()):
        return None
    return a[""].weight if "" in a else 0.0


def clash(a: Offsets | None, b: Offsets | None) -> bool:
    """Whether `a` and `b`, which should be alike, hold the offset a different number of times for sure."""
    if a is None or b is None:
        return False
    left, right = alone(a), alone(b)
    if left is not None and right is not None:
        return abs(left - right) > ROUNDING
    none, other = (a, b) if left == 0.0 else (b, a)
    if any(share.weight for share in none.values()):
        return False
    # `C*der(T) = G*dT - G*(T - Tamb)`: what is multiplied with the same factor is a difference elsewhere.
    return any(
        share.weight and (share.cancelled or (factor in none and none[factor].cancelled))
        for factor, share in other.items()
    )
