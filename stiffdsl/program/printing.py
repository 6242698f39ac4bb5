"""Templates as text: one line of Python over `xp`, which is `numpy` or `jax.numpy`."""

from functools import lru_cache

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

_CALLS = {
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "log": "log",
    "Floor": "floor",
    "Ceil": "ceil",
    "Abs": "abs",
    "sign": "sign",
}


class _Printer(StrPrinter):
    """Numbers with all their digits, functions from `xp`, powers as products where they are whole."""

    def _print_Function(self, expr):
        name = _CALLS[type(expr).__name__]
        return f"xp.{name}({', '.join(self._print(a) for a in expr.args)})"

    _print_Abs = _print_sign = _print_Function

    def _print_exp(self, expr):
        return f"xp.exp({self._print(expr.args[0])})"

    def _print_Exp1(self, expr):
        return "xp.e"

    def _print_Pi(self, expr):
        return "xp.pi"

    def _print_Float(self, expr):
        return repr(float(expr))

    def _print_Integer(self, expr):
        return f"{int(expr)}.0"

    _print_Zero = _print_One = _print_NegativeOne = _print_Integer

    def _print_Rational(self, expr):
        return f"({int(expr.p)}.0/{int(expr.q)}.0)"

    _print_Half = _print_Rational

    def _print_Pow(self, expr, rational=False):
        base, exponent = expr.args
        if exponent == sp.Rational(1, 2):
            return f"xp.sqrt({self._print(base)})"
        if exponent == -sp.Rational(1, 2):
            return f"(1.0/xp.sqrt({self._print(base)}))"
        if exponent.is_Integer:
            power = int(exponent)
            inner = self.parenthesize(base, PRECEDENCE["Pow"], strict=False)
            if power == -1:
                return f"(1.0/{inner})"
            return f"(1.0/{inner}**{-power})" if power < 0 else f"{inner}**{power}"
        return f"xp.power({self._print(base)}, {self._print(exponent)})"

    def _print_Piecewise(self, expr):
        text = None
        for value, condition in reversed(expr.args):
            if condition == sp.true or text is None:
                text = self._print(value)
            else:
                text = f"xp.where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_Relational(self, expr):
        return f"({self._print(expr.lhs)} {expr.rel_op} {self._print(expr.rhs)})"

    def _print_And(self, expr):
        return self._logical("xp.logical_and", expr.args)

    def _print_Or(self, expr):
        return self._logical("xp.logical_or", expr.args)

    def _print_Not(self, expr):
        return f"xp.logical_not({self._print(expr.args[0])})"

    def _print_BooleanTrue(self, expr):
        return "True"

    def _print_BooleanFalse(self, expr):
        return "False"

    def _logical(self, function, args):
        text = self._print(args[0])
        for a in args[1:]:
            text = f"{function}({text}, {self._print(a)})"
        return text

    def _print_Symbol(self, expr):
        return expr.name


_printer = _Printer({"order": "none"})


@lru_cache(maxsize=200_000)
def python(expression: sp.Expr) -> str:
    """The text of a template; its slots are the names `s0, s1, …, g0, …, time`."""
    return _printer.doprint(expression)
