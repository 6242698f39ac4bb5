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

from dataclasses import dataclass, field, replace

import numpy as np
import sympy as sp

from stiffdsl.diagnostics import ModelError
from stiffdsl.flat.aliases import Aliases, rewrite
from stiffdsl.flat.model import Block, Family, FlatModel, Sum, slot, total
from stiffdsl.flat.template import substitute
from stiffdsl.graph.differentiate import VARIABLE, Jet, Unknowable, differentiate, jet
from stiffdsl.graph.explicit import compact, expose
from stiffdsl.graph.pantelides import Offsets, offsets
from stiffdsl.graph.pivots import fixed_pivots
from stiffdsl.graph.underivable import underivable


@dataclass(frozen=True, eq=False)
class Hidden(Block):
    """Derivatives that became variables: scalar k is derivative `order` of scalar `members[k]` of `of`."""

    of: Block | None = None
    order: int = 1
    members: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def scalar_name(self, k: int) -> str:
        assert self.of is not None, "a derivative is the derivative of something"
        return "der(" * self.order + self.of.scalar_name(int(self.members[k])) + ")" * self.order


@dataclass(frozen=True, eq=False)
class Reduced:
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


def reduce_index(flat: FlatModel, pairing: np.ndarray) -> Reduced:
    """`pairing[e]`: the variable whose highest derivative equation e gives, -1 where states are tied.

    Raises `ModelError` (E0313) where something without a derivative would have to be differentiated.
    """
    found = offsets(flat, pairing)
    pivot = fixed_pivots(flat, found)
    speed, names_speed = _speeds(flat, found, pivot)
    naming = _naming(flat, found, pivot, speed)
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
    return Reduced(
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


@dataclass(frozen=True, eq=False)
class Naming:
    """What every derivative is called: derivative `order` of variable v is the variable `hidden[order, v]`,
    or the `der` of the derivative below it, where that is the last one to be a state (`order == states[v]`).
    Where `speed[v]` is a variable, it and its derivatives stand for those of v.
    """

    states: np.ndarray
    hidden: np.ndarray
    speed: np.ndarray
    blocks: tuple[Hidden, ...]
    size: int

    def families(self, of: Jet) -> list[Family]:
        """The members with their slots renamed, split where kinds differ; equal slots become one."""
        family = of.family
        if not family.size:
            return []
        if self._keeps(of):
            return [family]
        table, is_der = self._renamed(family.table, of.orders)
        sums, outer = [], {}
        for j, part in enumerate(family.sums):
            pieces = self._sum(part, of.sums[j])
            outer[total(j)] = sp.Add(*(total(len(sums) + i) for i in range(len(pieces))))
            sums += pieces
        template = substitute(family.template, outer)
        result = []
        for rows, der in _patterns(is_der):
            kinds = tuple(
                kind if order < 0 else "der" if der[k] else "var"
                for k, (kind, order) in enumerate(zip(family.kinds, of.orders, strict=True))
            )
            whole = Family(template, kinds, table, family.origins, family.which, tuple(sums))
            part = compact(expose(whole, rows).family)
            result += [compact(f) for f in rewrite(part, _no_aliases(self.size))]
        return result

    def _keeps(self, of: Jet) -> bool:
        """Whether nothing in the family is called otherwise than before: `x` and `der(x)` of states."""
        plain = (self.states == 1) & (self.speed < 0)
        parts = [(of.family.kinds, of.family.table, of.orders)]
        parts += [(s.kinds, s.table, orders) for s, orders in zip(of.family.sums, of.sums, strict=True)]
        return all(
            VARIABLE.get(kind, -1) == order and (order < 1 or bool(np.all(plain[table[:, k]])))
            for kinds, table, orders in parts
            for k, (kind, order) in enumerate(zip(kinds, orders, strict=True))
        )

    def _sum(self, part: Sum, orders: tuple[int, ...]) -> list[Sum]:
        table, is_der = self._renamed(part.table, orders)
        result = []
        for rows, der in _patterns(is_der):
            kinds = tuple(
                kind if order < 0 else "der" if der[k] else "var"
                for k, (kind, order) in enumerate(zip(part.kinds, orders, strict=True))
            )
            result.append(Sum(part.term, kinds, table[rows], part.owner[rows]))
        return result

    def _renamed(self, table: np.ndarray, orders: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """New numbers, and which slots are of kind `der`."""
        table = table.copy()
        is_der = np.zeros(table.shape, dtype=bool)
        for k, order in enumerate(orders):
            if order < 1:
                continue
            v, o = table[:, k], np.full(len(table), order)
            while np.any(faster := (o > 0) & (self.speed[v] >= 0)):
                v, o = np.where(faster, self.speed[v], v), o - faster
            is_der[:, k] = (o > 0) & (self.states[v] == o)
            table[:, k] = self.hidden[o - is_der[:, k], v]
        assert np.all(table >= 0), "every derivative that is mentioned has a name"
        return table, is_der

    def definitions(self, flat: FlatModel) -> list[Family]:
        """`der(x) = x1` where the derivative of a state is a state itself."""
        result = []
        for block in self.blocks:
            assert block.of is not None, "a derivative is the derivative of something"
            v = block.of.offset + block.members
            own = np.flatnonzero(block.order <= self.states[v] - 1)
            if len(own):
                low, high = self.hidden[block.order - 1, v[own]], block.offset + own
                result.append(
                    Family(
                        slot(0) - slot(1),
                        ("der", "var"),
                        np.column_stack([low, high]),
                        (block.span,),
                        np.zeros(len(own), dtype=np.int64),
                    )
                )
        return result


def _naming(flat: FlatModel, found: Offsets, pivot: np.ndarray, speed: np.ndarray) -> Naming:
    """Hidden variables for all derivatives but those that are `der` of the last state."""
    states = found.d.copy()
    given = np.flatnonzero(pivot >= 0)
    states[pivot[given]] = found.d[pivot[given]] - found.c[given]
    most = int(found.d.max(initial=0))
    hidden = np.full((most + 1, flat.size), -1, dtype=np.int64)
    hidden[0] = np.arange(flat.size)
    blocks, size = [], flat.size
    for block in flat.variables:
        v = np.arange(block.offset, block.offset + block.size)
        for order in range(1, int(found.d[v].max(initial=0)) + 1):
            members = np.flatnonzero((order <= found.d[v]) & (order != states[v]) & (speed[v] < 0))
            if not len(members):
                continue
            hidden[order, v[members]] = size + np.arange(len(members))
            name = "der(" * order + block.name + ")" * order
            path = ((name, (len(members),) if block.shape else ()),)
            blocks.append(
                Hidden(
                    path, "hidden", size, None, 1.0, 0.0, None, block.span, None, None, block, order, members
                )
            )
            size += len(members)
    return Naming(states, hidden, speed, tuple(blocks), size)


def _chosen(of: Jet, members: np.ndarray) -> Jet:
    if len(members) == of.family.size:
        return of
    return Jet(expose(of.family, members).family, of.orders, of.sums)


def _patterns(codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows of each different row of `codes`, in order of first appearance, and that row."""
    if not len(codes):
        return []
    if not np.any(codes != codes[0]):
        return [(np.arange(len(codes)), codes[0])]
    _, first, group = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    return [(np.flatnonzero(group == g), codes[first[g]]) for g in np.argsort(first, kind="stable")]


def _no_aliases(size: int) -> Aliases:
    return Aliases(np.arange(size), np.ones(size, dtype=np.int64))
