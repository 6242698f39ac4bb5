"""Lines of one shape as one statement over a domain: a member for each line, a column for each hole."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from stiffdsl.flat.domain import IterationDomain, LineSpans
from stiffdsl.flat.instance import Node, positions
from stiffdsl.flat.model import SLOT_KINDS
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import nodes_below


def of_lines(grouped: tree.GroupedLines, node: Node, domain: IterationDomain) -> Iterator[IterationDomain]:
    """The members of `domain` for every line, in parts: in one part a name is a slot of one kind, and a number that
    is no index is zero, one, or neither, which decides what an equation depends on."""
    count = len(grouped.spans)
    line = np.tile(np.arange(count), domain.size)
    whole = domain.take(np.repeat(np.arange(domain.size), count))
    code = np.zeros(len(line), dtype=np.int64)
    numbers = {hole: np.array(column)[line] for hole, column in grouped.numbers.items()}
    for hole in _factors(grouped.pattern) & numbers.keys():
        value = numbers[hole]
        code = 3 * code + np.where(value == 0, 1, np.where(value == 1, 2, 0))
    kinds = sorted(set(SLOT_KINDS.values()))
    names = {}
    for hole, column in grouped.names.items():
        blocks = {name: node.blocks[name] for name in set(column)}
        kind = {name: kinds.index(SLOT_KINDS[block.kind]) for name, block in blocks.items()}
        first = {name: block.offset for name, block in blocks.items()}
        of_kind = np.fromiter(map(kind.__getitem__, column), dtype=np.int64, count=count)[line]
        offset = np.fromiter(map(first.__getitem__, column), dtype=np.int64, count=count)[line]
        names[hole] = of_kind, offset + positions(node.prefix, list(whole.prefix), whole.size)
        code = len(kinds) * code + of_kind
    for each in np.unique(code):
        rows = np.flatnonzero(code == each)
        part = whole.take(rows)
        yield IterationDomain(
            len(rows),
            part.prefix,
            {**part.iterators, **{hole: value[rows] for hole, value in numbers.items()}},
            part.axes,
            {hole: (kinds[kind[rows[0]]], column[rows]) for hole, (kind, column) in names.items()},
            LineSpans(grouped.spans, line[rows]),
        )


def _factors(pattern: Any) -> set[str]:
    """The holes of a pattern that are not inside an index."""
    names = nodes_below(pattern, within=lambda node: not isinstance(node, tree.Part))
    firsts = {node.parts[0].name for node in names if isinstance(node, tree.Name)}
    return {name for name in firsts if name.startswith("$")}
