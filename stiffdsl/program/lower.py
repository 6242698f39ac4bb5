"""`lower`: the sorted system as an array program, with the Jacobian by sparse forward accumulation.

Every assigned value carries its derivatives by the entries of y as a list of structural nonzeros (member, column) with
one value each. The chain rule acts on whole families: the partial derivative by a slot is one template, and the
nonzeros of what the slot refers to are gathered. Nothing here is done once per equation of a large model.
"""

from dataclasses import dataclass

import numpy as np
import sympy as sp

from stiffdsl.flat.model import TIME, Definition, Family, Sum, slot, total
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.derive import derivative
from stiffdsl.program.emitter import Emitter, ScalarEmitter, Tables, Value, VectorEmitter
from stiffdsl.program.program import Function, Program

# Models of at most this many equations are written member by member.
SCALAR_EQUATIONS = 80


def lower(system: SortedSystem) -> Program:
    """The program of `system`."""
    flat = system.flat
    count = sum(len(a.targets) for a in system.assignments) + len(system.implicit)
    scalar = count <= SCALAR_EQUATIONS and _largest_sum(system) <= SCALAR_EQUATIONS
    tables = Tables()
    functions: list[Function] = []

    def emitter() -> Emitter:
        return ScalarEmitter() if scalar else VectorEmitter(tables)

    def finish(name: str, arguments: tuple[str, ...], doc: str, made: Emitter, result: str) -> None:
        functions.append(Function(name, arguments, doc, tuple(made.lines), result))

    arguments = ("t", "y", "p", "u")
    made = emitter()
    body = Lowering(system, made)
    finish("rhs", arguments, "f of `M y' = f`: derivatives of the states, then residuals.", made, body.rhs())

    made = emitter()
    result, rows, columns = Lowering(system, made).jacobian()
    finish("jacobian", arguments, "The structural nonzeros of df/dy, row by row.", made, result)

    made = emitter()
    finish(
        "variables",
        arguments,
        "Every variable of the model, in SI.",
        made,
        Lowering(system, made).variables(),
    )

    # Values computed once before a solve stay vectors: a thousand parameters must not be a thousand lines.
    vectors = VectorEmitter(tables)
    finish(
        "parameters",
        ("given", "mask"),
        "All parameters: those given where `mask` is set, the others by their definitions.",
        vectors,
        _parameters(system, vectors),
    )
    vectors = VectorEmitter(tables)
    finish("input_defaults", ("p",), "Inputs that nobody drives.", vectors, _inputs(system, vectors))
    for name, values, doc in (
        ("start", flat.starts, "Start values by variable, NaN where there is none."),
        ("guess", flat.guesses, "Guesses by variable, NaN where there is none."),
    ):
        vectors = VectorEmitter(tables)
        finish(name, ("p", "u"), doc, vectors, _scattered(system, vectors, values, flat.size))

    made = emitter()
    body = Lowering(system, made, initial=True)
    result = body.initial_residual()
    finish("initial_residual", (*arguments, "start"), "What must be zero at the initial time.", made, result)
    made = emitter()
    result, initial_rows, initial_columns = Lowering(system, made, initial=True).initial_jacobian()
    doc = "The structural nonzeros of the initial residual by the free entries of y."
    finish("initial_jacobian", (*arguments, "start"), doc, made, result)
    made = emitter()
    result = Lowering(system, made, initial=True).checks()
    finish(
        "checks", (*arguments, "start"), "Start values and equations left over: must be zero.", made, result
    )
    return Program(
        system,
        tuple(functions),
        tables.arrays,
        rows,
        columns,
        initial_rows,
        initial_columns,
        _mentions_time(system),
        scalar,
    )


@dataclass(frozen=True, eq=False)
class Nonzeros:
    """Derivatives of `size` members by entries of y: nonzero e is (member[e], column[e]) with value e."""

    member: np.ndarray
    column: np.ndarray
    value: Value


