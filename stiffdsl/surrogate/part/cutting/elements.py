"""One element of an expression that gives an array."""

from collections.abc import Callable
from dataclasses import replace

from stiffdsl.check import Class
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import substituted

_REDUCTIONS = ("sum", "prod", "min", "max")


def rank(expr: tree.Expr, cls: Class) -> int:
    """The number of indices left open in `expr`, in the scope of `cls`."""
    match expr:
        case tree.Name():
            return _open(expr, cls)
        case tree.Unary():
            return rank(expr.operand, cls)
        case tree.Binary():
            return max(rank(expr.left, cls), rank(expr.right, cls))
        case tree.If():
            return max(rank(expr.yes, cls), rank(expr.no, cls))
        case tree.Call("matmul"):
            return max(0, sum(rank(a, cls) for a in expr.arguments) - 2)
        case tree.Call("join"):
            return max(1, *(rank(a, cls) for a in expr.arguments))
        case tree.Inlined():
            return rank(expr.value, cls)
        case tree.Element():
            return sum(isinstance(i, tree.Range) for i in expr.indices)
        case tree.Call():
            if expr.function in _REDUCTIONS and len(expr.arguments) == 1:
                return 0
            return max((rank(a, cls) for a in expr.arguments), default=0)
        case tree.Range():
            return 1
        case tree.ArrayLiteral():
            return 1 + (rank(expr.items[0], cls) if expr.items else 0)
        case tree.Comprehension(function=None):
            return len(expr.iterators) + rank(expr.body, cls)
    return 0


def _open(name: tree.Name, cls: Class) -> int:
    found, here = 0, cls
    for part in name.parts:
        use = next((u for u in here.components if u.name == part.name), None)
        own = use or next((v for v in here.variables if v.name == part.name), None)
        if own is None:
            return found
        ranges = sum(isinstance(i, tree.Range) for i in part.indices)
        found += ranges if part.indices else len(own.dimensions)
        if use is None:
            return found
        here = use.cls
    return found


def element(
    expr: tree.Expr, k: int, cls: Class, value: Callable[[tree.Expr], int | None]
) -> tree.Expr | None:
    """Element k (from 1) of the first axis of `expr`; `value` knows numbers. None where it cannot be written."""
    most = rank(expr, cls)
    if not most:
        return expr

    def inner(e: tree.Expr) -> tree.Expr | None:
        own = rank(e, cls)
        return e if own == 0 else element(e, k, cls, value) if own == most else None

    match expr:
        case tree.Name():
            return _indexed(expr, k, cls)
        case tree.ArrayLiteral():
            return expr.items[k - 1] if k <= len(expr.items) else None
        case tree.Range():
            first = value(expr.first)
            return None if first is None else tree.Number(float(first + k - 1), None, expr.span)
        case tree.Comprehension():
            iterator, *rest = expr.iterators
            first = value(iterator.range.first) if isinstance(iterator.range, tree.Range) else 1
            if first is None:
                return None
            body: tree.Expr = replace(expr, iterators=tuple(rest)) if rest else expr.body
            return substituted(body, iterator.name, float(first + k - 1))
        case tree.Unary():
            own = inner(expr.operand)
            return own and replace(expr, operand=own)
        case tree.Binary():
            left, right = inner(expr.left), inner(expr.right)
            return replace(expr, left=left, right=right) if left and right else None
        case tree.If():
            yes, no = inner(expr.yes), inner(expr.no)
            return replace(expr, yes=yes, no=no) if yes and no and not rank(expr.condition, cls) else None
        case tree.Inlined():
            return inner(expr.value)
        case tree.Call("matmul" | "transpose" | "join"):
            return None
        case tree.Call():
            arguments = [inner(a) for a in expr.arguments]
            return None if None in arguments else replace(expr, arguments=tuple(a for a in arguments if a))
    return None


def _indexed(name: tree.Name, k: int, cls: Class) -> tree.Expr | None:
    """The name with its first open axis at k."""
    parts, here = list(name.parts), cls
    for at, part in enumerate(parts):
        use = next((u for u in here.components if u.name == part.name), None)
        own = use or next((v for v in here.variables if v.name == part.name), None)
        if own is None or any(isinstance(i, tree.Range) for i in part.indices):
            return None
        if not part.indices and own.dimensions:
            if len(own.dimensions) > 1:
                return None
            parts[at] = tree.Part(part.name, (tree.Number(float(k), None, name.span),))
            return replace(name, parts=tuple(parts))
        if use is None:
            return None
        here = use.cls
    return None
