"""Operations done once before a solve: parameters, defaults of inputs, start values and guesses.

Always over vectors: a thousand parameters must not be a thousand lines.
"""

from collections.abc import Sequence

import numpy as np
import sympy as sp

from stiffdsl.flat.functions import where
from stiffdsl.flat.model import Block, Definition, Family, FlatModel, slot, total
from stiffdsl.program.lookups import LookupPlace, TablePlaces, monotone_slopes
from stiffdsl.program.ops import Builder
from stiffdsl.program.values import NOTHING, Value, Vectors

_GIVEN = where(sp.Gt(slot(1), 0), slot(0), slot(2))


def parameters(flat: FlatModel, builder: Builder, totals: Sequence[Family] = ()) -> int:
    """`given` where `mask` is positive, else the definitions, which see the parameters before them.

    The last are the values of `totals`, over slots of kind `start`, for the start values that follow.
    """
    values = Vectors(builder)
    size = sum(b.size for b in flat.parameters)
    given, mask = values.input("given", size), values.input("mask", size)
    made: list[Value] = []
    source = np.full(size, -1, dtype=np.int64)
    position = np.zeros(size, dtype=np.int64)
    if flat.tables:
        first = flat.tables[0].knots[0].offset
        vector, values.tables = _tables(flat, builder, given.ops[0], mask.ops[0])
        source[first : first + builder.size(vector)] = 0
        position[first : first + builder.size(vector)] = np.arange(builder.size(vector))
        made.append(Value(builder.size(vector), (vector,)))
    for definition in flat.parameter_values:
        targets, family = definition.targets, definition.value
        symbols = {}
        for k, kind in enumerate(family.kinds):
            ids = family.table[:, k]
            if kind == "const":
                symbols[f"s{k}"] = values.constants(flat.constants[ids])
            else:
                assert kind == "param", "parameters depend on parameters"
                assert np.all(source[ids] >= 0), "parameters are defined in order"
                symbols[f"s{k}"] = values.take(made, source[ids], position[ids])
        own = values.apply(family.template, symbols, len(targets))
        zeros = np.zeros(len(targets), dtype=np.int64)
        choice = {
            "s0": values.take([given], zeros, targets),
            "s1": values.take([mask], zeros, targets),
            "s2": own,
        }
        source[targets] = len(made)
        position[targets] = np.arange(len(targets))
        made.append(values.apply(_GIVEN, choice, len(targets)))
    own = size - len(totals)
    assert np.all(source[:own] >= 0), "every parameter has a definition"
    result = values.take(made, source[:own], position[:own])
    if not totals:
        return values.vector(result)
    # Start values are made of numbers and parameters only.
    known = {"param": result}
    begun = _scattered(flat, values, known, (*flat.guesses, *flat.starts), flat.size, 0.0)
    known["start"] = Value(flat.size, (begun,))
    parts = [result]
    for k, family in enumerate(totals):
        symbols = {}
        for j, terms in enumerate(family.sums):
            term = values.apply(
                terms.term, _slots(flat, values, known, terms.kinds, terms.table), len(terms.table)
            )
            symbols[total(j).name] = values.total(term, terms.owner, 1)
        one = np.array([own + k])
        choice = {"s0": values.take([given], np.zeros(1, np.int64), one)}
        choice["s1"] = values.take([mask], np.zeros(1, np.int64), one)
        choice["s2"] = values.apply(family.template, symbols, 1)
        parts.append(values.apply(_GIVEN, choice, 1))
    return builder.concatenate([values.vector(part) for part in parts if part.size])


def in_parameters(flat: FlatModel, builder: Builder) -> tuple[TablePlaces, ...]:
    """The tables of a model where functions over `p` find them."""
    if not flat.tables:
        return ()
    return _places(flat, builder.input("p", sum(b.size for b in flat.parameters)), 0)


def _places(flat: FlatModel, vector: int, first: int) -> tuple[TablePlaces, ...]:
    """The tables in a vector that holds the parameters from `first` on."""

    def place(block: Block) -> LookupPlace:
        return LookupPlace(vector, block.offset - first, block.size)

    return tuple(
        TablePlaces(
            t.method,
            t.outside,
            tuple(map(place, t.knots)),
            place(t.values),
            place(t.slopes) if t.slopes is not None else None,
        )
        for t in flat.tables
    )


def _tables(flat: FlatModel, b: Builder, given: int, mask: int) -> tuple[int, tuple[TablePlaces, ...]]:
    """The parameters that hold tables: those given, else the figures of the model; slopes of cubic pieces follow."""
    parts: list[int] = []
    for table in flat.tables:
        own: list[LookupPlace] = []
        for block, figures in zip((*table.knots, table.values), table.figures, strict=True):
            at = block.offset + np.arange(block.size)
            chosen = b.apply("gt", b.take(mask, at), b.number(0.0))
            value = b.apply("select", chosen, b.take(given, at), b.constants(figures))
            own.append(LookupPlace(b.full(value, block.size), 0, block.size))
        parts += [place.vector for place in own]
        if table.slopes is not None:
            parts.append(monotone_slopes(b, own[0], own[1]))
    vector = b.concatenate(parts)
    return vector, _places(flat, vector, flat.tables[0].knots[0].offset)


def scattered(flat: FlatModel, builder: Builder, definitions: Sequence[Definition], size: int) -> int:
    """`definitions` at their targets in a vector of `size`; NaN elsewhere."""
    values = Vectors(builder, in_parameters(flat, builder))
    inputs = {
        "param": values.input("p", sum(b.size for b in flat.parameters)),
        "input": values.input("u", sum(b.size for b in flat.inputs)),
    }
    return _scattered(flat, values, inputs, definitions, size, np.nan)


def _scattered(
    flat: FlatModel,
    values: Vectors,
    known: dict[str, Value],
    definitions: Sequence[Definition],
    size: int,
    elsewhere: float,
) -> int:
    made = [values.constants(np.full(size, elsewhere)) if size else NOTHING]
    source = np.zeros(size, dtype=np.int64)
    position = np.arange(size)
    for definition in definitions:
        targets, family = definition.targets, definition.value
        symbols = _slots(flat, values, known, family.kinds, family.table)
        source[targets] = len(made)
        position[targets] = np.arange(len(targets))
        made.append(values.apply(family.template, symbols, len(targets)))
    return values.vector(values.take(made, source, position))


def _slots(
    flat: FlatModel, values: Vectors, known: dict[str, Value], kinds: Sequence[str], table: np.ndarray
) -> dict[str, Value]:
    symbols = {}
    for k, kind in enumerate(kinds):
        ids = table[:, k]
        if kind == "const":
            symbols[f"s{k}"] = values.constants(flat.constants[ids])
        else:
            symbols[f"s{k}"] = values.take([known[kind]], np.zeros(len(ids), dtype=np.int64), ids)
    return symbols
