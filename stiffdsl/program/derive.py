"""Derivatives of templates: SymPy differentiates each shape once, whatever the number of its members."""

from functools import lru_cache

import sympy as sp

# Derivatives of at most this many operations are tried in expanded form.
SHORT = 80


@lru_cache(maxsize=200_000)
def derivative(template: sp.Expr, symbol: sp.Symbol) -> sp.Expr:
    """The partial derivative of a template by one of its slots, in a form that is cheap to evaluate."""
    result = sp.diff(template, symbol)
    # SymPy writes the derivative of x^n as n*x^n/x, which is not a number at x = 0.
    if any(not p.exp.is_number for p in result.atoms(sp.Pow)):
        result = sp.powsimp(result, combine="exp")
    # A derivative may be a constant that does not look like one (`2*x - 2*x`). Quotients of long sums expand to
    # what takes seconds and helps nobody.
    if result.is_Add and result.count_ops() <= SHORT and not result.has(sp.Piecewise):
        simpler = sp.expand(result)
        if simpler.count_ops() < result.count_ops():
            return simpler
    return result
