"""Names of derivatives after index reduction: some are `der` of a state, others variables of their own."""

from dataclasses import dataclass, field

import numpy as np
import sympy as sp

from stiffdsl.flat.aliases import Aliases, rewrite
from stiffdsl.flat.model import Block, Family, FlatModel, Sum, slot, total
from stiffdsl.flat.template import substitute
from stiffdsl.graph.explicit import compact, expose
from stiffdsl.graph.reduction.differentiate import VARIABLE, Jet
from stiffdsl.graph.reduction.pantelides import Offsets


@dataclass(frozen=True, eq=False)
class Hidden(Block):
    """Derivatives that became variables: scalar k is derivative `order` of scalar `members[k]` of `of`."""

    of: Block | None = None
    order: int = 1
    members: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def scalar_name(self, k: int) -> str:
        assert self.of is not None, "a derivative is the derivative of something"
        return "der(" * self.order + self.of.scalar_name(int(self.members[k])) + ")" * self.order

    def patterns(self) -> tuple[str, ...]:
        assert self.of is not None, "a derivative is the derivative of something"
        if np.array_equal(self.members, np.arange(self.of.size)):
            return tuple("der(" * self.order + name + ")" * self.order for name in self.of.patterns())
        return tuple(f"={self.scalar_name(k)}" for k in range(self.size))


@dataclass(frozen=True, eq=False)
class Naming:
    """Slots of all derivatives: derivative `order` of variable v is the variable `hidden[order, v]`,
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


def make_naming(flat: FlatModel, found: Offsets, pivot: np.ndarray, speed: np.ndarray) -> Naming:
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
                    path,
                    "hidden",
                    size,
                    None,
                    1.0,
                    0.0,
                    None,
                    block.span,
                    of=block,
                    order=order,
                    members=members,
                )
            )
            size += len(members)
    return Naming(states, hidden, speed, tuple(blocks), size)


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
