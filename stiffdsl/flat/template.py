"""Skeletons: an expression with its leaves replaced by slots, as nested tuples that hash; and their SymPy form.

Two equations with the same skeleton belong to one family, and SymPy sees the skeleton once.

    ("add", ("slot", 0), ("mul", ("num", -1.0), ("slot", 1)))   →   s0 - s1
"""

from functools import lru_cache
from typing import Any

import sympy as sp

from stiffdsl.flat.functions import FUNCTIONS, Lookup, Network, where
from stiffdsl.flat.model import TIME, slot, total

Skeleton = tuple

MINUS_ONE: Skeleton = ("num", -1.0)

_RELATIONS = {"<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge, "==": sp.Eq, "!=": sp.Ne}


def mentions_time(skeleton: Skeleton) -> bool:
    """Whether time stands in an expression."""
    return skeleton == ("time",) or any(isinstance(part, tuple) and mentions_time(part) for part in skeleton)


def multiplied_out(expression: sp.Expr) -> sp.Expr:
    """Products of sums as sums. Powers of sums stay: multiplied out they would cost digits and a hundred terms."""
    return sp.expand(expression, multinomial=False, power_base=False, power_exp=False)


def number(value: float) -> sp.Expr:
    """A literal: whole numbers are exact, so that `x^2` is a power and not a logarithm."""
    if value == int(value) and abs(value) < 1e15:
        return sp.Integer(int(value))
    if value == 0.5:
        return sp.Rational(1, 2)
    return sp.Float(value, 17)


def leading(skeleton: Skeleton) -> int:
    """The number of entries before the arguments: `("call", "sin", x)`, `("lookup", (table, degree), x)`, `("network",
    (number,), output, site, x, …)`."""
    return 2 if skeleton[0] in ("call", "lookup", "network") else 1


@lru_cache(maxsize=100_000)
def to_sympy(skeleton: Skeleton) -> Any:
    """The template of a skeleton: an expression, or a condition inside one."""
    head = skeleton[0]
    if head == "slot":
        return slot(skeleton[1])
    if head == "total":
        return total(skeleton[1])
    if head == "num":
        return number(skeleton[1])
    if head == "time":
        return TIME
    if head == "bool":
        return sp.true if skeleton[1] else sp.false
    args = [to_sympy(a) for a in skeleton[leading(skeleton) :]]
    if head == "lookup":
        return Lookup(*skeleton[1], *(sp.Integer(0) for _ in args), *args)
    if head == "network":
        return Network(*skeleton[1], sp.Tuple(), *args)
    if head == "add":
        return sp.Add(*args)
    if head == "mul":
        return sp.Mul(*args)
    if head == "div":
        return args[0] / args[1]
    if head == "pow":
        return args[0] ** args[1]
    if head == "if":
        return where(*args)
    if head == "and":
        return sp.And(*args)
    if head == "or":
        return sp.Or(*args)
    if head == "not":
        return sp.Not(args[0])
    if head in _RELATIONS:
        return _RELATIONS[head](*args)
    assert head == "call", head
    return FUNCTIONS[skeleton[1]](*args)


@lru_cache(maxsize=200_000)
def symbols_of(e: sp.Basic) -> frozenset[sp.Basic]:
    """`free_symbols`, read once in each part of an expression, however often that stands in it."""
    if e.is_Symbol:
        return frozenset((e,))
    return frozenset().union(*map(symbols_of, e.args))


def slots_in(expression: sp.Basic) -> list[int]:
    """The slots that `expression` mentions, in order."""
    return sorted(int(s.name[1:]) for s in symbols_of(expression) if s.name[0] == "s")  # type: ignore[attr-defined]


@lru_cache(maxsize=200_000)
def operations(e: sp.Basic) -> int:
    """The number of operations and leaves of an expression, written out; each part is counted once."""
    return 1 + sum(map(operations, e.args))


def substitute(expression: sp.Expr, replacements: dict[sp.Expr, sp.Expr]) -> sp.Expr:
    """`xreplace` with the type it has for us."""
    result = expression.xreplace(replacements)
    assert isinstance(result, sp.Basic)
    return result  # type: ignore[return-value]
