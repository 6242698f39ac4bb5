"""Checked expressions made by the compiler: sums and products without their zeros and ones, names, and slices."""

from dataclasses import replace
from typing import Any

from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import rebuilt

Path = tuple[tree.Part, ...]


def number(value: float, span: Span) -> tree.Expr:
    return tree.Number(float(value), None, span)


def is_number(expr: tree.Expr, value: float) -> bool:
    return isinstance(expr, tree.Number) and expr.value == value


def add(a: tree.Expr, b: tree.Expr) -> tree.Expr:
    if is_number(a, 0.0):
        return b
    return a if is_number(b, 0.0) else tree.Binary("+", a, b, a.span)


def subtract(a: tree.Expr, b: tree.Expr) -> tree.Expr:
    if isinstance(a, tree.Number) and isinstance(b, tree.Number):
        return number(a.value - b.value, a.span)
    return a if is_number(b, 0.0) else tree.Binary("-", a, b, a.span)


def multiply(a: tree.Expr, b: tree.Expr) -> tree.Expr:
    if is_number(a, 1.0):
        return b
    return a if is_number(b, 1.0) else tree.Binary("*", a, b, a.span)


def divide(a: tree.Expr, b: tree.Expr) -> tree.Expr:
    return a if is_number(b, 1.0) else tree.Binary("/", a, b, a.span)


def power(a: tree.Expr, exponent: int) -> tree.Expr:
    return a if exponent == 1 else tree.Binary("^", a, number(exponent, a.span), a.span)


def call(function: str, *arguments: tree.Expr) -> tree.Expr:
    return tree.Call(function, arguments, (), arguments[0].span)


def name(path: Path, *segments: str, span: Span, index: tree.Expr | None = None) -> tree.Name:
    """`path.first.last[index]`."""
    *before, last = segments
    own = tree.Part(last, () if index is None else (index,))
    return tree.Name((*path, *(tree.Part(s) for s in before), own), span)


def slice_of(first: tree.Expr, last: tree.Expr) -> tree.Expr:
    return tree.Range(first, last, first.span)


def replaced(expr: Any, old: tree.Expr, new: tree.Expr) -> Any:
    """A tree with `new` in the place of every `old`."""
    return rebuilt(expr, lambda node: new if node == old else None)


def below(expr: Any, path: Path) -> Any:
    """An expression of a part's class, as the class around it writes it: its names behind `path`."""
    if not path:
        return expr

    def change(node: Any) -> Any:
        if not isinstance(node, tree.Name):
            return None
        if len(node.parts) == 1 and node.parts[0].name in ("time", "pi", "true", "false"):
            return node
        own = tuple(tree.Part(p.name, below(p.indices, path)) for p in node.parts)
        return replace(node, parts=(*path, *own))

    return rebuilt(expr, change)
