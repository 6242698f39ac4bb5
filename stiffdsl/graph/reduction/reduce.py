"""Index reduction: constraints between states are differentiated until accelerations follow from them.

before   der(x) = vx                      after    der(x) = vx              (the pendulum)
         der(vx) = -T*x                            der(vx) = -T*x
         x^2 + y^2 = L^2                           2*x*der(vx) + 2*y*der(vy) + 2*vx^2 + 2*vy^2 = 0
                                          hold     x^2 + y^2 - L^2 = 0,   2*x*vx + 2*y*vy = 0

Decision. A constraint that gives a variable whatever the state (`v1 = v2`, `x = L*sin(phi)`) keeps all its
derivatives as equations, and the variable is no longer a state: dummy derivatives (Mattsson and Söderlind
1993), exact and smaller. For any other constraint a choice of dummy derivatives would become singular
somewhere (the pendulum: x at the bottom, y at the side), so that solvers would have to switch among compiled
choices. Instead its variables stay states of the underlying differential equation, where nothing is ever
singular as long as the mechanism is not, and the constraint with its lower derivatives is an *invariant* of
that equation: it holds at the start, and the solver takes the state back to it after every step (projection:
Eich 1993; Hairer and Wanner 1996, VII.2).
"""

from dataclasses import dataclass, replace

import numpy as np

from stiffdsl.diagnostics import ModelError
from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.graph.explicit import expose
from stiffdsl.graph.reduction.differentiate import Jet, Unknowable, differentiate, jet
from stiffdsl.graph.reduction.naming import make_naming
from stiffdsl.graph.reduction.pantelides import Offsets, offsets
from stiffdsl.graph.reduction.pivots import fixed_pivots
from stiffdsl.graph.reduction.underivable import underivable


@dataclass(frozen=True, eq=False)
class IndexOneModel:
    """A model of index one, the constraints that its solutions hold, and what was done to get there.

    `orders[k]` is how often invariant k was differentiated; `differentiated` counts derivatives of equations,
    `dummies` the states that became ordinary unknowns.
    """

    flat: FlatModel
    invariants: tuple[Family, ...]
    orders: tuple[int, ...]
    index: int
    differentiated: int
    dummies: int


def reduce_index(flat: FlatModel, pairing: np.ndarray) -> IndexOneModel:
    """`pairing[e]`: the variable whose highest derivative equation e gives, -1 where states are tied.

    Raises `ModelError` (E0313) where something without a derivative would have to be differentiated.
    """
    found = offsets(flat, pairing)
    pivot = fixed_pivots(flat, found)
    speed, names_speed = _speeds(flat, found, pivot)
    naming = make_naming(flat, found, pivot, speed)
    times = np.where(names_speed, 0, found.c)
    equations, derived, invariants, first = [], [], [], 0
    for family in flat.equations:
        c = times[first : first + family.size]
        held = (c > 0) & (pivot[first : first + family.size] < 0)
        naming_speed = names_speed[first : first + family.size]
        if np.any(naming_speed):
            equations.append(expose(family, np.flatnonzero(naming_speed)).family)
        equations += naming.families(_chosen(jet(family), np.flatnonzero(~held & ~naming_speed)))
        invariants += [(f, 0) for f in naming.families(_chosen(jet(family), np.flatnonzero(held)))]
        members, current = np.arange(len(c)), jet(family)
        for level in range(1, int(c.max(initial=0)) + 1):
            within = np.flatnonzero(c[members] >= level)
            members, current = members[within], _chosen(current, within)
            try:
                current = differentiate(current)
            except Unknowable as reason:
                raise ModelError([underivable(flat, current, reason)]) from None
            below = held[members] & (c[members] > level)
            derived += naming.families(_chosen(current, np.flatnonzero(~below)))
            invariants += [(f, level) for f in naming.families(_chosen(current, np.flatnonzero(below)))]
        first += family.size
    size = naming.size
    is_state = np.zeros(size, dtype=bool)
    is_state[: flat.size] = naming.states > 0
    for order in range(1, len(naming.hidden)):
        own = np.flatnonzero((naming.hidden[order] >= 0) & (order < naming.states))
        is_state[naming.hidden[order, own]] = True
    reduced = replace(
        flat,
        variables=(*flat.variables, *naming.blocks),
        equations=(*equations, *derived, *naming.definitions(flat)),
        initial=tuple(part for family in flat.initial for part in naming.families(jet(family))),
        is_state=is_state,
        default_start=np.concatenate([flat.default_start, np.zeros(size - flat.size, dtype=bool)])
        if len(flat.default_start)
        else flat.default_start,
        alias=np.concatenate([flat.alias, np.arange(flat.size, size)]),
        sign=np.concatenate([flat.sign, np.ones(size - flat.size, dtype=flat.sign.dtype)]),
    )
    real = (flat.alias == np.arange(flat.size)) & (flat.sign != 0)
    index = int(found.c.max(initial=0)) + int(np.any(found.d[real] == 0))
    dummies = int(np.sum(flat.is_state & real & ~is_state[: flat.size]))
    return IndexOneModel(
        reduced,
        tuple(f for f, _ in invariants),
        tuple(level for _, level in invariants),
        index,
        int(times.sum()),
        dummies,
    )


def _speeds(flat: FlatModel, found: Offsets, pivot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`speed[x] = v` where a differentiated equation only says `der(x) = v`; and which equations do.

    Its derivatives need not be written down: they say that derivatives of x and v are the same thing.
    """
    speed = np.full(flat.size, -1, dtype=np.int64)
    says = np.zeros(len(pivot), dtype=bool)
    first = 0
    for family in flat.equations:
        if not family.sums and sorted(family.kinds) == ["der", "var"]:
            x, v = slot(family.kinds.index("der")), slot(family.kinds.index("var"))
            if family.template in (x - v, v - x):
                rows = first + np.arange(family.size)
                below = family.table[:, family.kinds.index("der")]
                mine = np.flatnonzero((found.c[rows] > 0) & (pivot[rows] == below))
                speed[below[mine]] = family.table[mine, family.kinds.index("var")]
                says[rows[mine]] = True
        first += family.size
    return speed, says


def _chosen(of: Jet, members: np.ndarray) -> Jet:
    if len(members) == of.family.size:
        return of
    return Jet(expose(of.family, members).family, of.orders, of.sums)
