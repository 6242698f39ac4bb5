"""The index space that a statement is expanded over: every member at once, as integer arrays.

The members of `for i in 2..N` inside `part rooms[20] : Room` are 20 * (N - 1) rows: `prefix` says which room each
row belongs to, `iterators` the value of `i`, `axes` the position in whole-array arithmetic.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from stiffdsl.diagnostics import Span


@dataclass(frozen=True, eq=False)
class LineSpans:
    """The text that members come from where each has a line of its own: `spans[of[row]]`."""

    spans: tuple[Span, ...]
    of: np.ndarray


@dataclass(frozen=True, eq=False)
class IterationDomain:
    """`size` members; every index array has one entry for each of them. `prefix` and `axes` count from 0.

    `scalars`: names that stand for another quantity in every member: the kind of its slot and its number.
    """

    size: int = 1
    prefix: tuple[np.ndarray, ...] = ()
    iterators: dict[str, np.ndarray] = field(default_factory=dict)
    axes: tuple[np.ndarray, ...] = ()
    scalars: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    lines: LineSpans | None = None

    @staticmethod
    def grid(prefix: tuple[int, ...], axes: tuple[int, ...] = ()) -> "IterationDomain":
        """All combinations of prefix and axis positions, row-major."""
        shape = prefix + axes
        size = int(np.prod(shape, dtype=np.int64))
        index = np.unravel_index(np.arange(size), shape) if shape else ()
        index = tuple(np.asarray(i, dtype=np.int64) for i in index)
        return IterationDomain(size, index[: len(prefix)], {}, index[len(prefix) :])

    def take(self, rows: np.ndarray) -> "IterationDomain":
        """The members `rows`, in that order, with repetitions."""
        if self.size == 1 and len(rows) == 1:
            return self
        return IterationDomain(
            len(rows),
            tuple(p[rows] for p in self.prefix),
            {name: value[rows] for name, value in self.iterators.items()},
            tuple(a[rows] for a in self.axes),
            {name: (kind, value[rows]) for name, (kind, value) in self.scalars.items()},
            None if self.lines is None else LineSpans(self.lines.spans, self.lines.of[rows]),
        )

    def bind(self, name: str, value: np.ndarray) -> "IterationDomain":
        """The same members with one more iterator."""
        return replace(self, iterators={**self.iterators, name: value})

    def product(self, lengths: tuple[int, ...]) -> "IterationDomain":
        """Every member repeated over new whole-array axes."""
        extra = int(np.prod(lengths, dtype=np.int64))
        rows = np.repeat(np.arange(self.size), extra)
        base = self.take(rows)
        position = np.tile(np.arange(extra), self.size)
        axes = np.unravel_index(position, lengths) if lengths else ()
        return replace(base, axes=tuple(np.asarray(a, dtype=np.int64) for a in axes))

    def with_axes(self, axes: tuple[np.ndarray, ...]) -> "IterationDomain":
        return replace(self, axes=axes)


class Split(Exception):
    """A structural condition differs between members: expand the two halves on their own."""

    def __init__(self, mask: np.ndarray):
        self.mask = mask
        super().__init__("split")


def split_rows(size: int, action: Callable[[np.ndarray], object]):
    """Runs `action` on all rows, or on the parts into which structural conditions split them; yields the parts."""
    pending = [np.arange(size)] if size else []
    while pending:
        rows = pending.pop()
        try:
            action(rows)
        except Split as split:
            pending += [rows[~split.mask], rows[split.mask]]
            continue
        yield rows
