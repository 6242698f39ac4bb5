"""Brings equal skeletons together: statements add rows, `build` makes one `Family` for each shape."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stiffdsl.diagnostics import Span
from stiffdsl.flat.domain import LineSpans
from stiffdsl.flat.model import Family, Sum
from stiffdsl.flat.template import Skeleton, leading, to_sympy

# With more shapes than this, literals become table entries: a generated file of 10,000 equations that differ
# only in their numbers is one family. Below, literals stay in the templates, where SymPy can use them.
MOST_SHAPES_WITH_LITERALS = 100


@dataclass(frozen=True, eq=False)
class Rows:
    """The members that one statement adds: a skeleton, and for each slot its kind and a column of `size` indices.

    `lines` where every member has a place in the text of its own.
    """

    skeleton: Skeleton
    kinds: tuple[str, ...]
    columns: tuple[np.ndarray, ...]
    sums: tuple[tuple["Rows", np.ndarray], ...]
    size: int
    span: Span
    lines: LineSpans | None = None

    @property
    def key(self) -> tuple:
        return (self.skeleton, self.kinds, tuple(terms.key for terms, _ in self.sums))

    @property
    def table(self) -> np.ndarray:
        return _table([self])


def _table(group: list[Rows]) -> np.ndarray:
    """The columns of all rows, one below the other."""
    size = sum(r.size for r in group)
    table = np.zeros((size, len(group[0].columns)), dtype=np.int64)
    for k in range(table.shape[1]):
        table[:, k] = np.concatenate([r.columns[k] for r in group])
    return table


@dataclass
class Collector:
    """Gathers `Rows` and merges those of one key."""

    rows: list[Rows] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        if rows.size:
            self.rows.append(rows)

    def build(self, constant: Callable[[float], int]) -> tuple[Family, ...]:
        """The families, in order of first appearance; `constant(value)` numbers an abstracted literal."""
        rows = self.rows
        if len({r.key for r in rows}) > MOST_SHAPES_WITH_LITERALS:
            rows = [abstract(r, constant) for r in rows]
        groups: dict[tuple, list[Rows]] = {}
        for r in rows:
            groups.setdefault(r.key, []).append(r)
        return tuple(_merge(group) for group in groups.values())


def single(rows: Rows) -> Family:
    """One statement as a family of its own."""
    return _merge([rows])


def _merge(group: list[Rows]) -> Family:
    first = group[0]
    sizes = np.array([r.size for r in group])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums = []
    for k in range(len(first.sums)):
        terms = [r.sums[k][0] for r in group]
        owners = [r.sums[k][1] + start for r, start in zip(group, starts, strict=True)]
        sums.append(
            Sum(
                to_sympy(terms[0].skeleton),
                terms[0].kinds,
                _table(terms),
                np.concatenate(owners).astype(np.int64),
            )
        )
    origins, which = _places(group, sizes)
    return Family(to_sympy(first.skeleton), first.kinds, _table(group), origins, which, tuple(sums))


def _places(group: list[Rows], sizes: np.ndarray) -> tuple[tuple[Span, ...], np.ndarray]:
    """The places in the text of all rows, and which of them each member has."""
    if all(r.lines is None for r in group):
        return tuple(r.span for r in group), np.repeat(np.arange(len(group)), sizes)
    origins: list[Span] = []
    which = []
    for r in group:
        own = np.zeros(r.size, dtype=np.int64) if r.lines is None else r.lines.of
        which.append(own + len(origins))
        origins += (r.span,) if r.lines is None else r.lines.spans
    return tuple(origins), np.concatenate(which)


def abstract(
    rows: Rows, constant: Callable[[float], int], keep: tuple[float, ...] = (0.0, 1.0, -1.0)
) -> Rows:
    """`rows` with its literals as slots of kind `const`; exponents and the numbers in `keep` carry structure."""
    kinds, columns = list(rows.kinds), list(rows.columns)

    def visit(node: Skeleton) -> Skeleton:
        if node[0] == "num":
            if node[1] in keep:
                return node
            kinds.append("const")
            columns.append(np.full(rows.size, constant(node[1]), dtype=np.int64))
            return ("slot", len(kinds) - 1)
        if node[0] in ("slot", "total", "time", "bool"):
            return node
        if node[0] == "pow":
            return ("pow", visit(node[1]), node[2] if node[2][0] == "num" else visit(node[2]))
        start = leading(node)
        return node[:start] + tuple(visit(n) for n in node[start:])

    skeleton = visit(rows.skeleton)
    sums = tuple((abstract(terms, constant), owner) for terms, owner in rows.sums)
    return Rows(skeleton, tuple(kinds), tuple(columns), sums, rows.size, rows.span, rows.lines)
