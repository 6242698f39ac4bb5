"""`sum`, `prod`, `min` and `max` over arrays and iterators: numbers, a few terms, or a total of many members.

Terms are taken by the branches that their indices choose: `sum(if j == i then 0 else x[j] for j in 1..N)`.

Terms of one pattern of branches are one piece, expanded at once: a sum over N terms in each of N members has as many
pieces as there are patterns (two, here), not as many as there are terms.
"""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from stiffdsl.check.array_functions import ARRAY_FUNCTIONS
from stiffdsl.diagnostics import Span
from stiffdsl.flat.arrays.expression_graph import children
from stiffdsl.flat.arrays.shapes import shape_of
from stiffdsl.flat.domain import IterationDomain, Split, split_rows
from stiffdsl.flat.expander import Expander
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import fits
from stiffdsl.flat.numeric import REDUCTIONS, Value, reduced, truth
from stiffdsl.flat.template import MINUS_ONE, Skeleton
from stiffdsl.syntax import tree

# A sum of at most this many terms is written out in its template, where it can be solved and simplified.
WRITTEN_OUT = 8


def terms_of(expansion: Expander, iterators: tuple[tree.Iterator, ...]) -> tuple[IterationDomain, np.ndarray]:
    """The domain of all terms of a reduction, and the member that owns each."""
    domain, owner = expansion.domain, np.arange(expansion.domain.size)
    for iterator in iterators:
        look = expansion.within(domain)
        span = iterator.range
        first = look.whole(span.first) if isinstance(span, tree.Range) else np.ones(domain.size)
        last = look.whole(span.last if isinstance(span, tree.Range) else span)
        first, last = np.broadcast_to(first, domain.size), np.broadcast_to(last, domain.size)
        counts = np.maximum(0, last - first + 1)
        fits(float(counts.sum()), f"the range of `{iterator.name}` comes to", span.span)
        counts = counts.astype(np.int64)
        rows = np.repeat(np.arange(domain.size), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        domain = domain.take(rows).bind(iterator.name, first[rows].astype(np.int64) + within)
        owner = owner[rows]
    return domain, owner


def reduce_array(expansion: Expander, expr: tree.Call) -> Value:
    """`sum(x)`, `max(x)` of a whole array."""
    argument = expr.arguments[0]
    if isinstance(argument, tree.Comprehension) and argument.function is None:
        return expansion.comprehension(
            tree.Comprehension(expr.function, argument.body, argument.iterators, expr.span)
        )
    shape = shape_of(expansion, argument)
    if not shape:
        return expansion.expand(argument)
    count = int(np.prod(shape))
    fits(float(count) * expansion.domain.size, f"`{expr.function}` comes to", expr.span)
    owner = np.repeat(np.arange(expansion.domain.size), count)
    return reduce(expansion, expr.function, argument, expansion.domain.product(shape), owner, expr.span)


def reduce(
    expansion: Expander, function: str, body: tree.Expr, terms: IterationDomain, owner: np.ndarray, span: Span
) -> Value:
    """`function` over the `terms` of `body`; `owner` tells the member that each term belongs to."""
    members = expansion.domain.size
    parts = pieces(expansion, body, terms)
    if len(parts) > 1:
        return _by_pieces(expansion, function, body, terms, owner, parts, span)
    counts = np.bincount(owner, minlength=members)
    numeric = _numeric_terms(expansion, body, terms)
    if numeric is not None:
        return reduced(function, numeric, owner, counts, span)
    uniform = members > 0 and bool(np.all(counts == counts[0]))
    through = expansion.auxiliary or (expansion.reducing and _moves(expansion, function, body, terms))
    if uniform and (counts[0] <= WRITTEN_OUT or not through):
        return _written_out(expansion, function, body, terms, int(counts[0]), span)
    if function == "sum" and not expansion.inside_sum and expansion.auxiliary:
        inner = expansion.beside(terms, inside_sum=True)
        skeleton = inner.lift(inner.expand(body))
        expansion.sums.append((inner.rows(skeleton, span), owner))
        return ("total", len(expansion.sums) - 1)
    if not uniform and (function != "sum" or not expansion.auxiliary):
        raise Split(counts == counts[0])
    return _through_variables(expansion, function, body, terms, owner, span)


def _by_pieces(
    expansion: Expander,
    function: str,
    body: tree.Expr,
    terms: IterationDomain,
    owner: np.ndarray,
    parts: list[np.ndarray],
    span: Span,
) -> Value:
    """`function` over each piece of the terms, put together."""
    if function in ("min", "max"):
        for rows in parts:
            present = np.bincount(owner[rows], minlength=expansion.domain.size) > 0
            if not np.all(present == present[0]):
                raise Split(present)  # nothing has no minimum
    values = [reduce(expansion, function, body, terms.take(rows), owner[rows], span) for rows in parts]
    known = [v for v in values if isinstance(v, np.ndarray)]
    found = [v for v in values if isinstance(v, tuple)]
    if known:
        combine = {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}[function]
        number = np.asarray(combine.reduce(np.broadcast_arrays(*known)))
        neutral = {"sum": 0.0, "prod": 1.0}.get(function)
        if not found:
            return number
        if not np.all(number == neutral):
            found.insert(0, expansion.lift(number))
    head = REDUCTIONS[function]
    if len(found) == 1:
        return found[0]
    return ("call", head, *found) if head in ("min", "max") else (head, *found)


def _numeric_terms(expansion: Expander, body: tree.Expr, terms: IterationDomain) -> np.ndarray | None:
    look = expansion.beside(terms.take(np.arange(min(1, terms.size))), auxiliary=False)
    if not terms.size:
        return np.zeros(0)
    if isinstance(look.expand(body), tuple):
        return None
    value = expansion.beside(terms, auxiliary=False).expand(body)
    return np.broadcast_to(value, (terms.size,)) if isinstance(value, np.ndarray) else None


def _moves(expansion: Expander, function: str, body: tree.Expr, terms: IterationDomain) -> bool:
    """Whether a reduction in an event is held by a hidden variable: not a sum of parameters, which a time may be."""
    look = expansion.beside(terms.take(np.arange(1)), auxiliary=False)
    look.lift(look.expand(body))
    return function != "sum" or bool({"var", "der", "input"} & set(look.kinds))


def _written_out(
    expansion: Expander, function: str, body: tree.Expr, terms: IterationDomain, count: int, span: Span
) -> Value:
    outer = expansion.domain
    values: list[Skeleton] = []
    for k in range(count):
        expansion.domain = terms.take(np.arange(outer.size) * count + k)
        try:
            values.append(expansion.lift(expansion.expand(body)))
        finally:
            expansion.domain = outer
    if not values:
        return reduced(function, np.zeros(0), np.zeros(0, int), np.zeros(1, int), span)
    if len(values) == 1:
        return values[0]
    head = REDUCTIONS[function]
    return ("call", head, *values) if head in ("min", "max") else (head, *values)


def _through_variables(
    expansion: Expander, function: str, body: tree.Expr, terms: IterationDomain, owner: np.ndarray, span: Span
) -> Value:
    """A long `prod`, `min`, `max`, or a sum inside a sum: hidden variables hold the intermediate values.

    `prod`, `min` and `max` are taken pairwise, so that N terms need log2(N) families, not N.
    """
    context = expansion.context
    members = expansion.domain.size
    if function == "sum":
        inner = expansion.beside(terms, inside_sum=True)
        skeleton = inner.lift(inner.expand(body))
        hidden = context.hidden(members, "sum", span)
        columns = (hidden + np.arange(members),)
        difference = ("add", ("slot", 0), ("mul", MINUS_ONE, ("total", 0)))
        rows = Rows(difference, ("var",), columns, ((inner.rows(skeleton, span), owner),), members, span)
        context.equations.add(rows)
        return expansion.slot("var", columns[0])
    inner = expansion.beside(terms)
    value = inner.lift(inner.expand(body))
    level = context.hidden(terms.size, function, span) + np.arange(terms.size)
    slot = inner.slot("var", level)
    context.equations.add(inner.rows(("add", slot, ("mul", MINUS_ONE, value)), span))
    level = level.reshape(members, -1)
    while level.shape[1] > 1:
        pairs = level.shape[1] // 2
        made = context.hidden(members * pairs, function, span) + np.arange(members * pairs)
        a, b = level[:, : 2 * pairs : 2].ravel(), level[:, 1 : 2 * pairs : 2].ravel()
        s0, s1, s2 = ("slot", 0), ("slot", 1), ("slot", 2)
        joined = ("mul", s1, s2) if function == "prod" else ("call", function, s1, s2)
        context.equations.add(
            Rows(("add", s0, ("mul", MINUS_ONE, joined)), ("var",) * 3, (made, a, b), (), len(a), span)
        )
        level = np.concatenate([made.reshape(members, pairs), level[:, 2 * pairs :]], axis=1)
    return expansion.slot("var", level[:, 0])


# --- pieces -------------------------------------------------------------------------------------


def pieces(expansion: Expander, body: tree.Expr, terms: IterationDomain) -> list[np.ndarray]:
    """The rows of `terms` in which `body` takes the same branches, ascending in each piece."""
    every = np.arange(terms.size)
    if not terms.size:
        return [every]
    found = [np.sort(rows) for rows in _split(expansion, body, terms, every)] if _chooses(body) else [every]
    if not _divides(body):
        return found

    def look(chosen: np.ndarray) -> None:
        inner = expansion.beside(terms.take(chosen), auxiliary=False)
        inner.lift(inner.expand(body))

    return [
        np.sort(rows[part])
        for rows in found
        for part in split_rows(len(rows), lambda chosen, rows=rows: look(rows[chosen]))
    ]


def _divides(node: tree.Expr) -> bool:
    """Whether elements of an expression may differ in form by their places: in `{a, b}`, `join(a, b)`, slices."""
    waiting: list[tree.Expr] = [node]
    while waiting:
        e = waiting.pop()
        match e:
            case tree.ArrayLiteral() | tree.Element() | tree.Comprehension() | tree.Range():
                return True
            case tree.Call(function) if function in ARRAY_FUNCTIONS:
                return True
            case tree.Name():
                waiting += [i for part in e.parts for i in part.indices]
        waiting += children(e)
    return False


def _chooses(node: Any) -> bool:
    """Whether a choice stands in an expression, outside of reductions of its own."""
    if isinstance(node, tree.If):
        return True
    return any(_chooses(child) for child in _children(node))


def _children(node: Any) -> list[Any]:
    if isinstance(node, tuple):
        return list(node)
    if isinstance(node, Span | tree.Comprehension | tree.Iterator) or not is_dataclass(node):
        return []
    return [getattr(node, f.name) for f in fields(node)]


def _split(expansion: Expander, node: Any, terms: IterationDomain, rows: np.ndarray) -> list[np.ndarray]:
    """`rows` by the branches of every choice in `node`; a condition is looked at only where its branch is taken."""
    if not _chooses(node):
        return [rows]
    if isinstance(node, tree.If):
        found = []
        for part, holds in _decided(expansion, node.condition, terms, rows):
            branches = (node.yes, node.no) if holds is None else (node.yes if holds else node.no,)
            found += _each(expansion, branches, terms, part)
        return found
    return _each(expansion, _children(node), terms, rows)


def _each(expansion: Expander, nodes, terms: IterationDomain, rows: np.ndarray) -> list[np.ndarray]:
    parts = [rows]
    for node in nodes:
        parts = [finer for part in parts for finer in _split(expansion, node, terms, part)]
    return parts


def _decided(
    expansion: Expander, condition: tree.Expr, terms: IterationDomain, rows: np.ndarray
) -> list[tuple[np.ndarray, bool | None]]:
    """`rows` by what `condition` says in them; None where that is known in a run only."""
    found: list[tuple[np.ndarray, bool | None]] = []

    def look(chosen: np.ndarray) -> None:
        domain = terms.take(rows[chosen])
        inner = expansion.beside(domain, auxiliary=False)
        value = inner.expand(condition)
        if isinstance(value, tuple):
            inner.lift(value)
            found.append((rows[chosen], None))
            return
        holds = np.broadcast_to(truth(value), (domain.size,))
        if not np.all(holds == holds[0]):
            raise Split(holds)
        found.append((rows[chosen], bool(holds[0])))

    list(split_rows(len(rows), look))
    return found
