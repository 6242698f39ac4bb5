"""The values of a sorted system: what each slot holds, each assignment made when it is first asked for."""

from collections.abc import Sequence

import numpy as np
import sympy as sp

from stiffdsl.diagnostics import Span
from stiffdsl.flat.model import Block, Family, Sum, total
from stiffdsl.flat.template import slots_in, symbols_of
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.values import LoweringValues, Value, is_long


class Evaluation:
    """Families of `system` as operations over `t, y, p, u` (and `start`, at the initial time)."""

    def __init__(self, system: SortedSystem, values: LoweringValues):
        self.system, self.flat, self.values = system, system.flat, values
        states, implicit = system.states, system.implicit
        # The source of each variable (row 0) and derivative (row 1): 0 is y, k + 1 assignment k.
        self.source = np.full((2, self.flat.size), -1, dtype=np.int64)
        self.position = np.zeros((2, self.flat.size), dtype=np.int64)
        self.source[0, states] = 0
        self.position[0, states] = np.arange(len(states))
        kind = system.implicit_is_der.astype(np.int64)
        self.source[kind, implicit] = 0
        self.position[kind, implicit] = len(states) + np.arange(len(implicit))
        for k, assignment in enumerate(system.assignments):
            row = 1 if assignment.kind == "der" else 0
            self.source[row, assignment.targets] = k + 1
            self.position[row, assignment.targets] = np.arange(len(assignment.targets))
        self._made: dict[int, Value] = {0: values.input("y", system.size)}
        self._given = {
            "param": values.input("p", sum(b.size for b in self.flat.parameters)),
            "input": values.input("u", sum(b.size for b in self.flat.inputs)),
            "start": values.input("start", self.flat.size),
        }

    def located(self, kind: str, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Source and position in it of the unknowns `ids`."""
        row = 1 if kind == "der" else 0
        source = self.source[row, ids]
        assert np.all(source >= 0), "the sorted system computes every unknown that it mentions"
        return source, self.position[row, ids]

    def assigned(self, k: int) -> Value:
        """All members of source k."""
        if k not in self._made:
            assignment = self.system.assignments[k - 1]
            self._made[k] = self.family(assignment.value)
            self._label(self._made[k], assignment.kind, assignment.targets)
            for m, op in enumerate(self._made[k].ops):
                self.values.builder.note(op, _written(assignment.value.origin_of(m)))
        return self._made[k]

    def column(self, kind: str, ids: np.ndarray) -> Value:
        """The column of values that a slot of `kind` takes, one for each member; `ids` are the scalars."""
        if kind == "const":
            return self.values.constants(self.flat.constants[ids])
        if kind in self._given:
            value = self.values.take([self._given[kind]], np.zeros(len(ids), dtype=np.int64), ids)
        else:
            source, position = self.located(kind, ids)
            used = np.flatnonzero(np.bincount(source)).tolist() if len(ids) else []
            compact = np.zeros(max(used, default=0) + 1, dtype=np.int64)
            compact[used] = np.arange(len(used))
            value = self.values.take([self.assigned(k) for k in used], compact[source], position)
        self._label(value, kind, ids)
        return value

    def symbols(self, kinds: Sequence[str], table: np.ndarray, expression: sp.Basic) -> dict[str, Value]:
        """The slots that `expression` mentions."""
        return {f"s{k}": self.column(kinds[k], table[:, k]) for k in slots_in(expression)}

    def of_family(self, family: Family, expression: sp.Basic) -> Value:
        """`expression`, over the slots and sums of `family`, in each member."""
        symbols = self.symbols(family.kinds, family.table, expression)
        for k, terms in enumerate(family.sums):
            if total(k) in symbols_of(expression):
                symbols[f"g{k}"] = self.values.total(
                    self.of_terms(terms, terms.term), terms.owner, family.size
                )
        at_once = is_long(family.template, family.size)
        return self.values.apply(expression, symbols, family.size, at_once)

    def of_terms(self, terms: Sum, expression: sp.Basic) -> Value:
        """`expression`, over the slots of `terms`, in each term."""
        return self.values.apply(
            expression, self.symbols(terms.kinds, terms.table, expression), len(terms.table)
        )

    def family(self, family: Family) -> Value:
        return self.of_family(family, family.template)

    def joined(self, values: Sequence[Value]) -> int:
        """All members of `values`, one after another, as a vector."""
        values = [v for v in values if v.size]
        sizes = [v.size for v in values]
        source = np.repeat(np.arange(len(values)), sizes)
        position = np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(n) for n in sizes)])
        return self.values.vector(self.values.take(values, source, position))

    def declared(self, kind: str, numbers: np.ndarray | None = None) -> int:
        """The unknown of `kind` of every declared variable, or of those named; NaN where nothing computes it."""
        flat, row = self.flat, 1 if kind == "der" else 0
        alias, sign = (
            (flat.alias, flat.sign) if numbers is None else (flat.alias[numbers], flat.sign[numbers])
        )
        known = np.flatnonzero((self.source[row, alias] >= 0) & (sign != 0))
        value = self.column(kind, alias[known])
        if np.any(sign[known] < 0):
            value = self.values.product(value, self.values.constants(sign[known].astype(float)))
        fixed = self.values.constants(np.array([np.nan, 0.0]))
        source = np.ones(len(alias), dtype=np.int64)
        source[known] = 0
        position = (sign == 0).astype(np.int64)
        position[known] = np.arange(len(known))
        return self.values.vector(self.values.take([value, fixed], source, position))

    # --- names ---

    def _label(self, value: Value, kind: str, ids: np.ndarray) -> None:
        """Names the operations of `value` after the scalars `ids`, or after their block."""
        blocks = {"param": self.flat.parameters, "input": self.flat.inputs}.get(kind, self.flat.variables)
        text = "der({})" if kind == "der" else "{}_start" if kind == "start" else "{}"
        if len(value.ops) == value.size:
            for op, k in zip(value.ops, ids.tolist(), strict=True):
                block = _block(blocks, k)
                self.values.builder.label(op, text.format(block.scalar_name(k - block.offset)))
        elif len(value.ops) == 1:
            first, last = _block(blocks, int(ids.min())), _block(blocks, int(ids.max()))
            if first is last:
                self.values.builder.label(value.ops[0], text.format(first.name))


def _written(span: Span) -> str:
    """An equation as its author wrote it, on one line. It goes on to the end of its last line."""
    lines = [span.source.line(k) for k in range(span.line, span.end_line + 1)]
    lines[0] = lines[0][span.column - 1 :]
    return " ".join(" ".join(line.split("#")[0] for line in lines).split())


def _block(blocks: tuple[Block, ...], k: int) -> Block:
    """The block of scalar `k`; blocks are in the order of their offsets."""
    low, high = 0, len(blocks)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if blocks[middle].offset <= k else (low, middle)
    return blocks[low]
