"""The functions of the language as SymPy expressions that SymPy can differentiate.

`abs`, `sign`, `min`, `max` become `Where`, so that no derivative ever holds a Dirac impulse; `floor` and `ceil`
are constant between their jumps. `Scaled` stands in derivatives only.
"""

from collections.abc import Callable
from typing import Any

import sympy as sp

from stiffdsl.elementary import ELEMENTARY


class Floor(sp.Function):
    """The largest integer not above the argument; its derivative is zero wherever it has one."""

    nargs = 1

    def fdiff(self, argindex=1):
        return sp.Integer(0)


class Ceil(sp.Function):
    """The smallest integer not below the argument."""

    nargs = 1

    def fdiff(self, argindex=1):
        return sp.Integer(0)


class Where(sp.Expr):
    """`if condition then yes else no`.

    Not SymPy's `Piecewise`: that one folds what stands in its conditions, which takes exponentially long where
    conditions hold conditions, and fails on some.
    """

    is_commutative = True

    def _eval_is_extended_real(self):
        yes, no = self.args[1].is_extended_real, self.args[2].is_extended_real
        return yes if yes == no else None

    def _eval_derivative(self, s):
        condition, yes, no = self.args
        return where(condition, sp.diff(yes, s), sp.diff(no, s))

    def _sympystr(self, printer):
        condition, yes, no = (printer.doprint(a) for a in self.args)
        return f"(if {condition} then {yes} else {no})"


def where(condition, yes, no):
    """`if condition then yes else no`; a number counts as true when it is not zero."""
    if not isinstance(condition, sp.logic.boolalg.Boolean):
        condition = sp.Ne(condition, 0)
    if condition == sp.true:
        return yes
    if condition == sp.false:
        return no
    return yes if yes == no else Where(condition, sp.sympify(yes), sp.sympify(no))


class Opaque(sp.Expr):
    """A value of which equations say only what it depends on, and its derivatives: what is behind the `number` (the
    figures of a table, the weights of a network) belongs to a run, not to the model."""

    is_commutative = True
    is_real = True
    is_number = False  # type: ignore[assignment]

    def __new__(cls, *args):
        return super().__new__(cls, *map(sp.sympify, args))

    @property
    def number(self) -> int:
        return int(self.args[0])  # type: ignore[call-overload]

    @property
    def inner(self) -> tuple[sp.Expr, ...]:
        """The arguments."""
        raise NotImplementedError

    def slope(self, k: int) -> sp.Expr:
        """The derivative by argument k."""
        raise NotImplementedError

    def _eval_derivative(self, s):
        return sp.Add(*(self.slope(k) * sp.diff(x, s) for k, x in enumerate(self.inner)))


class Lookup(Opaque):
    """`table(x)`, or `table(x, y)`: a table by its number, the degree of its pieces, and the orders of the derivative
    by its arguments that this is: `Lookup(number, degree, order, …, x, …)`."""

    @property
    def orders(self) -> tuple[int, ...]:
        return tuple(int(o) for o in self.args[2 : 2 + len(self.inner)])  # type: ignore[call-overload]

    @property
    def inner(self) -> tuple[sp.Expr, ...]:
        """The arguments of the table."""
        return self.args[2 + (len(self.args) - 2) // 2 :]  # type: ignore[return-value]

    def slope(self, k: int) -> sp.Expr:
        """The derivative by argument k."""
        orders = list(self.orders)
        orders[k] += 1
        if orders[k] > int(self.args[1]):  # type: ignore[call-overload]
            return sp.Integer(0)
        return Lookup(*self.args[:2], *map(sp.Integer, orders), *self.inner)

    def _sympystr(self, printer):
        inner = ", ".join(printer.doprint(a) for a in self.inner)
        primes = "'" * sum(self.orders)
        return f"table{self.number}{primes}({inner})"


class Network(Opaque):
    """An entry of the result of a network: `Network(number, directions, output, site, x, …)`.

    `directions` (a tuple) are the arguments that it is differentiated by, in ascending order, counted from 0; `output`
    and `site` the entry and the instance, numbers or slots of constants.
    """

    @property
    def directions(self) -> tuple[int, ...]:
        return tuple(int(k) for k in self.args[1].args)  # type: ignore[call-overload]

    @property
    def inner(self) -> tuple[sp.Expr, ...]:
        """The arguments of the network."""
        return self.args[4:]  # type: ignore[return-value]

    def slope(self, k: int) -> sp.Expr:
        """The derivative by argument k."""
        return Network(self.args[0], sp.Tuple(*sorted((*self.directions, k))), *self.args[2:])

    def _sympystr(self, printer):
        shown = ", ".join(printer.doprint(a) for a in self.inner[:4])
        more = ", …" if len(self.inner) > 4 else ""
        slopes = "".join(f"_{k + 1}" for k in self.directions)
        output, site = (printer.doprint(a + 1 if isinstance(a, sp.Integer) else a) for a in self.args[2:4])
        place = "" if self.args[3] == 0 else f"{{{site}}}"
        return f"network{self.number}{place}{slopes}({shown}{more})[{output}]"


class Scaled(sp.Expr):
    """`factor*value`, and zero where the factor is, even if the value is infinite there or no number.

    So derivatives are written where an inner slope of zero meets an infinite outer one.
    """

    is_commutative = True
    is_real = True

    def _eval_derivative(self, s):
        factor, value = self.args
        return scaled(sp.diff(factor, s), value) + scaled(factor, sp.diff(value, s))

    def _sympystr(self, printer):
        factor, value = (printer.doprint(a) for a in self.args)
        return f"({factor})*({value})"

    def __new__(cls, factor, value):
        factor, value = sp.sympify(factor), sp.sympify(value)
        if factor.is_number:
            return sp.Integer(0) if factor.is_zero else sp.Mul(factor, value)
        return super().__new__(cls, factor, value)


def scaled(factor, value):
    """`factor*value` as `Scaled`; factors before one another are one."""
    if isinstance(value, Scaled):
        return Scaled(sp.Mul(factor, value.args[0]), value.args[1])  # type: ignore[arg-type]
    return Scaled(factor, value)


def _extreme(relation, args):
    """The first of `args` that stands in `relation` to all others. By halves, for each result stands in the next one
    twice: one after another, n of them would make 2^n nodes."""
    if len(args) == 1:
        return args[0]
    middle = (len(args) + 1) // 2
    one, other = _extreme(relation, args[:middle]), _extreme(relation, args[middle:])
    # Of nests SymPy would look for a sign, which doubles with their depth.
    nested = sp.sympify(one).has(Where) or sp.sympify(other).has(Where)
    return where(relation(one, other, evaluate=not nested), one, other)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: f.symbol or getattr(sp, name) for name, f in ELEMENTARY.items()},
    "atan2": sp.atan2,
    "log10": lambda x: sp.log(x) / sp.log(10.0),
    "sqrt": sp.sqrt,
    "abs": lambda x: where(sp.Ge(x, 0), x, -x),
    "sign": lambda x: where(sp.Gt(x, 0), sp.Integer(1), where(sp.Lt(x, 0), sp.Integer(-1), sp.Integer(0))),
    "min": lambda *args: _extreme(sp.Le, args),
    "max": lambda *args: _extreme(sp.Ge, args),
    "floor": Floor,
    "ceil": Ceil,
    "mod": lambda a, b: a - b * Floor(a / b),
    "smooth_step": lambda x, width: (1 + sp.tanh(x / width)) / 2,
    "noevent": lambda x: x,
}
