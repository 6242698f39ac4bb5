"""Check lines of one shape by their kinds: those whose names stand for the same kind of quantity are one statement.

A hole that holds names becomes a scalar quantity like the first of them, one that holds numbers a loop index, for
the length of the check; both stay in the tree, where `flat` finds their tables.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from stiffdsl.check.expressions import Walker
from stiffdsl.check.symbols import Quantity
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import rebuilt


class NotGrouped(Exception):
    """There is something to say about one of the lines: it is to be checked, and said, line by line."""


def check_grouped(
    grouped: tree.GroupedLines, walker: Walker, check: Callable[[Any], Any]
) -> list[tree.GroupedLines]:
    """`grouped` in parts of one kind each, checked by `check`. Raises `NotGrouped` where it finds any mistake."""
    entity = walker.names.entity
    assert entity is not None
    kinds: dict[object, int] = {}
    code = np.zeros(len(grouped.spans), dtype=np.int64)
    for column in grouped.names.values():
        of_name = {
            name: kinds.setdefault(_kind(entity.members.get(name), name), len(kinds)) for name in set(column)
        }
        own = np.fromiter(map(of_name.__getitem__, column), dtype=np.int64, count=len(column))
        _, code = np.unique(code * len(kinds) + own, return_inverse=True)
    order = np.argsort(code, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    return [_check_part(_part(grouped, np.sort(rows).tolist()), walker, check) for rows in parts]


def _kind(member: object, name: str) -> object:
    """Key of lines that are checked together: kind and facts of a scalar; the name of any other member."""
    if isinstance(member, Quantity) and not member.rank and member.variable.kind != "const":
        return member.variable.kind, member.facts
    return name


def _part(grouped: tree.GroupedLines, rows: list[int]) -> tree.GroupedLines:
    """The lines `rows`; what is equal in all of them stands in the pattern."""
    whole = len(rows) == len(grouped.spans)
    written: dict[str, Any] = {}

    def differing(columns: dict[str, Any]) -> dict[str, Any]:
        """The columns that differ between the lines; others are written."""
        found = {}
        for hole, column in columns.items():
            own = column if whole else tuple([column[r] for r in rows])
            if own[0] == own[-1] and len(set(own)) == 1:
                written[hole] = own[0]
            else:
                found[hole] = own
        return found

    names, numbers = differing(grouped.names), differing(grouped.numbers)
    spans = grouped.spans if whole else tuple([grouped.spans[r] for r in rows])
    pattern = _filled(grouped.pattern, written) if written else grouped.pattern
    return tree.GroupedLines(pattern, names, numbers, spans, spans[0])


def _filled(pattern: Any, written: dict[str, Any]) -> Any:
    """`pattern` with holes as they are written."""

    def change(node: Any) -> Any:
        if not isinstance(node, tree.Name) or node.parts[0].name not in written:
            return None
        value = written[node.parts[0].name]
        if isinstance(value, float):
            return tree.Number(value, None, node.span)
        return tree.Name((tree.Part(value),), node.span)

    return rebuilt(pattern, change)


def _check_part(grouped: tree.GroupedLines, walker: Walker, check: Callable[[Any], Any]) -> tree.GroupedLines:
    resolver, outer = walker.resolver, walker.names
    assert outer.entity is not None
    members = outer.entity.members
    before = walker.report.count
    resolver.names = replace(outer, iterators={**outer.iterators, **{hole: hole for hole in grouped.numbers}})
    members.update({hole: members[column[0]] for hole, column in grouped.names.items()})
    try:
        if grouped.numbers:  # a number may need a warning where a loop index does not
            some = {hole: next(filter(None, column)) for hole, column in grouped.numbers.items()}
            check(_filled(grouped.pattern, some))
        pattern = check(grouped.pattern)
    finally:
        resolver.names = outer
        for hole in grouped.names:
            del members[hole]
    if walker.report.count != before:
        raise NotGrouped
    assert pattern is not None
    return replace(grouped, pattern=pattern)
