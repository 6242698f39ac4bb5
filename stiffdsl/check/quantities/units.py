"""Read a unit such as `W/(m^2*K)`: what one of it is in SI base units, and its dimension.

    parse_unit("kWh")    Unit(scale=3.6e6, shift=0, dimension of energy)
    parse_unit("degC")   Unit(scale=1, shift=273.15, dimension of temperature)

A value in the unit is `value*scale + shift` in SI. Written here rather than taken from Pint, whose import
alone takes longer than compiling a model; the tests compare the two. Definitions: BIPM, SI Brochure (9th
edition, 2019), and NIST SP 811 (2008) for the units outside the SI.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

# Exponents of metre, kilogram, second, ampere, kelvin, mole, candela.
Dimension = tuple[int | Fraction, ...]

NONE: Dimension = (0,) * 7


class UnitError(ValueError):
    """The text is not a unit; `near` holds the symbol that is not known, if that is why."""

    def __init__(self, message: str, near: str | None = None):
        super().__init__(message)
        self.near = near


@dataclass(frozen=True, slots=True)
class Unit:
    """SI value = value * `scale` + `shift`; `shift` is not zero for degrees Celsius and Fahrenheit only."""

    scale: float
    shift: float
    dimension: Dimension

    def to_si(self, value: float) -> float:
        return value * self.scale + self.shift

    @property
    def difference(self) -> "Unit":
        """The unit of differences: `degC` counts them as `K` does."""
        return self if self.shift == 0.0 else Unit(self.scale, 0.0, self.dimension)

    @property
    def is_si(self) -> bool:
        """True where a value is the same number in SI."""
        return self.scale == 1.0 and self.shift == 0.0


@cache
def multiply(a: Dimension, b: Dimension) -> Dimension:
    return tuple(x + y for x, y in zip(a, b, strict=True))


@cache
def divide(a: Dimension, b: Dimension) -> Dimension:
    return tuple(x - y for x, y in zip(a, b, strict=True))


@cache
def power(a: Dimension, exponent: Fraction) -> Dimension:
    products = (Fraction(x) * exponent for x in a)
    return tuple(int(p) if p.denominator == 1 else p for p in products)


def _d(m: int = 0, kg: int = 0, s: int = 0, A: int = 0, K: int = 0, mol: int = 0, cd: int = 0) -> Dimension:
    return (m, kg, s, A, K, mol, cd)


SECOND = _d(s=1)
_ENERGY = _d(m=2, kg=1, s=-2)
_POWER = _d(m=2, kg=1, s=-3)
_PRESSURE = _d(m=-1, kg=1, s=-2)
_FORCE = _d(m=1, kg=1, s=-2)
_VOLUME = _d(m=3)

# Symbols that take a prefix: `k` + `ohm`.
_PREFIXABLE: dict[str, tuple[float, Dimension]] = {
    "m": (1.0, _d(m=1)),
    "g": (1e-3, _d(kg=1)),
    "s": (1.0, SECOND),
    "A": (1.0, _d(A=1)),
    "K": (1.0, _d(K=1)),
    "mol": (1.0, _d(mol=1)),
    "cd": (1.0, _d(cd=1)),
    "rad": (1.0, NONE),
    "sr": (1.0, NONE),
    "Hz": (1.0, _d(s=-1)),
    "N": (1.0, _FORCE),
    "Nm": (1.0, _ENERGY),
    "Pa": (1.0, _PRESSURE),
    "J": (1.0, _ENERGY),
    "W": (1.0, _POWER),
    "C": (1.0, _d(s=1, A=1)),
    "V": (1.0, _d(m=2, kg=1, s=-3, A=-1)),
    "F": (1.0, _d(m=-2, kg=-1, s=4, A=2)),
    "ohm": (1.0, _d(m=2, kg=1, s=-3, A=-2)),
    "Ohm": (1.0, _d(m=2, kg=1, s=-3, A=-2)),
    "\u03a9": (1.0, _d(m=2, kg=1, s=-3, A=-2)),
    "\u2126": (1.0, _d(m=2, kg=1, s=-3, A=-2)),
    "S": (1.0, _d(m=-2, kg=-1, s=3, A=2)),
    "Wb": (1.0, _d(m=2, kg=1, s=-2, A=-1)),
    "T": (1.0, _d(kg=1, s=-2, A=-1)),
    "H": (1.0, _d(m=2, kg=1, s=-2, A=-2)),
    "lm": (1.0, _d(cd=1)),
    "lx": (1.0, _d(m=-2, cd=1)),
    "Bq": (1.0, _d(s=-1)),
    "Gy": (1.0, _d(m=2, s=-2)),
    "Sv": (1.0, _d(m=2, s=-2)),
    "kat": (1.0, _d(s=-1, mol=1)),
    "L": (1e-3, _VOLUME),
    "l": (1e-3, _VOLUME),
    "t": (1e3, _d(kg=1)),
    "bar": (1e5, _PRESSURE),
    "eV": (1.602176634e-19, _ENERGY),
    "cal": (4.184, _ENERGY),
    "Wh": (3600.0, _ENERGY),
    "Ah": (3600.0, _d(s=1, A=1)),
    "VA": (1.0, _POWER),
    "var": (1.0, _POWER),
    "M": (1e3, _d(m=-3, mol=1)),
    "Da": (1.66053906660e-27, _d(kg=1)),
}

_PREFIXES = {
    "Y": 1e24, "Z": 1e21, "E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "da": 1e1,
    "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15,
    "a": 1e-18, "z": 1e-21, "y": 1e-24,
}  # fmt: skip

# Symbols that stand alone. They win over a prefix and a symbol: `min` is a minute, `h` an hour.
_EXACT: dict[str, tuple[float, Dimension]] = {
    "%": (1e-2, NONE),
    "percent": (1e-2, NONE),
    "ppm": (1e-6, NONE),
    # Counts are pure numbers.
    **dict.fromkeys(
        ("cell", "cells", "item", "items", "person", "people", "molecule", "molecules"), (1.0, NONE)
    ),
    "min": (60.0, SECOND),
    "h": (3600.0, SECOND),
    "hr": (3600.0, SECOND),
    "hour": (3600.0, SECOND),
    "d": (86400.0, SECOND),
    "day": (86400.0, SECOND),
    "hours": (3600.0, SECOND),
    "days": (86400.0, SECOND),
    "week": (604800.0, SECOND),
    "weeks": (604800.0, SECOND),
    "years": (31557600.0, SECOND),
    "year": (31557600.0, SECOND),
    "yr": (31557600.0, SECOND),
    "sec": (1.0, SECOND),
    "deg": (math.pi / 180, NONE),
    "°": (math.pi / 180, NONE),
    "rev": (2 * math.pi, NONE),
    "rpm": (2 * math.pi / 60, _d(s=-1)),
    "atm": (101325.0, _PRESSURE),
    "torr": (101325.0 / 760, _PRESSURE),
    "mmHg": (133.322387415, _PRESSURE),
    "psi": (6894.757293168361, _PRESSURE),
    "inch": (0.0254, _d(m=1)),
    "in": (0.0254, _d(m=1)),
    "ft": (0.3048, _d(m=1)),
    "yd": (0.9144, _d(m=1)),
    "mile": (1609.344, _d(m=1)),
    "angstrom": (1e-10, _d(m=1)),
    "knot": (1852.0 / 3600, _d(m=1, s=-1)),
    "ha": (1e4, _d(m=2)),
    "gal": (3.785411784e-3, _VOLUME),
    "lb": (0.45359237, _d(kg=1)),
    "oz": (0.028349523125, _d(kg=1)),
    "lbf": (4.4482216152605, _FORCE),
    "hp": (745.6998715822702, _POWER),
    "BTU": (1055.05585262, _ENERGY),
    "Btu": (1055.05585262, _ENERGY),
    "erg": (1e-7, _ENERGY),
    "P": (0.1, _d(m=-1, kg=1, s=-1)),
    "cP": (1e-3, _d(m=-1, kg=1, s=-1)),
    "degR": (5 / 9, _d(K=1)),
}

# (scale, shift): absolute temperatures. In a longer unit (`W/degC`) they are differences, without the shift.
_AFFINE = {
    "degC": (1.0, 273.15),
    "°C": (1.0, 273.15),
    "℃": (1.0, 273.15),
    "degF": (5 / 9, 459.67 * 5 / 9),
    "°F": (5 / 9, 459.67 * 5 / 9),
}

# Names are not units, but a message can say which symbol is meant.
SYMBOL_OF_NAME = {
    "metre": "m", "meter": "m", "gram": "g", "kilogram": "kg", "second": "s", "minute": "min", "ampere": "A",
    "amp": "A", "kelvin": "K", "mole": "mol", "celsiu": "degC", "fahrenheit": "degF", "volt": "V",
    "watt": "W",
    "joule": "J", "newton": "N", "pascal": "Pa", "coulomb": "C", "farad": "F", "henry": "H", "siemen": "S",
    "tesla": "T", "weber": "Wb", "hertz": "Hz", "liter": "L", "litre": "L", "degree": "deg", "radian": "rad",
}  # fmt: skip

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<symbol>[^\W\d]+|°[CF]?|℃|%)(?P<power>-?\d+)?"  # `m2` and `s-1` are powers, as in Modelica
    r"|(?P<op>\*\*|[*/^()+\-·.]))"
)
_SUPERSCRIPTS = str.maketrans({"²": "2", "³": "3", "¹": "1", "⁴": "4", "⁻": "-", "−": "-"})


def known_units() -> list[str]:
    """Symbols to suggest, the usual prefixes included."""
    prefixed = [p + s for p in ("k", "m", "u", "M", "n") for s in _PREFIXABLE]
    return [*_AFFINE, *_EXACT, *_PREFIXABLE, *prefixed]


@cache
def parse_unit(text: str) -> Unit:
    """The unit that `text` (the part between the brackets) stands for. Raises `UnitError`."""
    stripped = text.strip().translate(_SUPERSCRIPTS)
    if stripped in ("", "-", "1"):
        return Unit(1.0, 0.0, NONE)
    if found := re.fullmatch(r"(?:deg|°)\s+([CF])", stripped):
        raise UnitError(f"`{text}` is a product of two units; a temperature is in `deg{found[1]}`")
    if stripped in _AFFINE:
        return Unit(*_AFFINE[stripped], _d(K=1))
    scale, dimension = _Reader(stripped).read()
    return Unit(scale, 0.0, dimension)


def is_unit(text: str) -> bool:
    """Whether `text` stands for a unit."""
    try:
        parse_unit(text)
    except UnitError:
        return False
    return True


class _Reader:
    """product := factor (('*' | '.' | '/' | ' ') factor)*
    factor := (symbol | number | '(' product ')') (power | '^' exponent)?
    """

    def __init__(self, text: str):
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if not found:
                raise UnitError(f"`{text[place:].strip()}` does not belong in a unit")
            self.tokens.extend((kind, text) for kind, text in found.groupdict().items() if text is not None)
            place = found.end()
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def read(self) -> tuple[float, Dimension]:
        result = self.product()
        kind, text = self.peek()
        if kind != "end":
            raise UnitError(f"`{text}` is not expected in `{self.text}`")
        if not 0 < result[0] < math.inf:
            raise UnitError(f"`{self.text}` is a unit of size {result[0]:g}")
        return result

    def product(self) -> tuple[float, Dimension]:
        scale, dimension = self.factor()
        while True:
            kind, text = self.peek()
            if text in ("*", "·", ".", "/"):
                self.next()
            elif kind not in ("symbol", "number") and text != "(":
                return scale, dimension
            s, d = self.factor()
            if text == "/":
                if s == 0:
                    raise UnitError(f"a division by zero in `{self.text}`")
                scale, dimension = scale / s, divide(dimension, d)
            else:
                scale, dimension = scale * s, multiply(dimension, d)

    def factor(self) -> tuple[float, Dimension]:
        kind, text = self.next()
        if text == "(":
            scale, dimension = self.product()
            if self.next()[1] != ")":
                raise UnitError(f"a `)` is missing in `{self.text}`")
        elif kind == "number":
            scale, dimension = float(text), NONE
        elif kind == "symbol":
            scale, dimension = _symbol(text)
        else:
            raise UnitError(f"a unit is missing in `{self.text}`")
        follows = self.peek()
        if follows[0] == "power" or follows[1] in ("^", "**"):
            self.next()
            exponent = Fraction(follows[1]) if follows[0] == "power" else self.exponent()
            if text == "Nm" and exponent != 1:
                raise UnitError(
                    f"`Nm^{exponent}` would be newton metres; a normal cubic metre is no unit: write `m^3`"
                )
            if abs(exponent) > 100:
                raise UnitError(f"the exponent {exponent} is out of reach")
            try:
                return scale ** float(exponent), power(dimension, exponent)
            except (OverflowError, ZeroDivisionError):
                raise UnitError(f"the exponent {exponent} is out of reach") from None
        return scale, dimension

    def exponent(self) -> Fraction:
        kind, text = self.next()
        if text == "(":
            value = self.exponent()
            if self.peek()[1] == "/":
                self.next()
                below = self.exponent()
                if below == 0:
                    raise UnitError(f"a division by zero in `{self.text}`")
                value /= below
            if self.next()[1] != ")":
                raise UnitError(f"a `)` is missing in `{self.text}`")
            return value
        if text in ("-", "+"):
            value = self.exponent()
            return -value if text == "-" else value
        if kind != "number":
            raise UnitError(f"an exponent is missing in `{self.text}`")
        return Fraction(text)


_GAUGES = ("barg", "psig", "kPag", "mbarg")


def _symbol(text: str) -> tuple[float, Dimension]:
    if text in _EXACT:
        return _EXACT[text]
    if text in _PREFIXABLE:
        return _PREFIXABLE[text]
    if text in _AFFINE:
        return _AFFINE[text][0], _d(K=1)
    for length in (1, 2):
        prefix, rest = text[:length], text[length:]
        if prefix in _PREFIXES and rest in _PREFIXABLE:
            scale, dimension = _PREFIXABLE[rest]
            return _PREFIXES[prefix] * scale, dimension
    if text in _GAUGES:
        raise UnitError(
            f"`{text}` counts from the pressure of the surroundings, which no unit does: take `{text[:-1]}`, and add it"
        )
    raise UnitError(f"`{text}` is not a unit", near=text)
