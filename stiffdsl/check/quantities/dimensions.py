"""Dimensions of expressions, and how they are said: `v` is a voltage [V].

A dimension is None where it is not known: a thing without a unit takes part unchecked. In a sum the known
dimension wins, in a product the unknown one does.
"""

from fractions import Fraction

from stiffdsl.check.quantities.units import NONE, SECOND, Dimension, divide, multiply, parse_unit, power

_WORDS = {
    "m": "a length", "m^2": "an area", "m^3": "a volume", "s": "a time", "kg": "a mass",
    "K": "a temperature", "mol": "an amount of substance", "cd": "a luminous intensity", "A": "a current",
    "V": "a voltage", "ohm": "a resistance", "S": "a conductance", "F": "a capacitance",
    "H": "an inductance", "C": "a charge", "Wb": "a magnetic flux", "T": "a magnetic flux density",
    "N": "a force", "J": "an energy or torque", "W": "a power", "Pa": "a pressure", "1/s": "a rate",
    "m/s": "a velocity", "m/s^2": "an acceleration", "kg/s": "a mass flow", "m^3/s": "a volume flow",
    "kg/m^3": "a density", "K/s": "a temperature rate", "V/s": "a voltage rate", "A/s": "a current rate",
    "Pa/s": "a pressure rate", "W/K": "a heat conductance", "K/W": "a heat resistance",
    "J/K": "a heat capacity", "J/(kg*K)": "a specific heat capacity", "W/m^2": "a heat flux",
    "W/(m^2*K)": "a heat transfer coefficient", "W/(m*K)": "a heat conductivity", "J/mol": "a molar energy",
    "mol/m^3": "a concentration", "mol/s": "a molar flow", "mol/(m^3*s)": "a reaction rate",
    "J/(mol*K)": "a molar heat capacity", "Pa*s": "a viscosity", "m^2/s": "a diffusivity",
    "kg/m^2": "a mass per area", "N/m": "a stiffness", "N*s/m": "a damping constant",
    "kg*m^2": "a moment of inertia", "V/m": "an electric field", "A/m^2": "a current density",
    "C/mol": "a charge per amount", "kg/mol": "a molar mass", "S/m": "a conductivity",
}  # fmt: skip

_BY_DIMENSION = {parse_unit(symbol).dimension: (words, symbol) for symbol, words in reversed(_WORDS.items())}
_BASES = ("m", "kg", "s", "A", "K", "mol", "cd")


def describe(dimension: Dimension | None) -> str:
    """`a voltage [V]`, `a pure number`, or SI units where there is no word: `a quantity in [kg*m/s^4]`."""
    if dimension is None:
        return "a quantity without a unit"
    if dimension == NONE:
        return "a pure number"
    if dimension in _BY_DIMENSION:
        words, symbol = _BY_DIMENSION[dimension]
        return f"{words} [{symbol}]"
    return f"a quantity in [{symbol_of(dimension)}]"


def symbol_of(dimension: Dimension) -> str:
    """The shortest SI symbol: `V`, `kg*m/s^4`, `1/s^2`."""
    if dimension == NONE:
        return "1"
    if dimension in _BY_DIMENSION:
        return _BY_DIMENSION[dimension][1]

    def factors(sign: int) -> list[str]:
        pairs = ((b, e * sign) for b, e in zip(_BASES, dimension, strict=True) if e * sign > 0)
        return [b if e == 1 else f"{b}^{e}" if e == int(e) else f"{b}^({e})" for b, e in pairs]

    above, below = "*".join(factors(1)) or "1", factors(-1)
    if not below:
        return above
    return f"{above}/{below[0]}" if len(below) == 1 else f"{above}/({'*'.join(below)})"


def product(a: Dimension | None, b: Dimension | None) -> Dimension | None:
    return None if a is None or b is None else multiply(a, b)


def quotient(a: Dimension | None, b: Dimension | None) -> Dimension | None:
    return None if a is None or b is None else divide(a, b)


def raised(base: Dimension | None, exponent: float | None) -> Dimension | None:
    """The dimension of `base^exponent`; `exponent` is None where it is not a plain number."""
    if base is None or base == NONE:
        return base
    if exponent is None:
        return None
    return power(base, Fraction(exponent).limit_denominator(60))


def rate(dimension: Dimension | None) -> Dimension | None:
    """The dimension of the derivative with respect to time."""
    return None if dimension is None else divide(dimension, SECOND)


def agree(a: Dimension | None, b: Dimension | None) -> bool:
    """True unless both are known and differ."""
    return a is None or b is None or a == b
