"""Divisors of assignments that depend on parameters alone: where one is zero, its equation does not determine
the unknown it is solved for (`runtime/initialization/singular_parameters.py` tells it).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy as sp

from stiffdsl.flat.functions import Lookup, Network, Where
from stiffdsl.flat.model import Family
from stiffdsl.flat.numpy_printer import compiled
from stiffdsl.flat.template import symbols_of
from stiffdsl.graph.system import SortedSystem

# A divisor is zero below this share of its terms: the rest is rounding.
ZERO = 1e-13


@dataclass(frozen=True, eq=False)
class Divisor:
    """A divisor of assignments, of parameters and constants alone; `terms` are its summands, or it alone."""

    kind: str
    targets: np.ndarray
    family: Family
    expression: sp.Expr
    terms: tuple[sp.Expr, ...]

    def parameters(self, members: np.ndarray) -> np.ndarray:
        """The numbers of the parameters that decide in members, ascending."""
        slots = [int(s.name[1:]) for s in symbols_of(self.expression)]  # type: ignore[attr-defined]
        columns = [k for k in slots if self.family.kinds[k] == "param"]
        return np.unique(self.family.table[members][:, columns])

    def zero(self, p: np.ndarray, constants: np.ndarray) -> np.ndarray:
        """The members in which it is zero."""
        used = tuple(sorted(symbols_of(self.expression), key=str))
        columns = [int(s.name[1:]) for s in used]  # type: ignore[attr-defined]
        of = {"param": p, "const": constants}
        values = [of[self.family.kinds[k]][self.family.table[:, k]] for k in columns]
        with np.errstate(all="ignore"):
            parts = [np.broadcast_to(_compiled(used, t)(*values), len(self.targets)) for t in self.terms]
        return np.flatnonzero(np.abs(np.sum(parts, axis=0)) <= ZERO * np.sum(np.abs(parts), axis=0))


def divisors_of(system: SortedSystem) -> tuple[Divisor, ...]:
    """Divisors of the assignments that f needs, of parameters alone; not those in branches, which may guard."""
    needed = {kind: np.zeros(system.flat.size, dtype=bool) for kind in ("var", "der")}
    needed["der"][system.states] = True
    for family in system.residuals:
        _note(needed, family)
    found = []
    for assignment in reversed(system.assignments):
        if not needed[assignment.kind][assignment.targets].any():
            continue
        family = assignment.value
        _note(needed, family)
        for expression in _divisors(family.template):
            if _of_parameters(expression, family.kinds):
                terms = tuple(sp.Add.make_args(expression))
                found.append(Divisor(assignment.kind, assignment.targets, family, expression, terms))
    return tuple(reversed(found))


def computed_from(system: SortedSystem, kind: str, variables: np.ndarray) -> np.ndarray:
    """The variables whose derivatives are assigned by expressions in `variables` of a kind: of the determinant of a
    loop, all that the loop gives."""
    chosen = np.zeros(system.flat.size, dtype=bool)
    chosen[variables] = True
    found = [np.zeros(0, dtype=np.int64)]
    for assignment in system.assignments:
        if assignment.kind == "der":
            columns = [k for k, other in enumerate(assignment.value.kinds) if other == kind]
            found.append(assignment.targets[chosen[assignment.value.table[:, columns]].any(axis=1)])
    return np.concatenate(found)


def _note(needed: dict[str, np.ndarray], family: Family) -> None:
    """Notes the unknowns that a family mentions."""
    for part in (family, *family.sums):
        for k, kind in enumerate(part.kinds):
            if kind in needed:
                needed[kind][part.table[:, k]] = True


def _of_parameters(expression: sp.Expr, kinds: tuple[str, ...]) -> bool:
    """Whether parameters, and beside them constants, decide a divisor; figures of tables and weights of networks are
    parameters of which formulas say nothing."""
    if expression.has(Lookup, Network):
        return False
    names = [s.name for s in symbols_of(expression)]  # type: ignore[attr-defined]
    if not all(name[0] == "s" for name in names):
        return False
    found = {kinds[int(name[1:])] for name in names}
    return "param" in found and found <= {"param", "const"}


@lru_cache(maxsize=10_000)
def _compiled(symbols: tuple[sp.Basic, ...], expression: sp.Expr):
    return compiled(symbols, expression)


def _divisors(e: sp.Basic) -> list[sp.Expr]:
    """Divisors in `e` outside of branches, where they are used whenever `e` is computed."""
    if isinstance(e, Where):
        return []
    own = [e.args[0]] if e.is_Pow and e.args[1].is_number and e.args[1].is_negative else []
    return [*own, *(d for a in e.args for d in _divisors(a))]  # type: ignore[list-item]
