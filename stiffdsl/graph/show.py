"""The sorted system as text for reading (`show`) and as data for plots (`structure`)."""

from dataclasses import dataclass

import numpy as np
import sympy as sp

from stiffdsl.flat.model import Family, FlatModel, slot, total
from stiffdsl.graph.blocks import levels, strong_components
from stiffdsl.graph.conservation.conserved import conserved
from stiffdsl.graph.matched import matched_system
from stiffdsl.graph.names import name_of
from stiffdsl.graph.system import SortedSystem

# Names listed before "and … more".
LISTED = 12
# Entries of equations up to which conserved quantities are looked for.
SEARCHED = 100_000


def show(system: SortedSystem) -> str:
    """States, assignments in order (the first member of each), implicit unknowns, residuals, initial."""
    flat = system.flat
    b = system.blocks
    lines = [f"system {flat.name}: {len(system.states)} states, {len(system.implicit)} implicit unknowns"]
    lines.append(
        f"  {b['equations']} equations in {b['blocks']} blocks, the largest of {b['largest']}; "
        f"{b['loops']} loops, {b['solved']} unknowns solved in closed form, {b['tears']} torn, "
        f"{b['chained']} kept implicit to break chains"
    )
    if "invariants" in b:
        lines.append(
            f"  index {b['index']}: {b['differentiated']} derivatives of equations, "
            f"{b['dummies']} states became ordinary unknowns, {b['invariants']} invariants"
        )
    lines += ["", f"states  {_names(flat, system.states)}"]
    if system.assignments:
        lines += ["", "assignments"]
    for number, a in enumerate(system.assignments, 1):
        target = name_of(flat, a.kind, int(a.targets[0]))
        lines.append(f"  {number:>3}  {target} := {_written(flat, a.value)}{_count(len(a.targets))}")
    if len(system.implicit):
        lines += ["", "implicit"]
        for is_der, kind in ((False, "var"), (True, "der")):
            chosen = system.implicit[system.implicit_is_der == is_der]
            if len(chosen):
                lines.append(f"  {_names(flat, chosen, kind)}")
        lines += [f"  0 = {_written(flat, f)}{_count(f.size)}" for f in system.residuals]
    if system.invariants:
        lines += ["", "invariants"]
        lines += [f"  0 = {_written(flat, f)}{_count(f.size)}" for f in system.invariants]
    entries = sum(f.table.size + sum(s.table.size for s in f.sums) for f in flat.equations)
    found = conserved(flat).texts if entries <= SEARCHED else []
    if found:
        lines += ["", "conserved", *(f"  {text}" for text in found[:LISTED])]
        if len(found) > LISTED:
            lines.append(f"  and {len(found) - LISTED} more")
    initial = system.initial
    n = len(system.states)
    free = initial.free[initial.free < n]
    if len(free) or initial.conditions or initial.checks:
        lines += ["", "initial"]
        if len(free):
            lines.append(f"  free   {_names(flat, system.states[free])}")
        lines += [f"  0 = {_written(flat, f)}{_count(f.size)}" for f in initial.conditions]
        lines += [f"  check  0 = {_written(flat, f)}{_count(f.size)}" for f in initial.checks]
    return "\n".join(lines) + "\n"


def _count(size: int) -> str:
    return "" if size == 1 else f"    and {size - 1} more alike"


def _names(flat: FlatModel, variables: np.ndarray, kind: str = "var") -> str:
    told = ", ".join(name_of(flat, kind, int(v)) for v in variables[:LISTED])
    return told + (f" and {len(variables) - LISTED} more" if len(variables) > LISTED else "")


def _written(flat: FlatModel, family: Family) -> str:
    """The expression of the first member, with names in the place of slots."""
    names = _filled(flat, family.kinds, family.table)
    for k, part in enumerate(family.sums):
        mine = part.table[part.owner == 0]
        term = sp.sympify(part.term.xreplace(_filled(flat, part.kinds, mine))) if len(mine) else sp.Integer(0)
        more = f" + … ({len(mine)} terms)" if len(mine) > 1 else ""
        names[total(k)] = sp.Symbol(f"Σ[{term}{more}]")
    return str(sp.sympify(family.template.xreplace(names)))


def _filled(flat: FlatModel, kinds: tuple[str, ...], table: np.ndarray) -> dict[sp.Basic, sp.Basic]:
    return {
        slot(k): sp.Float(flat.constants[table[0, k]], 6)
        if kind == "const"
        else sp.Symbol(name_of(flat, kind, int(table[0, k])), real=True)
        for k, kind in enumerate(kinds)
        if len(table)
    }


@dataclass(frozen=True, eq=False)
class BlockForm:
    """The incidence of equations and unknowns, and its block lower triangular form.

    Entry k joins equation `rows[k]` and unknown `columns[k]`. Equation e stands at place `row_place[e]` of
    the block form, unknown u at `column_place[u]`; block j takes the places `start[j] .. start[j + 1]`.
    `variable[u]` and `is_der[u]` say what unknown u is.
    """

    rows: np.ndarray
    columns: np.ndarray
    row_place: np.ndarray
    column_place: np.ndarray
    start: np.ndarray
    variable: np.ndarray
    is_der: np.ndarray

    @property
    def size(self) -> int:
        return len(self.variable)

    def after(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the entries in block form."""
        return self.row_place[self.rows], self.column_place[self.columns]


def structure(model: FlatModel | SortedSystem) -> BlockForm:
    """The block form of a model that `sort` accepts."""
    matched = matched_system(model.flat if isinstance(model, SortedSystem) else model)
    inc, pairing = matched.incidence, matched.pairing
    size = inc.unknowns.size
    partner = pairing[inc.row]
    count, component = strong_components(size, inc.column, partner)
    tail, head = component[inc.column], component[partner]
    across = np.unique(tail[tail != head] * max(1, count) + head[tail != head])
    depth = levels(count, across // max(1, count), across % max(1, count))
    order = np.lexsort((np.arange(size), component, depth[component]))
    column_place = np.empty(size, dtype=np.int64)
    column_place[order] = np.arange(size)
    changes = np.flatnonzero(np.diff(component[order]) != 0) + 1 if size else np.zeros(0, dtype=np.int64)
    return BlockForm(
        rows=inc.row,
        columns=inc.column,
        row_place=column_place[pairing],
        column_place=column_place,
        start=np.concatenate([[0], changes, [size]]),
        variable=inc.unknowns.variable,
        is_der=inc.unknowns.is_der,
    )
