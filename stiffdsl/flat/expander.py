"""The interface of an expansion, for the passes that it hands expressions to: reductions, their pieces, shapes."""

from typing import Protocol

import numpy as np

from stiffdsl.diagnostics import Span
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Node
from stiffdsl.flat.numeric import Value
from stiffdsl.flat.template import Skeleton
from stiffdsl.syntax import tree


class Expander(Protocol):
    """One statement in one domain (`expand.StatementExpansion`)."""

    context: Context
    node: Node
    domain: IterationDomain
    auxiliary: bool
    reducing: bool
    inside_sum: bool
    kinds: list[str]
    sums: list[tuple[Rows, np.ndarray]]
    held: dict[tuple[int, int, bytes], np.ndarray]

    def expand(self, expr: tree.Expr) -> Value: ...

    def at(self, expr: tree.Expr, axes: tuple[np.ndarray, ...]) -> Value: ...

    def comprehension(self, expr: tree.Comprehension) -> Value: ...

    def lift(self, value: Value) -> Skeleton: ...

    def slot(self, kind: str, column: np.ndarray) -> Skeleton: ...

    def rows(self, skeleton: Skeleton, span: Span) -> Rows: ...

    def within(self, domain: IterationDomain) -> "Expander": ...

    def beside(
        self, terms: IterationDomain, auxiliary: bool = True, inside_sum: bool = False
    ) -> "Expander": ...

    def bound(self, expr: tree.Expr) -> int: ...

    def bounds(self, expr: tree.Expr) -> tuple[int, int]: ...

    def whole(self, expr: tree.Expr) -> np.ndarray: ...
