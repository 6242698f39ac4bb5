"""States that conserved quantities give: `C = total - A - B` in the place of `der(C) = …`.

before   states A, B, C              after   states A, B    C := conserved[1] - A - B
         der(C) := k2*B^2                    conserved[1] = A + B + C at the start

The total of each quantity is a parameter of kind `hidden`, which follows from the state that a run begins with.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from stiffdsl.flat.model import Block, Family, FlatModel, slot
from stiffdsl.flat.template import substitute
from stiffdsl.graph.conservation.conserved import Conserved, ConservedQuantities, conserved
from stiffdsl.graph.explicit import PARAMETER, quality
from stiffdsl.graph.start_values import StartValues
from stiffdsl.graph.system import Assignment, SortedSystem

NAME = "conserved"


def eliminate_conserved(system: SortedSystem, found: ConservedQuantities | None = None) -> SortedSystem:
    """`system` with one state fewer for each conserved quantity whose states all begin at values of their own.

    A quantity stays where a state of it is determined by `initial` equations: its total is not known before.
    """
    flat = system.flat
    found = conserved(flat) if found is None else found
    place = np.full(flat.size, -1, dtype=np.int64)
    place[system.states] = np.arange(len(system.states))
    chosen = _pivots(system, found.quantities, place)
    if not chosen:
        return system
    offset = sum(b.size for b in flat.parameters)
    span = flat.variables[0].span
    doc = "totals of conserved quantities at the start"
    block = Block(((NAME, (len(chosen),)),), "hidden", offset, None, 1.0, 0.0, doc, span)
    flat = replace(flat, parameters=(*flat.parameters, block))
    given = tuple(_given(flat, q, k, offset + i) for i, (q, k) in enumerate(chosen))
    eliminated = np.array([q.states[k] for q, k in chosen], dtype=np.int64)
    stays = np.ones(system.size, dtype=bool)
    stays[place[eliminated]] = False
    moved = np.cumsum(stays) - 1
    return replace(
        system,
        flat=flat,
        states=system.states[stays[: len(system.states)]],
        # The formula of one may hold the state of a later one.
        assignments=(*reversed(given), *system.assignments),
        initial=replace(system.initial, free=moved[system.initial.free]),
        eliminated=eliminated,
        totals=tuple(q.family(flat, "start") for q, _ in chosen),
    )


def _pivots(
    system: SortedSystem, quantities: tuple[Conserved, ...], place: np.ndarray
) -> list[tuple[Conserved, int]]:
    """Each quantity with the entry of the state that it gives.

    The largest at the start is taken: it loses the fewest figures in `total - rest`.
    """
    flat = system.flat
    free = np.zeros(flat.size, dtype=bool)
    of_states = system.initial.free[system.initial.free < len(system.states)]
    free[system.states[of_states]] = True
    numbers = StartValues(flat)
    taken: set[int] = set()
    chosen: list[tuple[Conserved, int]] = []
    # A state that is taken must not stand in a quantity that comes later: formulas are in order then.
    for q in sorted(quantities, key=len):
        states = set(q.states.tolist())
        if np.any(free[q.states]) or np.any(place[q.states] < 0) or states & taken:
            continue
        later = [o for o in quantities if o is not q and all(o is not c for c, _ in chosen)]
        best, rank = -1, (0, 0.0)
        for k in range(len(q)):
            v = int(q.states[k])
            expression, kinds, ids = q.factors[k]
            if quality(q.weight(k), kinds) > PARAMETER or np.sum(q.states == v) > 1:
                continue
            blocked = sum(int(v in o.states) for o in later)
            size = abs(float(np.nan_to_num(numbers.of["var"][v]))) * _size(numbers, expression, kinds, ids)
            mine = (-blocked, size * abs(q.numbers[k]))
            if best < 0 or mine > rank:
                best, rank = k, mine
        if best >= 0:
            chosen.append((q, best))
            taken.add(int(q.states[best]))
    return chosen


def _size(numbers: StartValues, expression: sp.Expr, kinds: tuple[str, ...], ids: tuple[int, ...]) -> float:
    values = {slot(i): float(numbers.of[kind][k]) for i, (kind, k) in enumerate(zip(kinds, ids, strict=True))}
    try:
        return abs(float(expression.xreplace(values)))  # type: ignore[arg-type]
    except TypeError:
        return 1.0


def _given(flat: FlatModel, quantity: Conserved, k: int, total: int) -> Assignment:
    """`state k := (total - Σ the other terms) / weight`."""
    rest = quantity.family(flat, "var", without=k)
    expression, kinds, ids = quantity.factors[k]
    moved = substitute(expression, {slot(i): slot(i + 1) for i in range(len(kinds))})
    divisor = quantity.numbers[k] * moved
    template = (slot(0) - rest.template) / divisor
    table = np.array([[total, *ids]], dtype=np.int64)
    value = Family(template, ("param", *kinds), table, rest.origins, rest.which, rest.sums)
    return Assignment("var", quantity.states[[k]], value)
