"""The terms of a reduction by the branches that their indices choose: `sum(if j == i then 0 else x[j] for j in 1..N)`.

Terms of one pattern of branches are one piece, expanded at once: a sum over N terms in each of N members has as many
pieces as there are patterns (two, here), not as many as there are terms.
"""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from stiffdsl.diagnostics import Span
from stiffdsl.flat.domain import IterationDomain, Split, split_rows
from stiffdsl.flat.expander import Expander
from stiffdsl.flat.numeric import truth
from stiffdsl.syntax import tree


def pieces(expansion: Expander, body: tree.Expr, terms: IterationDomain) -> list[np.ndarray]:
    """The rows of `terms` in which `body` takes the same branches, ascending in each piece."""
    every = np.arange(terms.size)
    if not terms.size or not _chooses(body):
        return [every]
    return [np.sort(rows) for rows in _split(expansion, body, terms, every)]


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
