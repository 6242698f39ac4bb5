"""Operations done once before a solve: parameters, defaults of inputs, start values and guesses.

Always over vectors: a thousand parameters must not be a thousand lines.
"""

from collections.abc import Sequence

import numpy as np
import sympy as sp

from stiffdsl.flat.functions import where
from stiffdsl.flat.model import Block, Definition, Family, FlatModel, slot, total
from stiffdsl.program.builder import Builder
from stiffdsl.program.lookups import LookupPlace, TablePlaces, monotone_slopes
from stiffdsl.program.networks import NetworkPlaces
from stiffdsl.program.parameter_blocks import NO_BLOCKS, ParameterBlocks
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
    if flat.tables or flat.networks:
        first = _first(flat)
        vector, values.blocks = _blocks(flat, builder, given.ops[0], mask.ops[0])
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


def _first(flat: FlatModel) -> int:
    """The first parameter that holds a table or a network."""
    return min(b.offset for part in (*flat.tables, *flat.networks) for b in part.blocks)


def in_parameters(flat: FlatModel, builder: Builder) -> ParameterBlocks:
    """The tables and networks of a model where functions over `p` find them."""
    if not flat.tables and not flat.networks:
        return NO_BLOCKS
    return _places(flat, builder.input("p", sum(b.size for b in flat.parameters)), 0)


def _places(flat: FlatModel, vector: int, first: int) -> ParameterBlocks:
    """The tables and networks in a vector that holds the parameters from `first` on."""

    def place(block: Block) -> LookupPlace:
        return LookupPlace(vector, block.offset - first, block.size)

    tables = tuple(
        TablePlaces(
            t.method,
            t.outside,
            tuple(map(place, t.knots)),
            place(t.values),
            place(t.slopes) if t.slopes is not None else None,
        )
        for t in flat.tables
    )
    networks = tuple(
        NetworkPlaces(
            n.widths,
            n.activation,
            n.instances,
            tuple(map(place, n.blocks[::2])),
            tuple(map(place, n.blocks[1::2])),
        )
        for n in flat.networks
    )
    return ParameterBlocks(tables, networks)


def _blocks(flat: FlatModel, b: Builder, given: int, mask: int) -> tuple[int, ParameterBlocks]:
    """The parameters that hold tables and networks: those given, else the figures of the model; slopes of cubic pieces
    follow from these."""
    parts: list[int] = []

    def chosen(block: Block, figures: np.ndarray) -> int:
        at = block.offset + np.arange(block.size)
        is_given = b.apply("gt", b.take(mask, at), b.number(0.0))
        return b.full(b.apply("select", is_given, b.take(given, at), b.constants(figures)), block.size)

    for table in flat.tables:
        own: list[LookupPlace] = []
        for block, figures in zip((*table.knots, table.values), table.figures, strict=True):
            own.append(LookupPlace(chosen(block, figures), 0, block.size))
        parts += [place.vector for place in own]
        if table.slopes is not None:
            parts.append(monotone_slopes(b, own[0], own[1]))
    for network in flat.networks:
        parts += [chosen(b, f) for b, f in zip(network.blocks, network.figures, strict=True)]
    vector = b.concatenate(parts)
    return vector, _places(flat, vector, _first(flat))


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
