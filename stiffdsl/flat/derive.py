"""Derivatives of templates: every shape once, whatever the number of its members; finite wherever they exist.

What SymPy writes is right but for single points, which models begin at: `n*x^n/x` for `x^n`, `x/sqrt(x^2 + y^2)`, and
`0*inf` where a factor vanishes before an infinite slope. Here a power keeps its exponent, and such products are
`Scaled`: zero where their first factor is, whatever the other. The slope of `sqrt(x)` alone stays infinite at 0.
"""

from functools import lru_cache

import sympy as sp

from stiffdsl.flat.functions import Opaque, Scaled, Where, scaled, where
from stiffdsl.flat.template import operations, symbols_of

# Derivatives of at most this many operations and leaves are tried in expanded form.
SHORT = 150
# Functions that overflow at arguments that models reach: their reciprocal is zero there, with a slope of zero.
_OVERFLOWING = (sp.exp, sp.sinh, sp.cosh)
_ZERO = sp.Integer(0)

Slopes = dict[sp.Symbol, sp.Expr]


@lru_cache(maxsize=200_000)
def derivative(template: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The partial derivative of a template by one of its slots, in a form that is cheap to evaluate."""
    result = slopes(template).get(symbol, _ZERO)
    # A derivative may be a constant that does not look like one (`2*x - 2*x`). Quotients of long sums expand to
    # what takes seconds and helps nobody.
    if result.is_Add and operations(result) <= SHORT and not result.has(Where, Scaled):
        simpler = sp.expand(result, multinomial=False)
        if operations(simpler) < operations(result):
            return simpler
    return result


@lru_cache(maxsize=50_000)
def slopes(e: sp.Expr) -> Slopes:
    """The derivatives of `e` that are not zero, in one walk: a sum of a thousand terms is read once, not by each.

    `sp.diff` for what equations are made of, many times as fast.
    """
    if e.is_Symbol:
        return {e: sp.Integer(1)}  # type: ignore[dict-item]
    if e.is_Add:
        return _added(slopes(a) for a in e.args)  # type: ignore[arg-type]
    if e.is_Mul or isinstance(e, Scaled):
        return _added(
            _chained(sp.Mul(*e.args[:k], *e.args[k + 1 :]), a)  # type: ignore[arg-type]
            for k, a in enumerate(e.args)
        )
    if e.is_Pow:
        return _of_power(*e.args)  # type: ignore[arg-type]
    if isinstance(e, Where):
        yes, no = slopes(e.args[1]), slopes(e.args[2])  # type: ignore[arg-type]
        both = {**yes, **no}
        return _nonzero({s: where(e.args[0], yes.get(s, _ZERO), no.get(s, _ZERO)) for s in both})
    if isinstance(e, sp.asin | sp.acos):
        # A clamped argument has no slope where this has an infinite one.
        return _nonzero({s: _times(slope, e.fdiff(1)) for s, slope in slopes(e.args[0]).items()})  # type: ignore[arg-type]
    if isinstance(e, sp.atan2):
        y, x = e.args
        below = sp.Pow(x**2 + y**2, -1)  # type: ignore[operator]
        return _added((_inner(scaled(x, below), y), _inner(scaled(-y, below), x)))  # type: ignore[operator, arg-type]
    if isinstance(e, Opaque):
        return _added(_chained(e.slope(k), x) for k, x in enumerate(e.inner))
    if isinstance(e, sp.Function) and len(e.args) == 1:
        return _chained(e.fdiff(1), e.args[0], vanishes=isinstance(e, sp.exp) and singular(e.args[0]))  # type: ignore[arg-type]
    return _nonzero({s: sp.diff(e, s) for s in sorted(symbols_of(e), key=str)})  # type: ignore[arg-type]


def _of_power(base: sp.Expr, exponent: sp.Expr) -> Slopes:
    if not exponent.is_number:
        by_base = _inner_scaled(exponent, sp.Pow(base, exponent - 1), base)
        # At a base of zero the power does not change with its exponent.
        logarithm = sp.log(where(sp.Eq(base, 0), sp.Integer(1), base))
        return _added((by_base, _inner(sp.Mul(sp.Pow(base, exponent), logarithm), exponent)))
    outer = sp.Pow(base, exponent - 1)
    if exponent.is_negative:
        return _chained(sp.Mul(exponent, outer), base, vanishes=base.has(*_OVERFLOWING))
    if (1 - exponent).is_positive:
        return _inner_scaled(exponent, outer, base)
    return _chained(sp.Mul(exponent, outer), base)


def _inner(outer: sp.Expr, inner: sp.Expr) -> Slopes:
    """The chain rule."""
    return {symbol: sp.Mul(outer, slope) for symbol, slope in slopes(inner).items()}


def _inner_scaled(factor: sp.Expr, outer: sp.Expr, inner: sp.Expr) -> Slopes:
    """The chain rule with an outer derivative `factor*outer` that may be infinite: not where the inner one is zero."""
    return {symbol: _times(sp.Mul(factor, slope), outer) for symbol, slope in slopes(inner).items()}


def _chained(outer: sp.Expr, inner: sp.Expr, vanishes: bool = False) -> Slopes:
    """The chain rule with an inner derivative that may be infinite: not where the outer one is zero."""
    found = slopes(inner)
    if vanishes:
        return _nonzero({symbol: scaled(outer, slope) for symbol, slope in found.items()})
    if not steep(inner):
        return _nonzero({symbol: sp.Mul(outer, slope) for symbol, slope in found.items()})
    return _nonzero(
        {
            symbol: _times(outer, slope) if singular(slope) else sp.Mul(outer, slope)
            for symbol, slope in found.items()
        }
    )


def _times(factor: sp.Expr, outer: sp.Expr) -> sp.Expr:
    """Their product, zero where the factor is."""
    return scaled(factor, outer) if _may_vanish(factor) else sp.Mul(factor, outer)


def _added(parts) -> Slopes:
    terms: dict[sp.Symbol, list[sp.Expr]] = {}
    for part in parts:
        for symbol, slope in part.items():
            terms.setdefault(symbol, []).append(slope)
    return _nonzero({symbol: sp.Add(*found) for symbol, found in terms.items()})


def _nonzero(found: Slopes) -> Slopes:
    return {symbol: slope for symbol, slope in found.items() if slope != 0}


@lru_cache(maxsize=100_000)
def steep(e: sp.Basic) -> bool:
    """Whether `e` may have an infinite slope where it has a value: a root, a power of any exponent, `asin`."""
    if isinstance(e, sp.asin | sp.acos):
        return True
    if e.is_Pow:
        base, exponent = e.args
        if not exponent.is_number or ((1 - exponent).is_positive and exponent.is_positive):  # type: ignore[operator]
            return not base.is_number
        return steep(base)
    return any(steep(a) for a in (e.args[1:] if isinstance(e, Where) else e.args))


@lru_cache(maxsize=100_000)
def singular(e: sp.Basic) -> bool:
    """Whether `e` may be infinite at a finite point."""
    if isinstance(e, sp.log):
        return True
    if e.is_Pow and not (e.args[1].is_number and e.args[1].is_positive):
        return True
    return any(singular(a) for a in (e.args[1:] if isinstance(e, Where) else e.args))


def _may_vanish(e: sp.Expr) -> bool:
    if e.is_number:
        return bool(e.is_zero)
    if e.is_Mul:
        return any(_may_vanish(a) for a in e.args)  # type: ignore[arg-type]
    if e.is_Pow and e.args[1].is_number:
        return not e.args[1].is_negative and _may_vanish(e.args[0])  # type: ignore[arg-type]
    return not isinstance(e, sp.exp)
