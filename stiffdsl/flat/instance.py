"""The instance tree: one node for each use of a class, an array of parts being one node.

A node knows its structural constants, numbers the scalars of its declarations in blocks, and finds the modifiers
that apply to them: those written closest to the root win.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from stiffdsl.check.model import Class, ComponentUse
from stiffdsl.check.modifiers import overrule
from stiffdsl.diagnostics import Diagnostic, Label, Span
from stiffdsl.flat.model import Block
from stiffdsl.syntax import tree

Path = tuple[tuple[str, tuple[int, ...]], ...]

# More unknowns, members or terms than this are a slip (`const N = 1e9`), not a model for this machine; and so are more
# parts than that, each of which is looked at on its own (arrays of parts are one).
MOST_MEMBERS = 20_000_000
MOST_PARTS = 200_000


class Fault(Exception):
    """One mistake of the author, on its way to the list of diagnostics."""

    def __init__(self, code: str, title: str, span: Span, label: str = "", *, notes=(), help=None, others=()):
        self.diagnostic = Diagnostic(code, title, (Label(span, label), *others), tuple(notes), help)
        super().__init__(title)


def fits(count: float, what: str, span: Span) -> None:
    """Raises a `Fault` where `count` members are too many to be written down; told before they are."""
    if count > MOST_MEMBERS:
        raise Fault(
            "E0304",
            f"{what} {count:,.0f} members" if count < 1e15 else f"{what} {count:.3g} members",
            span,
            f"more than {MOST_MEMBERS:,}",
            help="check the `const` values that it goes by",
        )


def count_parts(root: Class) -> None:
    """Raises a `Fault` where there are too many parts within parts; classes are counted once each."""
    sizes: dict[int, int] = {}

    def size(cls: Class) -> int:
        if id(cls) not in sizes:
            sizes[id(cls)] = 1 + sum(size(use.cls) for use in cls.components)
        return sizes[id(cls)]

    if size(root) > MOST_PARTS:
        large = max(root.components, key=lambda use: size(use.cls))
        raise Fault(
            "E0304",
            f"`{root.name}` comes to {size(root):,} parts within parts",
            large.span,
            f"{size(large.cls):,} of them in this one",
            notes=(f"more than {MOST_PARTS:,} are not taken one by one",),
            help="declare parts of one class as an array, `part name[N] : Class`",
        )


@dataclass(frozen=True, eq=False)
class Bound:
    """A modifier: its expression, and the node in whose scope it was written."""

    value: tree.Expr
    scope: "Node"
    span: Span
    # Of a modifier with indices: the parts of its name from the node that it reaches on, and the indices so far, one
    # for each dimension from the scope's on, None for a whole axis.
    rest: tuple[tree.Part, ...] = ()
    where: tuple[tree.Expr | None, ...] = ()


@dataclass(eq=False)
class Node:
    """One use of a class. `prefix` are the lengths of all array dimensions from the root to here."""

    cls: Class
    path: Path
    parent: "Node | None"
    use: ComponentUse | None
    modifiers: dict[tuple, Bound]
    constants: dict[str, object] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    children: dict[str, "Node"] = field(default_factory=dict)
    declared: dict[str, tree.Variable] = field(default_factory=dict)
    bound_inputs: set[str] = field(default_factory=set)
    # Parts that the condition of their declaration leaves out.
    absent: set[str] = field(default_factory=set)

    @cached_property
    def prefix(self) -> tuple[int, ...]:
        return tuple(n for _, dims in self.path for n in dims)

    @property
    def dims(self) -> tuple[int, ...]:
        """The array dimensions of this component itself."""
        return self.path[-1][1] if self.path else ()

    @property
    def name(self) -> str:
        return ".".join(segment for segment, _ in self.path)

    def some_elements(self, name: str, attribute: str) -> list[Bound]:
        """The modifiers that set an attribute of some elements of an array, in the order in which they count."""
        return [b for key, b in self.modifiers.items() if len(key) > 2 and key[:2] == (name, attribute)]

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, parents first; iterative, since trees may be wide and deep."""
        stack: list[Node] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children.values()))


def child_modifiers(node: Node, use: ComponentUse, dims: tuple[int, ...]) -> dict[tuple, Bound]:
    """Modifiers in force inside the component `use`, which has `dims`: its own, overruled by those passed down to
    `node`. Keys are name and attribute; with indices also the parts of the name."""
    own: tuple[tree.Expr | None, ...] = (None,) * len(dims)
    found: dict[tuple, Bound] = {}
    for m in use.modifiers:
        parts, where = m.parts, own if m.parts else ()
        if (
            parts and parts[0] is not None and not parts[0].name
        ):  # indices of the component itself, from an `extends`
            where, parts = parts[0].indices or own, parts[1:]
        found[m.key] = Bound(m.value, node, m.span, parts, where)
    start = use.name + "."
    passed = {}
    for (name, attribute, *parts), bound in node.modifiers.items():
        if not name.startswith(start):
            continue
        if parts:
            first, *rest = bound.rest
            where = (*bound.where, *(first.indices or own))
            bound = replace(bound, rest=tuple(rest), where=where)
        passed[name[len(start) :], attribute, *parts] = bound
    overrule(found, passed)
    return found


def span_of(expr: tree.Expr) -> Span:
    return expr.span


def positions(shape: tuple[int, ...], index: list[np.ndarray], size: int) -> np.ndarray:
    """Row-major positions of index tuples (counted from 0) in an array of `shape`."""
    if not shape:
        return np.zeros(size, dtype=np.int64)
    flat = 0
    for length, i in zip(shape, index, strict=True):
        flat = flat * length + i
    return np.asarray(flat)
