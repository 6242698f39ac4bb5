"""Derivatives of templates: SymPy differentiates each shape once, whatever the number of its members."""

from functools import lru_cache

import sympy as sp

from stiffdsl.flat.functions import Where, where

# Derivatives of at most this many operations are tried in expanded form.
SHORT = 80


@lru_cache(maxsize=200_000)
def _slope(e: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """`sp.diff` for what equations are made of, many times as fast: only what holds the symbol is looked at."""
    if e == symbol:
        return sp.Integer(1)
    if symbol not in e.free_symbols:
        return sp.Integer(0)
    if e.is_Add:
        return sp.Add(*(_slope(a, symbol) for a in e.args))
    if e.is_Mul:
        terms = []
        for k, a in enumerate(e.args):
            slope = _slope(a, symbol)
            if slope != 0:
                terms.append(sp.Mul(*e.args[:k], slope, *e.args[k + 1 :]))  # type: ignore[arg-type]
        return sp.Add(*terms)
    if e.is_Pow and symbol not in e.args[1].free_symbols:
        base, exponent = e.args
        return sp.Mul(exponent, sp.Pow(base, exponent - 1), _slope(base, symbol))  # type: ignore[operator]
    if isinstance(e, sp.Function) and len(e.args) == 1:
        return sp.Mul(e.fdiff(1), _slope(e.args[0], symbol))
    if isinstance(e, Where):
        return where(e.args[0], _slope(e.args[1], symbol), _slope(e.args[2], symbol))
    return sp.diff(e, symbol)


@lru_cache(maxsize=200_000)
def derivative(template: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The partial derivative of a template by one of its slots, in a form that is cheap to evaluate."""
    result = _slope(template, symbol)
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
