"""The sorted system: `M y' = f(t, y, p, u)` of index one, in solving order, with its Jacobian pattern.

`y` holds the states, then the unknowns of the loops that had to stay implicit. Everything else is *assigned*:
computed from y in the order of `assignments`, where a later one may use an earlier one's target.
"""

from dataclasses import dataclass, field

import numpy as np

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.flat.model import Family, FlatModel


@dataclass(frozen=True, eq=False)
class Assignment:
    """`targets[m] = value` for every member m. `kind`: var or der; `value.template`: the explicit value."""

    kind: str
    targets: np.ndarray
    value: Family


@dataclass(frozen=True, eq=False)
class Initial:
    """The equations that hold only at the initial time, for `free` of the entries of y (positions in y).

    Entries of y that are not free take their start value. `conditions` are residual families (initial
    equations, and `var - start` where a start is declared for something that is not itself in y): with the
    algebraic rows they determine the free entries, as many conditions as there are free states. In a
    condition, slot kind `start` counts start values by variable. `checks` are conditions that have nothing
    left to determine: they must hold (within a tolerance) once the initial values are found. A state that is
    neither free nor given a start begins at its guess, or at zero. `check_orders[k]` is how often the
    equation that check k was written as has been differentiated.
    """

    free: np.ndarray
    conditions: tuple[Family, ...]
    checks: tuple[Family, ...] = ()
    check_orders: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class SortedSystem:
    """States, implicit unknowns, assignments in order, residual rows.

    `states`: variable ids; row i of f is `der(states[i])`. `implicit`: pairs (kind, id) of the unknowns
    solved with the residual rows: `implicit_is_der[j]` tells whether it is the derivative of variable
    `implicit[j]`. Residual rows: members of `residuals` in order, as many as `implicit`.

    `invariants` are constraints and their derivatives that every solution holds, but rounding and truncation
    leave: the solver takes y back to `invariant = 0` after every accepted step (see `reduce`);
    `invariant_orders[k]` is how often invariant k was differentiated. `flat` holds the derivatives that
    became variables as blocks of kind `hidden`.

    `eliminated`: former states that conserved quantities give (see `eliminate`); `totals[k]` is the quantity
    that gives the k-th, over slots of kind `start`, and its value the last-but-so-many parameter.
    """

    flat: FlatModel
    states: np.ndarray
    implicit: np.ndarray
    implicit_is_der: np.ndarray
    assignments: tuple[Assignment, ...]
    residuals: tuple[Family, ...]
    initial: Initial
    blocks: dict[str, int]
    warnings: tuple[Diagnostic, ...] = ()
    invariants: tuple[Family, ...] = ()
    invariant_orders: tuple[int, ...] = ()
    eliminated: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    totals: tuple[Family, ...] = ()

    @property
    def size(self) -> int:
        return len(self.states) + len(self.implicit)
