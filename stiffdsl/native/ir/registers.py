"""Registers of a kernel as an array namespace: scalar formulas of the solvers, written over `xp`, as LLVM IR.

    control.predicted(jnp, accept, error, …)               traced by JAX
    control.predicted(RegisterNamespace(code), True, error, …)     written into the function `code`

Formulas that both tiers need (`solve/base/control.py`, `first_step.py`, `crossings.py`) are one text so. The larger and
the smaller of two numbers are the second where one is NaN; `jnp` gives NaN there. Formulas must not depend on that.
"""

from typing import Any

from stiffdsl.native.ir.code import Code


class Register:
    """A number, or a condition, in a register of a kernel."""

    __slots__ = ("code", "text")

    def __init__(self, code: Code, text: str):
        self.code, self.text = code, text

    def _applied(self, name: str, *others: Any) -> "Register":
        return Register(self.code, self.code.apply(name, self.text, *(_text(self.code, o) for o in others)))

    def _applied_to(self, name: str, other: Any) -> "Register":
        return Register(self.code, self.code.apply(name, _text(self.code, other), self.text))

    def __add__(self, other: Any) -> "Register":
        return self._applied("add", other)

    def __radd__(self, other: Any) -> "Register":
        return self._applied_to("add", other)

    def __sub__(self, other: Any) -> "Register":
        return self._applied("sub", other)

    def __rsub__(self, other: Any) -> "Register":
        return self._applied_to("sub", other)

    def __mul__(self, other: Any) -> "Register":
        return self._applied("mul", other)

    def __rmul__(self, other: Any) -> "Register":
        return self._applied_to("mul", other)

    def __truediv__(self, other: Any) -> "Register":
        return self._applied("div", other)

    def __rtruediv__(self, other: Any) -> "Register":
        return self._applied_to("div", other)

    def __pow__(self, other: Any) -> "Register":
        return self._applied("pow", other)

    def __lt__(self, other: Any) -> "Register":
        return self._applied("lt", other)

    def __le__(self, other: Any) -> "Register":
        return self._applied("le", other)

    def __gt__(self, other: Any) -> "Register":
        return self._applied("gt", other)

    def __ge__(self, other: Any) -> "Register":
        return self._applied("ge", other)

    def __eq__(self, other: Any) -> "Register":  # type: ignore[override]
        return self._applied("eq", other)

    def __ne__(self, other: Any) -> "Register":  # type: ignore[override]
        return self._applied("ne", other)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Any) -> "Register":
        return self._applied("and", other)

    def __or__(self, other: Any) -> "Register":
        return self._applied("or", other)

    def __invert__(self) -> "Register":
        return self._applied("not")

    def __bool__(self) -> bool:
        raise TypeError("a condition is known when the kernel runs: choose by `xp.where`")


class RegisterNamespace:
    """The namespace for one function."""

    def __init__(self, code: Code):
        self.code = code

    def of(self, *texts: str) -> Any:
        """Registers as numbers: one, or a tuple of several."""
        found = tuple(Register(self.code, text) for text in texts)
        return found[0] if len(found) == 1 else found

    def where(self, condition: Register, one: Any, other: Any) -> Register:
        code = self.code
        return Register(code, code.select(condition.text, _text(code, one), _text(code, other)))

    def maximum(self, one: Any, other: Any) -> Register:
        return Register(self.code, self.code.larger(_text(self.code, one), _text(self.code, other)))

    def minimum(self, one: Any, other: Any) -> Register:
        return Register(self.code, self.code.smaller(_text(self.code, one), _text(self.code, other)))

    def clip(self, value: Register, low: Any, high: Any) -> Register:
        return self.minimum(self.maximum(value, low), high)

    def abs(self, value: Register) -> Register:
        return value._applied("abs")

    def floor(self, value: Register) -> Register:
        return value._applied("floor")

    def ceil(self, value: Register) -> Register:
        return value._applied("ceil")

    def sqrt(self, value: Register) -> Register:
        return value._applied("sqrt")

    def log(self, value: Register) -> Register:
        return Register(self.code, self.code.each("log", value.text))

    def exp(self, value: Register) -> Register:
        return Register(self.code, self.code.each("exp", value.text))

    def isfinite(self, value: Register) -> Register:
        return (value - value) == 0.0


def _text(code: Code, value: Any) -> str:
    return value.text if isinstance(value, Register) else code.number(float(value))
