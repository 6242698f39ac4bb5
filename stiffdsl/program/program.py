"""The array program: straight-line functions over vectors, with their tables.

The same operations are run by the interpreter (`interpret.py`, NumPy), and written once as Python text
(`text.py`) that is run in memory over JAX and printed into the module of `stiffdsl compile -o`.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.counted import counted
from stiffdsl.program.divisors import Divisor, divisors_of
from stiffdsl.program.events import EventTable, still
from stiffdsl.program.kinks import bends, depends, entries_following, partial_in
from stiffdsl.program.ops import Op
from stiffdsl.program.quadratures import quadratures

# A state that begins below so many times the absolute tolerance would be known to few digits.
NEAR = 100.0


@dataclass(frozen=True, eq=False)
class Function:
    """`name(arguments)`: its operations in order, the last of which is the result.

    `labels[k]` is what the value of operation k is called in the model, `notes[k]` the equation that it solves.
    """

    name: str
    arguments: tuple[str, ...]
    doc: str
    ops: tuple[Op, ...]
    labels: dict[int, str] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)

    @property
    def operations(self) -> int:
        """The number of operations that compute; inputs and constants are none."""
        return sum(op.name not in ("input", "number", "flag", "table") for op in self.ops)


@dataclass(frozen=True)
class OperationCounts:
    """Elementwise operations on numbers of f and of the Jacobian's values: as the templates say them, and as done.

    `f`, `jacobian`: `(before, after)` common subexpressions are worked out once, simple ones simplified. Operations
    of f that the Jacobian uses are counted with f; `shared` is their number. `folded`: operations on constants that
    the compiler did. `once`: those of both that depend on parameters alone, which a solve does once.
    """

    f: tuple[int, int]
    jacobian: tuple[int, int]
    shared: int
    folded: int
    once: int


@dataclass(frozen=True, eq=False)
class Program:
    """All functions of a model, their tables, and the patterns of the two Jacobians.

    With n entries of y, v declared variables (`system.flat.size`), and values in SI:

    - `rhs(t, y, p, u) -> (n,)`: der of each state, then the residual rows
    - `jacobian(t, y, p, u) -> (nnz,)`: its structural nonzeros at `rows`, `columns`, row-major
    - `variables(t, y, p, u) -> (v,)`: every declared variable; NaN for one that no equation mentions
    - `derivatives(t, y, p, u) -> (v,)`: der of every declared variable that has one (a state, or the alias of
      one); NaN for the others
    - `parameters(given, mask) -> (parameters,)`: those given where `mask` is positive, the others by their
      definitions
    - `input_defaults(p) -> (inputs,)`
    - `start(p, u, t=0) -> (v,)`, `guess(p, u, t=0) -> (v,)`: NaN where there is none
    - `initial_residual(t, y, p, u, start)`: conditions, then residual rows
    - `initial_jacobian(t, y, p, u, start)`: its nonzeros by the free entries of y (`system.initial.free`) at
      `initial_rows`, `initial_columns`
    - `checks(t, y, p, u, start)`: what is left over and must be zero
    - `invariants(t, y, p, u)`, where the system has any, and `invariants_jacobian(t, y, p, u)`: its nonzeros
      by y at `invariant_rows`, `invariant_columns`

    - `crossings(p, side) -> (2 m,)`, where conditions depend on time alone (`time/time_events.py`): offsets, then
      slopes of the lines over time that jump at zero, or at whole numbers (`crossings_periodic`);
      `crossings_follow`: whether the times of jumps depend on parameters. Then the functions above that steps evaluate
      (`rhs`, `jacobian`, `invariants`, `invariants_jacobian`) take as their last argument `side`, a time inside the
      step for each line
    - `relations(t, y, p, u) -> (2 r,)`, where conditions change while the equations are solved (`relations.py`): what
      each of them is, then what it compares with zero; and `held(t, y, p, u, m) -> (n,)`: `rhs` with each as `m` says.
      Both take `side` too. `relation_rises`: what an entry of `m` may rise without being another; zero of conditions

    - `guards(t, y, p, u) -> (2 e,)` and `reset(t, y, p, u, fired) -> (n + 2,)`, where there are `events`
      (`events.py`), both with `side` too

    `time_dependent`: whether f mentions `time`. `scalar`: whether the model is written number by number.
    `work`: what f and its Jacobian cost.
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
    invariant_rows: np.ndarray
    invariant_columns: np.ndarray
    work: OperationCounts
    crossings_periodic: np.ndarray
    crossings_follow: bool
    relation_rises: np.ndarray
    events: EventTable
    # By entry of `lookups(t, y, p, u)`, arguments of tables that refuse what lies outside: table, argument's place.
    watched: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    # The program for other values of parameters that decide the structure (`singular_defaults.py`).
    general: "Program | None" = None
    # Whether quadratures count in the error norm.
    counts_quadratures: bool = False

    @cached_property
    def size(self) -> int:
        return self.system.size

    @property
    def operations(self) -> int:
        """Operations of all functions: what must not grow with the size of the model."""
        return sum(f.operations for f in self.functions)

    @cached_property
    def by_name(self) -> dict[str, Function]:
        return {f.name: f for f in self.functions}

    @property
    def mass(self) -> np.ndarray:
        """The diagonal of M: one for a state, zero for an algebraic row."""
        return np.r_[np.ones(len(self.system.states)), np.zeros(len(self.system.implicit))]

    @cached_property
    def unknowns(self) -> np.ndarray:
        """The variable that each entry of y is, or is the derivative of (`is_variable` False)."""
        return np.r_[self.system.states, self.system.implicit]

    @cached_property
    def is_variable(self) -> np.ndarray:
        return np.r_[np.ones(len(self.system.states), dtype=bool), ~self.system.implicit_is_der]

    @cached_property
    def nominal(self) -> np.ndarray | None:
        """Declared `nominal` magnitudes of the unknowns of y, 1 where none is declared; None where all are 1."""
        flat = self.system.flat
        sizes = np.ones(flat.size)
        for block in reversed(flat.variables):
            if "nominal" in block.sizes:
                own = np.arange(block.offset, block.offset + block.size)
                sizes[flat.alias[own]] = block.sizes["nominal"]
        return None if np.all(sizes == 1) else sizes[self.unknowns]

    @cached_property
    def quadratures(self) -> np.ndarray:
        """The entries of y that nothing reads (`quadratures.py`)."""
        return quadratures(self.system, self.columns)

    @cached_property
    def divisors(self) -> tuple[Divisor, ...]:
        """Divisors of assignments that parameters alone decide."""
        return divisors_of(self.system)

    @cached_property
    def holds_conditions(self) -> bool:
        """Whether conditions can be held inside of steps: they follow states, and act on slopes of states alone, which
        go on behind them."""
        if not len(self.relation_rises) or not np.any(self.mass):
            return False
        relations, held = self.by_name["relations"], self.by_name["held"]
        if partial_in(held.ops, "y", "m"):
            return False
        of_algebraic = entries_following(relations.ops, self.tables, "y", self.mass == 0)
        acted_on = entries_following(
            held.ops, self.tables, "m", np.ones(len(self.relation_rises), dtype=bool)
        )
        return not np.any(of_algebraic) and not np.any(acted_on & (self.mass == 0))

    @cached_property
    def kinked(self) -> bool:
        """Whether algebraic equations have kinks (`kinks.py`)."""
        return len(self.system.implicit) > 0 and bends(self.by_name["rhs"].ops)

    @cached_property
    def all_variables(self) -> bool:
        """Whether no entry of y is a derivative."""
        return bool(np.all(self.is_variable))

    @cached_property
    def curved(self) -> bool:
        """Whether algebraic unknowns may bend inside of a step though nothing has a kink: their equations are not
        linear with constant coefficients, or know the time."""
        if self.kinked or not len(self.system.implicit):
            return False
        return depends(self.by_name["jacobian"].ops, "y") or depends(self.by_name["rhs"].ops, "t")

    @cached_property
    def counted(self) -> np.ndarray:
        """Mask of the entries of y whose errors steer the steps (`counted.py`)."""
        return counted(self.is_variable, self.still, None if self.counts_quadratures else self.quadratures)

    @cached_property
    def still(self) -> np.ndarray:
        """Mask of the entries of y that change at events alone."""
        return still(self.system)

    def absolute(self, rtol: Any, atol: Any, start: Any = None, xp: Any = np) -> Any:
        """The absolute tolerances of y that the number `atol` stands for: a number, or one for each entry. More
        than one number are those already.

        It counts in units of what was declared `nominal`. Where nothing was, a state that begins near `atol`, but not
        at zero, is held to `rtol` of its `start`.
        """
        if not isinstance(atol, float) and np.ndim(atol):
            return atol
        nominal = self.nominal
        if nominal is not None:
            atol = atol * nominal
        if start is not None:
            size = np.abs(start) if nominal is None else np.abs(start) * (nominal == 1)
            small = (size > 0) & (size < NEAR * atol)
            if xp is not np or small.any():
                atol = xp.where(small, xp.minimum(atol, xp.maximum(rtol, 1e-12) * size), atol)
        return atol
