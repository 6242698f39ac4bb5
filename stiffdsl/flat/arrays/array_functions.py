"""`matmul`, `transpose` and `join` of whole arrays: shapes, and elements over a domain.

The elements of a product are sums over the members of a domain, as if they were written `(sum(A[i, k]*x[k] for k in
1..n) for i in 1..m)`. A factor that is itself a sum is held in hidden variables, where there may be some: a product of
three matrices takes two products, not one in each term of the other.
"""

from dataclasses import replace

import numpy as np

from stiffdsl.flat.arrays.expression_graph import children
from stiffdsl.flat.arrays.reductions import reduce
from stiffdsl.flat.arrays.shapes import shape_of
from stiffdsl.flat.domain import IterationDomain, Split, split_rows
from stiffdsl.flat.expander import Expander
from stiffdsl.flat.instance import Fault, fits, positions
from stiffdsl.flat.numeric import Value
from stiffdsl.flat.template import MINUS_ONE
from stiffdsl.syntax import tree

_LEFT, _RIGHT = "$left", "$right"


def array_element(expansion: Expander, call: tree.Call) -> Value:
    """The element of `call` that the open axes of the domain choose."""
    depth = len(shape_of(expansion, call))
    axes = expansion.domain.axes
    if depth > len(axes):
        raise Fault("E0305", "an array stands where one number is needed", call.span)
    own = axes[len(axes) - depth :]
    if call.function == "transpose":
        return expansion.at(call.arguments[0], own[::-1])
    if call.function == "join":
        return _joined(expansion, call, own)
    return _product(expansion, call, own)


def _joined(expansion: Expander, call: tree.Call, own: tuple[np.ndarray, ...]) -> Value:
    """The element of the argument that the first axis falls into."""
    shapes = [shape_of(expansion, a) for a in call.arguments]
    ends = np.cumsum([shape[0] if shape else 1 for shape in shapes])
    which = np.searchsorted(ends, own[0], side="right")
    if np.any(which != which[0]):
        raise Split(which == which[0])
    k = int(which[0])
    place = own[0] - (ends[k - 1] if k else 0)
    return expansion.at(call.arguments[k], (place, *own[1:]) if shapes[k] else ())


def _product(expansion: Expander, call: tree.Call, own: tuple[np.ndarray, ...]) -> Value:
    a, b = call.arguments
    left, right = shape_of(expansion, a), shape_of(expansion, b)
    outer, members, inner = expansion.domain, expansion.domain.size, left[-1]
    fits(float(inner) * members, "`matmul` comes to", call.span)
    owner = np.repeat(np.arange(members), inner)
    terms = outer.take(owner)
    along = np.tile(np.arange(inner), members)
    row = own[0][owner] if len(left) == 2 else None
    column = own[-1][owner] if len(right) == 2 else None
    factors: list[tree.Expr] = []
    for name, expr, index in (
        (_LEFT, a, (along,) if row is None else (row, along)),
        (_RIGHT, b, (along,) if column is None else (along, column)),
    ):
        held = _held(expansion, expr) if expansion.auxiliary else None
        if held is None:
            bound = tuple(f"{name}{k}" for k in range(len(index)))
            for each, values in zip(bound, index, strict=True):
                terms = terms.bind(each, values + 1)
            chosen = tuple([tree.Name((tree.Part(each),), expr.span) for each in bound])
            factors.append(tree.Element(expr, chosen, expr.span))
        else:
            columns, shape, of = held
            place = np.take(of, owner) * int(np.prod(shape)) + positions(shape, list(index), len(owner))
            terms = replace(terms, scalars={**terms.scalars, name: ("var", columns[place])})
            factors.append(tree.Name((tree.Part(name),), expr.span))
    body = tree.Binary("*", factors[0], factors[1], call.span)
    return reduce(expansion, "sum", body, terms.with_axes(()), owner, call.span)


def _held(expansion: Expander, expr: tree.Expr) -> tuple[np.ndarray, tuple[int, ...], np.ndarray] | None:
    """Hidden variables for all elements of a factor that is itself a sum: their numbers, the shape, and which array of
    them each member takes. None for a factor that is cheap to read."""
    if not _sums(expr):
        return None
    shape = shape_of(expansion, expr)
    base, of = _without_axes(expansion.domain)
    key = id(expr), base.size, of.tobytes()
    if key not in expansion.held:
        domain = base.product(shape)
        parts: list[tuple[np.ndarray, Expander, Value]] = []

        def expand(rows: np.ndarray) -> None:
            inner = expansion.beside(domain.take(rows))
            parts.append((rows, inner, inner.expand(expr)))

        # The elements of a literal differ, and are expanded each by itself.
        list(split_rows(domain.size, expand))
        if all(isinstance(value, np.ndarray) for _, _, value in parts):
            return None
        columns = expansion.context.hidden(domain.size, "product", expr.span) + np.arange(domain.size)
        for rows, inner, value in parts:
            difference = ("add", inner.slot("var", columns[rows]), ("mul", MINUS_ONE, inner.lift(value)))
            expansion.context.equations.add(inner.rows(difference, expr.span))
        expansion.held[key] = columns
    return expansion.held[key], shape, of


def _sums(expr: tree.Expr) -> bool:
    """Whether an expression is more than names, numbers and arithmetic: not to be computed in every term anew."""
    waiting: list[tree.Expr] = [expr]
    while waiting:
        e = waiting.pop()
        if isinstance(e, tree.Comprehension | tree.Inlined | tree.If):
            return True
        if isinstance(e, tree.Call) and e.function != "transpose":
            return True
        waiting += children(e)
    return False


def _without_axes(domain: IterationDomain) -> tuple[IterationDomain, np.ndarray]:
    """The members of a domain with the open axes left out, each once, and which of them every member is."""
    known = (*domain.prefix, *domain.iterators.values(), *(column for _, column in domain.scalars.values()))
    if not known:
        return domain.take(np.arange(1)).with_axes(()), np.zeros(domain.size, dtype=np.int64)
    table = np.stack([np.broadcast_to(k, (domain.size,)) for k in known], axis=1)
    _, first, of = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return domain.take(first).with_axes(()), np.ravel(of)
