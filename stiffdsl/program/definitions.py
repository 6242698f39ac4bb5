"""What is computed once before a solve: parameters, defaults of inputs, start values and guesses.

Always over vectors: a thousand parameters must not be a thousand lines.
"""

from collections.abc import Sequence

import numpy as np
import sympy as sp

from stiffdsl.flat.functions import where
from stiffdsl.flat.model import Definition, FlatModel, slot
from stiffdsl.program.ops import Builder
from stiffdsl.program.values import NOTHING, Value, Vectors

_GIVEN = where(sp.Gt(slot(1), 0), slot(0), slot(2))


def parameters(flat: FlatModel, builder: Builder) -> int:
    """`given` where `mask` is positive, else the definitions, which see the parameters before them."""
    values = Vectors(builder)
    size = sum(b.size for b in flat.parameters)
    given, mask = values.input("given", size), values.input("mask", size)
    made: list[Value] = []
    source = np.full(size, -1, dtype=np.int64)
    position = np.zeros(size, dtype=np.int64)
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
    assert np.all(source >= 0), "every parameter has a definition"
    return values.vector(values.take(made, source, position))


def scattered(flat: FlatModel, builder: Builder, definitions: Sequence[Definition], size: int) -> int:
    """`definitions` at their targets in a vector of `size`; NaN elsewhere."""
    values = Vectors(builder)
    inputs = {
        "param": values.input("p", sum(b.size for b in flat.parameters)),
        "input": values.input("u", sum(b.size for b in flat.inputs)),
    }
    made = [values.constants(np.full(size, np.nan)) if size else NOTHING]
    source = np.zeros(size, dtype=np.int64)
    position = np.arange(size)
    for definition in definitions:
        targets, family = definition.targets, definition.value
        symbols = {}
        for k, kind in enumerate(family.kinds):
            ids = family.table[:, k]
            if kind == "const":
                symbols[f"s{k}"] = values.constants(flat.constants[ids])
            else:
                symbols[f"s{k}"] = values.take([inputs[kind]], np.zeros(len(ids), dtype=np.int64), ids)
        source[targets] = len(made)
        position[targets] = np.arange(len(targets))
        made.append(values.apply(family.template, symbols, len(targets)))
    return values.vector(values.take(made, source, position))
