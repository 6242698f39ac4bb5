"""Definitions in the order of their evaluation: merged by shape, a level of dependent parameters after another."""

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stiffdsl.diagnostics import Diagnostic, Label, ModelError
from stiffdsl.flat.domain import LineSpans
from stiffdsl.flat.families import Collector, Rows
from stiffdsl.flat.model import Block, Definition


def definitions(
    values: list[tuple[np.ndarray, Rows]],
    constant: Callable[[float], int],
    parameters: list[Block] | None = None,
) -> tuple[Definition, ...]:
    """`values` in families. With `parameters` given they define those, and are ordered by what they depend on.

    Raises `ModelError` (E0320) where parameters define one another in a circle.
    """
    if not values:
        return ()
    if parameters is None:
        return tuple(_merged(values, constant))
    count = sum(b.size for b in parameters)
    level = _levels(values, count, parameters)
    result: list[Definition] = []
    for here in range(int(level.max(initial=0)) + 1):
        part = []
        for targets, rows in values:
            chosen = np.flatnonzero(level[targets] == here)
            if len(chosen) == len(targets):
                part.append((targets, rows))
            elif len(chosen):
                columns = tuple(np.broadcast_to(c, (rows.size,))[chosen] for c in rows.columns)
                part.append(
                    (targets[chosen], Rows(rows.skeleton, rows.kinds, columns, (), len(chosen), rows.span))
                )
        result += _merged(part, constant)
    return tuple(result)


def _merged(values: list[tuple[np.ndarray, Rows]], constant) -> list[Definition]:
    groups: dict[tuple, tuple[list[np.ndarray], Collector]] = {}
    for targets, rows in _numbers_first(values, constant):
        own, collector = groups.setdefault(rows.key, ([], Collector()))
        own.append(targets)
        collector.add(rows)
    return [
        Definition(np.concatenate(targets), collector.build(constant)[0])
        for targets, collector in groups.values()
        if collector.rows
    ]


def _numbers_first(values: list[tuple[np.ndarray, Rows]], constant) -> list[tuple[np.ndarray, Rows]]:
    """`values` with all plain numbers, however many declarations gave them, in one entry."""
    numbers = [(targets, rows) for targets, rows in values if rows.skeleton[0] == "num"]
    if not numbers:
        return values
    sizes = np.array([len(targets) for targets, _ in numbers])
    column = np.repeat(np.array([constant(rows.skeleton[1]) for _, rows in numbers], dtype=np.int64), sizes)
    spans = tuple([rows.span for _, rows in numbers])
    lines = LineSpans(spans, np.repeat(np.arange(len(numbers)), sizes))
    together = Rows(("slot", 0), ("const",), (column,), (), len(column), spans[0], lines)
    rest = [(targets, rows) for targets, rows in values if rows.skeleton[0] != "num"]
    return [(np.concatenate([targets for targets, _ in numbers]), together), *rest]


def _levels(values: list[tuple[np.ndarray, Rows]], count: int, parameters: list[Block]) -> np.ndarray:
    """Depth of each parameter in the graph of definitions: zero for one that follows from no other."""
    before, after = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for targets, rows in values:
        for kind, column in zip(rows.kinds, rows.columns, strict=True):
            if kind == "param":
                before.append(np.broadcast_to(column, (rows.size,)))
                after.append(targets)
    source, target = np.concatenate(before), np.concatenate(after)
    graph = coo_array((np.ones(len(source)), (source, target)), shape=(count, count))
    parts, label = connected_components(graph, connection="strong")
    loop = np.bincount(label, minlength=parts)[label] > 1
    loop[source[source == target]] = True
    level = np.zeros(count, dtype=np.int64)
    while not np.any(loop):
        raised = level.copy()
        np.maximum.at(raised, target, level[source] + 1)
        if np.array_equal(raised, level):
            return level
        level = raised
    worst = int(np.argmax(loop))
    worst = int(np.argmax(level))
    block = next(b for b in parameters if b.offset <= worst < b.offset + b.size)
    name = block.scalar_name(worst - block.offset)
    raise ModelError(
        [Diagnostic("E0320", f"the parameter `{name}` is defined by itself", (Label(block.span, ""),))]
    )