class Lowering:
    """One function being written: values and derivatives of assignments, made when first asked for."""

    def __init__(self, system: SortedSystem, emitter: Emitter, initial: bool = False):
        self.system, self.flat, self.emitter, self.initial = system, system.flat, emitter, initial
        size = self.flat.size
        # Where each variable (row 0) and each derivative (row 1) comes from: source 0 is y, k + 1 assignment k.
        self.source = np.full((2, size), -1, dtype=np.int64)
        self.position = np.zeros((2, size), dtype=np.int64)
        states, implicit = system.states, system.implicit
        self.source[0, states] = 0
        self.position[0, states] = np.arange(len(states))
        kind = system.implicit_is_der.astype(np.int64)
        self.source[kind, implicit] = 0
        self.position[kind, implicit] = len(states) + np.arange(len(implicit))
        for k, assignment in enumerate(system.assignments):
            row = 1 if assignment.kind == "der" else 0
            self.source[row, assignment.targets] = k + 1
            self.position[row, assignment.targets] = np.arange(len(assignment.targets))
        self.y = emitter.input("y", system.size)
        self.values: dict[int, Value] = {0: self.y}
        self.nonzeros: dict[int, Nonzeros] = {}
        self.other = {
            "param": emitter.input("p", _count(self.flat.parameters)),
            "input": emitter.input("u", _count(self.flat.inputs)),
            "start": emitter.input("start", size),
        }

    # --- values ---

    def located(self, kind: str, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row = 1 if kind == "der" else 0
        source = self.source[row, ids]
        assert np.all(source >= 0), "the sorted system computes every unknown it mentions"
        return source, self.position[row, ids]

    def assigned(self, k: int) -> Value:
        """The value of source k."""
        if k not in self.values:
            self.values[k] = self.family(self.system.assignments[k - 1].value)
        return self.values[k]

    def column(self, kind: str, ids: np.ndarray) -> Value:
        """What a slot of `kind` holds for each member."""
        if kind == "const":
            return self.emitter.constants(self.flat.constants[ids])
        if kind in self.other:
            return self.emitter.take([self.other[kind]], np.zeros(len(ids), dtype=np.int64), ids)
        source, position = self.located(kind, ids)
        used = np.unique(source)
        values = {int(k): self.assigned(int(k)) for k in used}
        compact = np.searchsorted(used, source)
        return self.emitter.take([values[int(k)] for k in used], compact, position)

    def symbols(self, kinds: tuple[str, ...], table: np.ndarray, expression: sp.Expr) -> dict[str, Value]:
        free = expression.free_symbols
        return {f"s{k}": self.column(kind, table[:, k]) for k, kind in enumerate(kinds) if slot(k) in free}

    def family(self, family: Family) -> Value:
        """The template in every member."""
        symbols = self.symbols(family.kinds, family.table, family.template)
        for k, terms in enumerate(family.sums):
            if total(k) in family.template.free_symbols:
                symbols[f"g{k}"] = self.sum(terms, family.size)
        return self.emitter.apply(family.template, symbols, family.size)

    def sum(self, terms: Sum, size: int) -> Value:
        symbols = self.symbols(terms.kinds, terms.table, terms.term)
        return self.emitter.total(
            self.emitter.apply(terms.term, symbols, len(terms.table)), terms.owner, size
        )

    # --- derivatives ---

    def assigned_nonzeros(self, k: int) -> Nonzeros:
        if k not in self.nonzeros:
            self.nonzeros[k] = self.family_nonzeros(self.system.assignments[k - 1].value)
        return self.nonzeros[k]

    def family_nonzeros(self, family: Family) -> Nonzeros:
        """The derivatives of every member by the entries of y."""
        parts: list[Nonzeros] = []
        for k, kind in enumerate(family.kinds):
            if kind not in ("var", "der"):
                continue
            partial = derivative(family.template, slot(k))
            if partial == 0:
                continue
            symbols = self.symbols(family.kinds, family.table, partial)
            for j, terms in enumerate(family.sums):
                if total(j) in partial.free_symbols:
                    symbols[f"g{j}"] = self.sum(terms, family.size)
            factor = self.emitter.apply(partial, symbols, family.size)
            parts += self.chained(kind, family.table[:, k], np.arange(family.size), factor)
        for j, terms in enumerate(family.sums):
            parts += self.sum_nonzeros(family, j, terms)
        return self.merged(parts, family.size)

    def sum_nonzeros(self, family: Family, j: int, terms: Sum) -> list[Nonzeros]:
        outer = derivative(family.template, total(j))
        if outer == 0:
            return []
        symbols = self.symbols(family.kinds, family.table, outer)
        for i, other in enumerate(family.sums):
            if total(i) in outer.free_symbols:
                symbols[f"g{i}"] = self.sum(other, family.size)
        weight = self.emitter.apply(outer, symbols, family.size)
        weight = self.emitter.take([weight], np.zeros(len(terms.owner), dtype=np.int64), terms.owner)
        parts = []
        for k, kind in enumerate(terms.kinds):
            if kind not in ("var", "der"):
                continue
            partial = derivative(terms.term, slot(k))
            if partial == 0:
                continue
            inner = self.symbols(terms.kinds, terms.table, partial)
            factor = self.emitter.product(weight, self.emitter.apply(partial, inner, len(terms.table)))
            parts += self.chained(kind, terms.table[:, k], terms.owner, factor)
        return parts

    def chained(self, kind: str, ids: np.ndarray, member: np.ndarray, factor: Value) -> list[Nonzeros]:
        """`factor` times the derivatives of the unknowns `ids`, one list for each source."""
        source, position = self.located(kind, ids)
        parts = []
        for k in np.unique(source):
            here = np.flatnonzero(source == k)
            mine = self.emitter.take([factor], np.zeros(len(here), dtype=np.int64), here)
            if k == 0:
                parts.append(Nonzeros(member[here], position[here], mine))
                continue
            inner = self.assigned_nonzeros(int(k))
            if not len(inner.member):
                continue
            order = np.argsort(inner.member, kind="stable")
            sorted_members = inner.member[order]
            low = np.searchsorted(sorted_members, position[here], side="left")
            counts = np.searchsorted(sorted_members, position[here], side="right") - low
            rows = np.repeat(np.arange(len(here)), counts)
            if not len(rows):
                continue
            within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
            entries = order[low[rows] + within]
            zeros = np.zeros(len(rows), dtype=np.int64)
            value = self.emitter.product(
                self.emitter.take([mine], zeros, rows), self.emitter.take([inner.value], zeros, entries)
            )
            parts.append(Nonzeros(member[here][rows], inner.column[entries], value))
        return parts

    def merged(self, parts: list[Nonzeros], size: int) -> Nonzeros:
        """One list, ordered by member and column, duplicates added up."""
        del size
        if not parts:
            nothing = np.zeros(0, dtype=np.int64)
            return Nonzeros(nothing, nothing, self.emitter.constants(np.zeros(0)))
        member = np.concatenate([p.member for p in parts])
        column = np.concatenate([p.column for p in parts])
        source = np.repeat(np.arange(len(parts)), [len(p.member) for p in parts])
        position = np.concatenate([np.arange(len(p.member)) for p in parts])
        order = np.lexsort((column, member))
        first = np.r_[True, (np.diff(member[order]) != 0) | (np.diff(column[order]) != 0)]
        values = [p.value for p in parts]
        ordered = self.emitter.take(values, source[order], position[order])
        if not np.all(first):
            ordered = self.emitter.total(ordered, np.cumsum(first) - 1, int(first.sum()))
        return Nonzeros(member[order][first], column[order][first], ordered)

    # --- functions ---

    def rhs(self) -> str:
        return self.joined([self.derivatives(), *(self.family(f) for f in self.system.residuals)])

    def derivatives(self) -> Value:
        return self.column("der", self.system.states)

    def joined(self, values: list[Value]) -> str:
        values = [v for v in values if v.size]
        if not values:
            return "xp.zeros(0)"
        source = np.repeat(np.arange(len(values)), [v.size for v in values])
        position = np.concatenate([np.arange(v.size) for v in values])
        return self.emitter.vector(self.emitter.take(values, source, position))

    def rows_nonzeros(self) -> list[Nonzeros]:
        """Derivatives of all rows of f, as lists over row numbers."""
        states = self.system.states
        ones = self.emitter.apply(sp.Integer(1), {}, len(states))
        parts = self.chained("der", states, np.arange(len(states)), ones) if len(states) else []
        at = len(states)
        for family in self.system.residuals:
            found = self.family_nonzeros(family)
            parts.append(Nonzeros(found.member + at, found.column, found.value))
            at += family.size
        return parts

    def jacobian(self) -> tuple[str, np.ndarray, np.ndarray]:
        found = self.merged(self.rows_nonzeros(), self.system.size)
        return self.emitter.vector(found.value), found.member, found.column

    def variables(self) -> str:
        flat = self.flat
        known = np.flatnonzero((self.source[0, flat.alias] >= 0) & (flat.sign != 0))
        value = self.column("var", flat.alias[known])
        if np.any(flat.sign[known] < 0):
            value = self.emitter.product(value, self.emitter.constants(flat.sign[known].astype(float)))
        rest = np.setdiff1d(np.arange(flat.size), known)
        if len(rest):
            # Zero, or mentioned by no equation at all.
            nothing = np.where(flat.sign[rest] == 0, 0.0, np.nan)
            source = np.zeros(flat.size, dtype=np.int64)
            position = np.zeros(flat.size, dtype=np.int64)
            position[known] = np.arange(len(known))
            source[rest] = 1
            position[rest] = np.arange(len(rest))
            value = self.emitter.take([value, self.emitter.constants(nothing)], source, position)
        return self.emitter.vector(value)

    def initial_residual(self) -> str:
        conditions = [self.family(f) for f in self.system.initial.conditions]
        return self.joined([*conditions, *(self.family(f) for f in self.system.residuals)])

    def initial_jacobian(self) -> tuple[str, np.ndarray, np.ndarray]:
        parts, at = [], 0
        for family in (*self.system.initial.conditions, *self.system.residuals):
            found = self.family_nonzeros(family)
            parts.append(Nonzeros(found.member + at, found.column, found.value))
            at += family.size
        found = self.merged(parts, at)
        place = np.full(self.system.size, -1, dtype=np.int64)
        place[self.system.initial.free] = np.arange(len(self.system.initial.free))
        kept = np.flatnonzero(place[found.column] >= 0)
        value = self.emitter.take([found.value], np.zeros(len(kept), dtype=np.int64), kept)
        return self.emitter.vector(value), found.member[kept], place[found.column[kept]]

    def checks(self) -> str:
        return self.joined([self.family(f) for f in self.system.initial.checks])


def _parameters(system: SortedSystem, emitter: VectorEmitter) -> str:
    flat = system.flat
    size = _count(flat.parameters)
    given = emitter.input("given", size)
    mask = emitter.input("mask", size)
    values: list[Value] = []
    source = np.full(size, -1, dtype=np.int64)
    position = np.zeros(size, dtype=np.int64)
    for definition in flat.parameter_values:
        value = _defined(system, emitter, definition, values, source, position)
        zeros = np.zeros(len(definition.targets), dtype=np.int64)
        chosen = emitter.apply(
            sp.Piecewise((slot(0), sp.Gt(slot(1), 0)), (slot(2), True)),
            {
                "s0": emitter.take([given], zeros, definition.targets),
                "s1": emitter.take([mask], zeros, definition.targets),
                "s2": value,
            },
            len(definition.targets),
        )
        source[definition.targets] = len(values)
        position[definition.targets] = np.arange(len(definition.targets))
        values.append(chosen)
    if not size:
        return "xp.zeros(0)"
    return emitter.vector(emitter.take(values, source, position))


def _defined(system, emitter, definition: Definition, values, source, position) -> Value:
    family = definition.value
    symbols = {}
    for k, kind in enumerate(family.kinds):
        ids = family.table[:, k]
        if kind == "const":
            symbols[f"s{k}"] = emitter.constants(system.flat.constants[ids])
        else:
            assert kind == "param", "a parameter depends on parameters"
            symbols[f"s{k}"] = emitter.take(values, source[ids], position[ids])
    return emitter.apply(family.template, symbols, family.size)


def _inputs(system: SortedSystem, emitter: VectorEmitter) -> str:
    return _scattered(system, emitter, system.flat.input_values, _count(system.flat.inputs))


def _scattered(
    system: SortedSystem, emitter: VectorEmitter, values: tuple[Definition, ...], size: int
) -> str:
    """`values` at their targets in a vector of `size`, NaN elsewhere."""
    if not size:
        return "xp.zeros(0)"
    flat = system.flat
    inputs = {
        "param": emitter.input("p", _count(flat.parameters)),
        "input": emitter.input("u", _count(flat.inputs)),
    }
    made: list[Value] = [emitter.constants(np.full(size, np.nan))]
    source = np.zeros(size, dtype=np.int64)
    position = np.arange(size)
    for definition in values:
        family = definition.value
        symbols = {}
        for k, kind in enumerate(family.kinds):
            ids = family.table[:, k]
            if kind == "const":
                symbols[f"s{k}"] = emitter.constants(flat.constants[ids])
            else:
                symbols[f"s{k}"] = emitter.take([inputs[kind]], np.zeros(len(ids), dtype=np.int64), ids)
        source[definition.targets] = len(made)
        position[definition.targets] = np.arange(len(definition.targets))
        made.append(emitter.apply(family.template, symbols, family.size))
    return emitter.vector(emitter.take(made, source, position))


def _count(blocks) -> int:
    return sum(b.size for b in blocks)


def _largest_sum(system: SortedSystem) -> int:
    families = [a.value for a in system.assignments] + list(system.residuals)
    return max((len(s.table) for f in families for s in f.sums), default=0)


def _mentions_time(system: SortedSystem) -> bool:
    families = [a.value for a in system.assignments] + list(system.residuals)
    return any(
        TIME in f.template.free_symbols or any(TIME in s.term.free_symbols for s in f.sums) for f in families
    )
