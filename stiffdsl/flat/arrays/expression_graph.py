"""Expressions as graphs: what stands in one several times is one object, and is looked at once.

    f(a) = a*a/(1 + a)        der(x) = f(x + f(x))        x + f(x) stands in the body of f three times

Trees are walked by identity (`nodes`: each object once), or by structure (`ShapeNumbers`: equal parts have one number).
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree

_PLACES = ("span", "name_span")
# Fields that hold names, of what is declared elsewhere.
_NAMES = (*_PLACES, "name", "table", "network")


@lru_cache(maxsize=1000)
def _fields(kind: type, without: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a kind of node, but for some, and for places of any name."""
    if not is_dataclass(kind) or kind is Span:
        return ()
    return tuple(f.name for f in fields(kind) if f.type not in (Span, "Span") and f.name not in without)


def children(e: object) -> list[tree.Expr]:
    """The expressions that an expression is made of; a function in place holds its arguments in its value."""
    if isinstance(e, tree.Inlined):
        return [e.value]
    found: list[tree.Expr] = []
    for name in _fields(type(e), _NAMES):
        value = getattr(e, name)
        if isinstance(value, tuple):
            found += [v for v in value if hasattr(v, "span")]
        elif hasattr(value, "span"):
            found.append(value)
    return found


def nodes(
    *expressions: tree.Expr, below: Callable[[tree.Expr], list[tree.Expr]] = children
) -> Iterator[tree.Expr]:
    """Every part of expressions, these included, once: parts before what they stand in. `below` gives the parts."""
    seen: set[int] = set()
    waiting = [(e, False) for e in expressions]
    while waiting:
        e, is_behind = waiting.pop()
        if is_behind:
            yield e
        elif id(e) not in seen:
            seen.add(id(e))
            waiting.append((e, True))
            waiting += [(c, False) for c in below(e)]


class ShapeNumbers:
    """Numbers of the shapes of statements and expressions: a tree without its places, and but for `names` without
    those."""

    def __init__(self, names: bool):
        self._names = names
        self._numbers: dict[Any, int] = {}
        self._known: dict[int, Any] = {}
        self._calls: list[tree.Inlined] = []

    def of(self, node: Any) -> tuple[Any, list[tree.Inlined]]:
        """The shape of a tree that is kept while it is asked for, and the calls in it."""
        self._known, self._calls = {}, []
        return self._of(node), self._calls

    def _of(self, node: Any) -> Any:
        if isinstance(node, str | float | int | bool):
            return node
        if isinstance(node, tree.Number):
            return node.value
        if isinstance(node, tree.Name):
            return node if self._names else None
        found = self._known.get(id(node))
        if found is None:
            found = self._known[id(node)] = self._numbered(node)
        return found

    def _numbered(self, node: Any) -> Any:
        if isinstance(node, tree.Inlined):
            self._calls.append(node)
            parts = (node.function, *[self._of(a) for a in node.arguments])
        elif isinstance(node, tuple | list):
            parts = tuple([self._of(each) for each in node])
        else:
            held = _fields(type(node), _PLACES)
            parts = (type(node), *[self._of(getattr(node, name)) for name in held]) if held else None
        return ("shape", self._numbers.setdefault(parts, len(self._numbers)))
