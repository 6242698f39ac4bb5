"""Templates as operations: what SymPy wrote, in the order a numerical program would do it.

Whole powers are products, `^-1` is a division, `^0.5` a square root. A branch that is not taken may hold a
division by zero: its arguments are replaced there, so that no derivative through `select` is ever `0*inf`.
"""

from functools import lru_cache

import numpy as np
import sympy as sp

from stiffdsl.elementary import ELEMENTARY
from stiffdsl.flat.functions import Lookup, Network, Scaled, Where
from stiffdsl.flat.model import TIME
from stiffdsl.program.builder import Builder
from stiffdsl.program.lookups import lookup
from stiffdsl.program.networks import network
from stiffdsl.program.parameter_blocks import NO_BLOCKS, ParameterBlocks

_UNARY = {
    **{name: name for name in ELEMENTARY},
    "Floor": "floor",
    "Ceil": "ceil",
    "floor": "floor",
    "ceiling": "ceil",
    "Abs": "abs",
    "sign": "sign",
}
_HUGE = {name for name, function in ELEMENTARY.items() if function.overflows}
_GUARDED = {name for name, function in ELEMENTARY.items() if function.guarded}
_RELATIONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
# In the domain of every function, with finite values and derivatives.
_HARMLESS = 0.5
# An expression is built under this many conditions at most.
MOST_GUARDS = 32
# Powers up to this one are products, and those in divisors that may be huge up to this one divide one by one.
_PRODUCT, _DIVISIONS = 16, 4


