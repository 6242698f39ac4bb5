"""Syntax trees node by node, and with some of their nodes exchanged."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree


def nodes_below(node: Any, within: Callable[[Any], bool] = lambda node: True) -> Iterator[Any]:
    """Every node of a tree as it was written, itself included: outer ones first, from left to right. Those below a node
    are left out where it is not `within`."""
    if isinstance(node, tuple | list):
        for each in node:
            yield from nodes_below(each, within)
    elif is_dataclass(node) and not isinstance(node, type | Span):
        yield node
        for f in fields(node) if within(node) else ():
            yield from nodes_below(getattr(node, f.name), within)


def rebuilt(node: Any, change: Callable[[Any], Any]) -> Any:
    """`node` with what `change` gives in the place of every node for which that is not None; outermost first."""
    if isinstance(node, tuple | list):
        return type(node)(rebuilt(n, change) for n in node)
    if not is_dataclass(node) or isinstance(node, type | Span):
        return node
    found = change(node)
    if found is not None:
        return found
    new = {}
    for f in fields(node):
        old = getattr(node, f.name)
        if isinstance(old, str | float | int | None):
            continue
        own = rebuilt(old, change)
        if own is not old:
            new[f.name] = own
    return replace(node, **new) if new else node


def mentions(node: Any, wanted: Callable[[tree.Name], bool]) -> bool:
    """Whether there is a name in `node` that is `wanted`."""
    return any(isinstance(inner, tree.Name) and wanted(inner) for inner in nodes_below(node))


def substituted(node: Any, name: str, value: float) -> Any:
    """With a number for a loop's index."""

    def change(inner: Any) -> Any:
        if isinstance(inner, tree.Name) and len(inner.parts) == 1 and inner.parts[0] == tree.Part(name):
            return tree.Number(value, None, inner.span)
        return None

    return rebuilt(node, change)
