"""The equations of a problem as SymPy expressions, and from them plain Python functions and DiffSL text."""

import math
from collections.abc import Callable

import numpy as np
import sympy as sp

from benchmarks.problem import ArrayFunctions, BenchmarkProblem

TIME = sp.Symbol("t")
# max(0, x) and the step, kept by name: each target writes them in its own way.
Positive, After = sp.Function("positive"), sp.Function("after")

SYMPY = ArrayFunctions(
    stack=lambda items: np.array(items, dtype=object),
    concatenate=np.concatenate,
    tanh=np.vectorize(sp.tanh, otypes=[object]),
    cos=sp.cos,
    positive=Positive,
    after=lambda t, at: After(t, sp.Float(at)),
)


def expressions(problem: BenchmarkProblem) -> tuple[list[sp.Symbol], list[sp.Expr]]:
    """The unknowns and their derivatives."""
    y = list(sp.symbols(f"y0:{problem.size}"))
    return y, [sp.sympify(e) for e in problem.equations(TIME, np.array(y, dtype=object), SYMPY)]


def python(problem: BenchmarkProblem) -> tuple[Callable, Callable]:
    """`rhs(t, y)` and the analytic `jacobian(t, y)` as scalar Python with common subexpressions shared.

    For a handful of unknowns this is several times faster than arithmetic on NumPy arrays.
    """
    y, right = expressions(problem)
    modules = ["math"]
    f = sp.lambdify((TIME, y), right, modules, cse=True)
    j = sp.lambdify((TIME, y), sp.Matrix(right).jacobian(y).tolist(), modules, cse=True)
    return (lambda t, y: f(t, y.tolist())), (lambda t, y: j(t, y.tolist()))


def diffsl(problem: BenchmarkProblem) -> str:
    """The problem in the language of diffsol."""
    y, right = expressions(problem)
    starts = ",\n".join(f"  {s} = {v!r}" for s, v in zip(y, map(float, problem.y0), strict=True))
    rights = ",\n".join(f"  {_diffsl(e)}" for e in right)
    return f"u_i {{\n{starts},\n}}\nF_i {{\n{rights},\n}}\n"


class _DiffSL(sp.printing.str.StrPrinter):
    """Powers become products, and the two named functions what diffsol has."""

    def _print_Pow(self, expr, rational=False):
        base, exponent = expr.as_base_exp()
        if exponent.is_Integer and 0 < exponent <= 4:
            return "(" + " * ".join([f"({self._print(base)})"] * int(exponent)) + ")"
        return f"pow({self._print(base)}, {self._print(exponent)})"

    def _print_Float(self, expr):
        return repr(float(expr))

    def _print_Rational(self, expr):
        return f"({expr.p}.0 / {expr.q}.0)"

    def _print_Integer(self, expr):
        return f"{int(expr)}.0"

    def _print_Pi(self, expr):
        return repr(math.pi)

    def _print_Function(self, expr):
        if expr.func == Positive:
            return f"max(0.0, {self._print(expr.args[0])})"
        if expr.func == After:
            return f"heaviside({self._print(expr.args[0] - expr.args[1])})"
        return super()._print_Function(expr)


def _diffsl(expr: sp.Expr) -> str:
    return _DiffSL().doprint(expr)
