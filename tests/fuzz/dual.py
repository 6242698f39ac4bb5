"""Numbers with their derivatives, at several points at once: the meaning of generated expressions."""

from typing import Any

import numpy as np

# Values nearer than this, relative to their size, may fall on either side of a comparison by rounding.
NEAR = 1e-9
# Zero, where it was reached by subtracting values around one.
ROUNDED = 1e-13


class Dual:
    """Values (m,) at m points with slopes (m, n) by n directions."""

    __array_priority__ = 1000
    __slots__ = ("slope", "value")

    def __init__(self, value: np.ndarray, slope: Any):
        self.value, self.slope = value, slope

    def __add__(self, other):
        other = dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    __radd__ = __add__

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __sub__(self, other):
        return self + -dual(other)

    def __rsub__(self, other):
        return dual(other) + -self

    def __mul__(self, other):
        other = dual(other)
        return Dual(
            self.value * other.value, _times(self.value, other.slope) + _times(other.value, self.slope)
        )

    __rmul__ = __mul__

    def __truediv__(self, other):
        other = dual(other)
        value = self.value / other.value
        slope = _times(1 / other.value, self.slope - _times(value, other.slope))
        return Dual(value, slope)

    def __rtruediv__(self, other):
        return dual(other) / self


def _times(value: Any, slope: Any) -> Any:
    """The product, zero where the slope is: an infinite derivative of what does not move is no matter."""
    if isinstance(slope, float):
        return 0.0
    return np.where(slope == 0, 0.0, np.asarray(value)[..., None] * slope)


def dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(np.asarray(x, dtype=float), 0.0)


class Meaning:
    """The functions of the language over numbers, arrays and `Dual`, which remember where a condition switched.

    `kinks`, `jumps`: for each point, whether a derivative, or even a value, may be either of two by rounding.
    """

    def __init__(self, points: int = 1):
        self.kinks = np.zeros(points, dtype=bool)
        self.jumps = np.zeros(points, dtype=bool)
        self.namespace: dict[str, Any] = {name: getattr(self, name) for name in FUNCTIONS}
        self.namespace |= {"where": self.where, "compare": self.compare, "power": self.power, "pi": np.pi}

    def _near(self, a, b, plain: bool):
        near = np.abs(a - b) <= NEAR * (np.abs(a) + np.abs(b)) + ROUNDED
        self.kinks = self.kinks | near
        if not plain:
            self.jumps = self.jumps | near

    def compare(self, op: str, a, b, plain: bool):
        a, b = dual(a).value, dual(b).value
        self._near(a, b, plain or op in ("kink",))
        return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[op]

    def where(self, condition, yes, no):
        yes, no = dual(yes), dual(no)
        value = np.where(condition, yes.value, no.value)
        if isinstance(yes.slope, float) and isinstance(no.slope, float):
            return Dual(value, 0.0)
        return Dual(value, np.where(np.asarray(condition)[..., None], yes.slope, no.slope))

    def power(self, a, b):
        a, b = dual(a), dual(b)
        value = np.power(a.value, b.value)
        slope = 0.0
        if not isinstance(a.slope, float):
            slope = _times(b.value * np.power(a.value, b.value - 1), a.slope)
            slope = np.where(np.asarray(b.value == 0)[..., None], 0.0, slope)
        if not isinstance(b.slope, float):
            slope = slope + _times(value * np.log(a.value), b.slope)
        return Dual(value, slope)

    def _chain(self, a, value, derivative):
        return Dual(value, _times(derivative, a.slope))

    def sin(self, a):
        a = dual(a)
        return self._chain(a, np.sin(a.value), np.cos(a.value))

    def cos(self, a):
        a = dual(a)
        return self._chain(a, np.cos(a.value), -np.sin(a.value))

    def tan(self, a):
        a = dual(a)
        return self._chain(a, np.tan(a.value), 1 + np.tan(a.value) ** 2)

    def asin(self, a):
        a = dual(a)
        return self._chain(a, np.arcsin(a.value), 1 / np.sqrt(1 - a.value**2))

    def acos(self, a):
        a = dual(a)
        return self._chain(a, np.arccos(a.value), -1 / np.sqrt(1 - a.value**2))

    def atan(self, a):
        a = dual(a)
        return self._chain(a, np.arctan(a.value), 1 / (1 + a.value**2))

    def atan2(self, a, b):
        a, b = dual(a), dual(b)
        square = a.value**2 + b.value**2
        slope = _times(b.value / square, a.slope) - _times(a.value / square, b.slope)
        return Dual(np.arctan2(a.value, b.value), slope)

    def sinh(self, a):
        a = dual(a)
        return self._chain(a, np.sinh(a.value), np.cosh(a.value))

    def cosh(self, a):
        a = dual(a)
        return self._chain(a, np.cosh(a.value), np.sinh(a.value))

    def tanh(self, a):
        a = dual(a)
        return self._chain(a, np.tanh(a.value), 1 - np.tanh(a.value) ** 2)

    def exp(self, a):
        a = dual(a)
        return self._chain(a, np.exp(a.value), np.exp(a.value))

    def log(self, a):
        a = dual(a)
        return self._chain(a, np.log(a.value), 1 / a.value)

    def log10(self, a):
        return self.log(a) / np.log(10.0)

    def sqrt(self, a):
        a = dual(a)
        return self._chain(a, np.sqrt(a.value), 0.5 / np.sqrt(a.value))

    def abs(self, a):
        return self.where(self._at_least(a, 0.0), a, -dual(a))

    def min(self, *args):
        found = dual(args[0])
        for a in args[1:]:
            found = self.where(self._at_least(a, found), found, a)
        return found

    def max(self, *args):
        found = dual(args[0])
        for a in args[1:]:
            found = self.where(self._at_least(found, a), found, a)
        return found

    def _at_least(self, a, b):
        a, b = dual(a).value, dual(b).value
        self._near(a, b, True)
        return a >= b

    def sign(self, a):
        a = dual(a)
        self._near(a.value, 0.0, False)  # what underflows to zero has a sign too
        return Dual(np.sign(a.value), 0.0)

    def floor(self, a):
        a = dual(a)
        self._near(a.value, np.round(a.value), False)
        return Dual(np.floor(a.value), 0.0)

    def ceil(self, a):
        a = dual(a)
        self._near(a.value, np.round(a.value), False)
        return Dual(np.ceil(a.value), 0.0)

    def mod(self, a, b):
        return dual(a) - dual(b) * self.floor(dual(a) / b)

    def smooth_step(self, a, width):
        return (1 + self.tanh(dual(a) / width)) / 2


FUNCTIONS = (
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "log", "log10"),
    *("sqrt", "abs", "min", "max", "sign", "floor", "ceil", "mod", "smooth_step"),
)