class TemplateLowering:
    """One template over one set of values: `symbols` by name of the slot, and `time`; and the tables and networks
    that it calls."""

    def __init__(self, builder: Builder, symbols: dict[str, int], blocks: ParameterBlocks = NO_BLOCKS):
        self.builder = builder
        self.symbols = symbols
        self.tables, self.networks = blocks.tables, blocks.networks
        self._done: dict[tuple[sp.Basic, int | None], int] = {}
        # Operations that each result would cost without sharing; `OperationCounts` reports the sum.
        self._cost: dict[tuple[sp.Basic, int | None], int] = {}
        self._guard: int | None = None
        # Under how many conditions an expression has been built.
        self._guards: dict[sp.Basic, int] = {}

    def build(self, expression: sp.Basic) -> int:
        outer = self._guard
        if outer is not None and not self._is_guarded(expression):
            self._guard = None
        key = (expression, self._guard)
        if key in self._done:
            self.builder.asked += self._cost[key]
        else:
            before = self.builder.asked
            self._done[key] = self._build(expression)
            self._cost[key] = self.builder.asked - before
        self._guard = outer
        return self._done[key]

    def _is_guarded(self, expression: sp.Basic) -> bool:
        """Whether it matters under which condition an expression is built. What a nest of choices asks for under ever
        more conditions is built without, which gives the same value: else each level would double it."""
        if not _may_be_guarded(expression):
            return False
        if (expression, self._guard) not in self._done:
            self._guards[expression] = self._guards.get(expression, 0) + 1
        return self._guards[expression] <= MOST_GUARDS

    def _build(self, e: sp.Basic) -> int:
        b = self.builder
        if e.is_Symbol:
            return self.symbols[e.name if e != TIME else "time"]  # type: ignore[attr-defined]
        if isinstance(e, sp.Number | sp.NumberSymbol):
            return b.number(_float(e))
        if e in (sp.zoo, sp.I):
            return b.number(np.nan)
        if e.is_Add:
            return self._sum(e)
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(*e.args)
        if isinstance(e, Where):
            return self._choice(*e.args)
        if isinstance(e, Scaled):
            return self._scaled(*e.args)
        if isinstance(e, sp.core.relational.Relational):
            relation = _RELATIONS[e.rel_op]  # type: ignore[attr-defined]
            return b.apply(relation, self.build(e.lhs), self.build(e.rhs))
        if isinstance(e, sp.And | sp.Or):
            name = "and" if isinstance(e, sp.And) else "or"
            result = self.build(e.args[0])
            for a in e.args[1:]:
                result = b.apply(name, result, self.build(a))
            return result
        if isinstance(e, sp.Not):
            return b.apply("not", self.build(e.args[0]))
        if e in (sp.true, sp.false):
            return b.put("flag", (), bool(e))
        if isinstance(e, Lookup):
            return self._lookup(e)
        if isinstance(e, Network):
            return self._network(e)
        if isinstance(e, sp.atan2):
            return b.apply("atan2", self._safe(e.args[0]), self._safe(e.args[1]))
        name = _UNARY[type(e).__name__]
        return b.apply(name, self._safe(e.args[0]) if name in _GUARDED else self.build(e.args[0]))

    def _lookup(self, e: Lookup) -> int:
        """A table at its arguments. What it is for numbers has the size of a number: a value alone."""
        arguments = [self.build(a) for a in e.inner]
        if self.tables[e.number].outside == "error":
            self.builder.watched |= {(e.number, k, a): None for k, a in enumerate(arguments)}
        return lookup(self.builder, self.tables[e.number], e.orders, arguments)

    def _network(self, e: Network) -> int:
        output, site, *arguments = (self.build(a) for a in e.args[2:])
        return network(self.builder, self.networks[e.number], e.directions, output, site, arguments)

    def _safe(self, e: sp.Basic) -> int:
        """An argument that must stay harmless where its branch is not taken."""
        value = self.build(e)
        if self._guard is None or self.builder.known(value) is not None:
            return value
        return self.builder.apply("select", self._guard, value, self.builder.number(_HARMLESS))

    def _sum(self, e: sp.Basic) -> int:
        """Positive terms first, the others subtracted."""
        terms = [(a.could_extract_minus_sign() and _leading(a) < 0, a) for a in e.args]  # type: ignore[attr-defined]
        positive = [a for negative, a in terms if not negative]
        negative = [-a for negative, a in terms if negative]  # type: ignore[operator]
        if positive:
            result = self.build(positive[0])
            rest = positive[1:]
        else:
            result, rest = self.builder.apply("neg", self.build(negative[0])), []
            negative = negative[1:]
        for a in rest:
            result = self.builder.apply("add", result, self.build(a))
        for a in negative:
            result = self.builder.apply("sub", result, self.build(a))
        return result

    def _product(self, e: sp.Basic) -> int:
        """Factors, then one division by all that stands below."""
        b = self.builder
        number, above, below = 1.0, [], []
        for a in e.args:
            if isinstance(a, sp.Number | sp.NumberSymbol):
                number *= _float(a)
            elif _is_quotient(a):
                below.extend(_divisors(a))
            else:
                above.append(a)
        sign, number = (-1.0, -number) if number == -1.0 else (1.0, number)
        factors = [self.build(a) for a in above]
        if number != 1.0 or not factors:
            factors.insert(0, b.number(number))
        result = factors[0]
        for f in factors[1:]:
            result = b.apply("mul", result, f)
        return b.apply("neg", self._over(result, below)) if sign < 0 else self._over(result, below)

    def _over(self, value: int, below: list[sp.Basic]) -> int:
        """A value divided by the product of `below`; one by one where that product may exceed all numbers."""
        b = self.builder
        if not below:
            return value
        if len(below) > 1 and any(_may_be_huge(a) for a in below):
            for a in below:
                value = b.apply("div", value, self._safe(a))
            return value
        divisor = self._safe(below[0])
        for a in below[1:]:
            divisor = b.apply("mul", divisor, self._safe(a))
        return b.apply("div", value, divisor)

    def _scaled(self, factor: sp.Basic, value: sp.Basic) -> int:
        """A product that is zero where its factor is: the other gives way to one there."""
        b = self.builder
        factors = sp.Mul.make_args(factor)  # type: ignore[arg-type]
        below = [a for a in factors if _is_quotient(a) and _may_be_huge(a)]
        if below:
            rest = sp.Mul(*(a for a in factors if a not in below))
            return self._scaled_over(rest, value, [d for a in below for d in _divisors(a)])
        first = self.build(factor)
        if value.is_Pow and value.args[1].is_number and value.args[1].is_negative:
            divisor = self._safe(sp.Pow(value.args[0], -value.args[1]))  # type: ignore[operator]
            return b.apply("div", first, b.unless_zero(first, divisor))
        return b.apply("mul", first, b.unless_zero(first, self.build(value)))

    def _scaled_over(self, factor: sp.Basic, value: sp.Basic, below: list[sp.Basic]) -> int:
        """`factor/below*value`, zero where a divisor is infinite: the value is divided, since the quotient of the
        factor may be too small for a number where the product is none."""
        b, quotient, seen = self.builder, self.build(value), set()
        for divisor in map(self._safe, below):
            if divisor not in seen:
                infinite = b.apply("eq", b.apply("div", b.number(1.0), divisor), b.number(0.0))
                quotient = b.apply("select", infinite, b.number(1.0), quotient)
            seen.add(divisor)
            quotient = b.apply("div", quotient, divisor)
        first = self.build(factor)
        return b.apply("mul", first, b.unless_zero(first, quotient))

    def _power(self, base: sp.Basic, exponent: sp.Basic) -> int:
        b = self.builder
        if base == sp.E:
            return b.apply("exp", self._safe(exponent))
        if exponent.is_number and exponent.is_negative:
            return self._over(b.number(1.0), _divisors(sp.Pow(base, exponent)))  # type: ignore[arg-type]
        if exponent == sp.Rational(1, 2):
            return b.apply("sqrt", self._safe(base))
        if exponent.is_Integer and int(exponent) <= _PRODUCT:  # type: ignore[call-overload]
            return self._repeated(self.build(base), int(exponent))  # type: ignore[call-overload]
        # Not x*sqrt(x) for x^1.5: JAX's derivative of that is not a number at zero.
        return b.apply("pow", self._safe(base), self.build(exponent))

    def _repeated(self, value: int, times: int) -> int:
        if times == 1:
            return value
        half = self._repeated(value, times // 2)
        square = self.builder.apply("mul", half, half)
        return self.builder.apply("mul", square, value) if times % 2 else square

    def _choice(self, condition: sp.Basic, yes: sp.Basic, no: sp.Basic) -> int:
        """`select`; each branch is built under the condition that it is taken."""
        b = self.builder
        outer = self._guard
        test = self.build(condition)
        values = []
        for branch, holds in ((yes, test), (no, b.apply("not", test))):
            self._guard = holds if outer is None else b.apply("and", outer, holds)
            values.append(self.build(branch))
        self._guard = outer
        return b.apply("select", test, *values)


@lru_cache(maxsize=100_000)
def _may_be_guarded(e: sp.Basic) -> bool:
    """Whether something in an expression must stay harmless where its branch is not taken."""
    own = e.is_Pow and not (e.args[1].is_Integer and e.args[1].is_positive and int(e.args[1]) <= _PRODUCT)  # type: ignore[call-overload]
    own = own or isinstance(e, Scaled | sp.atan2) or _UNARY.get(type(e).__name__) in _GUARDED
    return bool(own) or any(_may_be_guarded(a) for a in e.args)


def _divisors(power: sp.Basic) -> list[sp.Basic]:
    """The divisors that a negative power is: its base so many times where the power of that may exceed all numbers
    while the quotient does not, as of `u/(1 + u)^2` with u = exp(400)."""
    base, exponent = power.args[0], -power.args[1]  # type: ignore[operator]
    if exponent.is_Integer and 1 < int(exponent) <= _DIVISIONS and _may_be_huge(base):
        return [base] * int(exponent)
    return [sp.Pow(base, exponent)]  # type: ignore[arg-type, list-item]


def _may_be_huge(e: sp.Basic) -> bool:
    """Whether an expression holds what grows beyond the square root of the greatest number where models go."""
    return any(
        type(a).__name__ in _HUGE or (a.is_Pow and not a.args[1].is_number) for a in sp.preorder_traversal(e)
    )


def _is_quotient(e: sp.Basic) -> bool:
    """Whether an expression is a power with a negative number for an exponent."""
    return bool(e.is_Pow and e.args[1].is_number and e.args[1].is_negative)


def _leading(e: sp.Basic) -> float:
    """The numerical coefficient of a term."""
    number = e.as_coeff_Mul()[0]  # type: ignore[attr-defined]
    return _float(number) if isinstance(number, sp.Number) else 1.0


def _float(e: sp.Basic) -> float:
    return float(e.evalf(17)) if isinstance(e, sp.NumberSymbol) else float(e)  # type: ignore[arg-type]
