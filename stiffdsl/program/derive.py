"""Derivatives of templates: SymPy differentiates each shape once, whatever the number of its members."""

from functools import lru_cache

import sympy as sp

from stiffdsl.flat.functions import Where, where

# Derivatives of at most this many operations are tried in expanded form.
SHORT = 80


@lru_cache(maxsize=50_000)
def _gradient(e: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
    """The derivatives of `e` that are not zero, in one walk: a sum of a thousand terms is read once, not by each.

    `sp.diff` for what equations are made of, many times as fast.
    """
    if e.is_Symbol:
        return {e: sp.Integer(1)}  # type: ignore[dict-item]
    if e.is_Add:
        terms: dict[sp.Symbol, list[sp.Expr]] = {}
        for a in e.args:
            for symbol, slope in _gradient(a).items():  # type: ignore[arg-type]
                terms.setdefault(symbol, []).append(slope)
        return _nonzero({symbol: sp.Add(*slopes) for symbol, slopes in terms.items()})
    if e.is_Mul:
        terms = {}
        for k, a in enumerate(e.args):
            for symbol, slope in _gradient(a).items():  # type: ignore[arg-type]
                terms.setdefault(symbol, []).append(sp.Mul(*e.args[:k], slope, *e.args[k + 1 :]))  # type: ignore[arg-type]
        return _nonzero({symbol: sp.Add(*slopes) for symbol, slopes in terms.items()})
    if e.is_Pow and e.args[1].is_number:
        base, exponent = e.args
        outer = sp.Mul(exponent, sp.Pow(base, exponent - 1))  # type: ignore[operator]
        return _nonzero({symbol: sp.Mul(outer, slope) for symbol, slope in _gradient(base).items()})  # type: ignore[arg-type]
    if isinstance(e, sp.Function) and len(e.args) == 1:
        outer = e.fdiff(1)
        return _nonzero({symbol: sp.Mul(outer, slope) for symbol, slope in _gradient(e.args[0]).items()})  # type: ignore[arg-type]
    if isinstance(e, Where):
        yes, no = _gradient(e.args[1]), _gradient(e.args[2])  # type: ignore[arg-type]
        zero = sp.Integer(0)
        return _nonzero(
            {
                symbol: where(e.args[0], yes.get(symbol, zero), no.get(symbol, zero))
                for symbol in {**yes, **no}
            }
        )
    return _nonzero({s: sp.diff(e, s) for s in sorted(e.free_symbols, key=str)})  # type: ignore[arg-type]


def _nonzero(slopes: dict[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    return {symbol: slope for symbol, slope in slopes.items() if slope != 0}


@lru_cache(maxsize=200_000)
def derivative(template: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The partial derivative of a template by one of its slots, in a form that is cheap to evaluate."""
    result = _gradient(template).get(symbol, sp.Integer(0))
    # SymPy writes the derivative of x^n as n*x^n/x, which is not a number at x = 0.
    if any(not p.exp.is_number for p in result.atoms(sp.Pow)):
        result = sp.powsimp(result, combine="exp")
    # A derivative may be a constant that does not look like one (`2*x - 2*x`). Quotients of long sums expand to
    # what takes seconds and helps nobody.
    if result.is_Add and result.count_ops() <= SHORT and not result.has(Where):
        simpler = sp.expand(result)
        if simpler.count_ops() < result.count_ops():
            return simpler
    return result
