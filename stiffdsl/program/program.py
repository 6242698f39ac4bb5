"""The array program: straight-line functions over vectors, with their tables; no loops, no model names in control.

A program is Python text over a namespace of four things: `xp` (`numpy` or `jax.numpy`), `take`, `segment_sum` and
`put` (`runtime/array_library.py`), plus the tables. The same text is run in memory, interpreted with NumPy in tests, and
printed into the module that `stiffdsl compile -o` writes: so all three agree by construction.
"""

from dataclasses import dataclass

import numpy as np

from stiffdsl.graph.system import SortedSystem


@dataclass(frozen=True, eq=False)
class Function:
    """`name(arguments)` with its lines; `result` is the expression returned."""

    name: str
    arguments: tuple[str, ...]
    doc: str
    lines: tuple[str, ...]
    result: str

    @property
    def text(self) -> str:
        body = "".join(f"    {line}\n" for line in self.lines)
        return f'def {self.name}({", ".join(self.arguments)}):\n    """{self.doc}"""\n{body}    return {self.result}\n'


@dataclass(frozen=True, eq=False)
class Program:
    """All functions of a model, their tables, and the patterns of the two Jacobians.

    `rows`, `columns`: structural nonzeros of df/dy, row-major. `initial_rows`, `initial_columns`: those of the
    initial residual by the free entries of y. `time_dependent`: whether f mentions `time`.
    """

    system: SortedSystem
    functions: tuple[Function, ...]
    tables: dict[str, np.ndarray]
    rows: np.ndarray
    columns: np.ndarray
    initial_rows: np.ndarray
    initial_columns: np.ndarray
    time_dependent: bool
    scalar: bool

    @property
    def size(self) -> int:
        return self.system.size

    @property
    def operations(self) -> int:
        """Lines of all functions: what must not grow with the size of the model."""
        return sum(len(f.lines) for f in self.functions)
