"""Linear relations that all solutions of a model hold among some of its variables, in numbers.

conserved      A + B + C = what it was at the start       (`graph.conserved`)
equations      n*T_rooms - sum(T[i]) = 0                  linear, in nothing but these variables and parameters
aliases        a.port.T is b.port.T"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.conservation.relations import WeightTerm, evaluated, linear_equations
from stiffdsl.runtime.beginning import with_beginning
from stiffdsl.runtime.compile_report import QUICK
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.initialization.initial_state import begin
from stiffdsl.runtime.run.arguments import run_arguments
from stiffdsl.surrogate.core.task import Relations

# Relations that are looked for, and what their entries may add up to.
MOST, MOST_ENTRIES = 64, 200_000

# A function that divides one row of values into parameters, start values and inputs.
Split = Callable[[np.ndarray], tuple[Mapping[str, Any], Mapping[str, Any] | None, Mapping[str, Any]]]


def relations(model: CompiledProgram, numbers: np.ndarray, start: float, split: Split) -> Relations:
    """The relations among the variables `numbers`; `split` tells what rows of values are given to."""
    flat = model.program.system.flat
    known, copies, factor, offset = _representatives(flat, numbers, model)
    found = [
        *_conserved(model, known),
        *((texts, False, parts) for texts, parts in linear_equations(flat, known)),
    ]
    texts, parts, first = [], [], 0
    of_start: list[int] = []
    for text, held, mine in found:
        count = 1 + max(int(p.rows.max()) for p in mine)
        entries = sum(len(p.rows) for p in parts) + sum(len(p.rows) for p in mine)
        if first + count > MOST or entries > MOST_ENTRIES:
            continue
        of_start += [first + k for k in range(count)] if held else []
        parts += [WeightTerm(p.rows + first, p.variables, p.expression, p.kinds, p.table) for p in mine]
        texts += text
        first += count
    rows = np.concatenate([np.zeros(0, np.int64), *(p.rows for p in parts)])
    variables = np.concatenate([np.zeros(0, np.int64), *(p.variables for p in parts)])
    pairs, place = np.unique(
        np.stack([rows[variables >= 0], known[variables[variables >= 0]]], axis=1),
        axis=0,
        return_inverse=True,
    )
    place = place.ravel()
    blocks = model.declarations(numbers)
    scale, shift = np.array([b.scale for b in blocks]), np.array([b.shift for b in blocks])
    sign = flat.sign[numbers].astype(float)

    def one(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, state = _beginning(model, start, *split(values))
        worth = np.concatenate([np.zeros(0), *(evaluated(flat, part, p) for part in parts)])
        of_variable = variables >= 0
        totals = np.zeros(first) - np.bincount(rows[~of_variable], worth[~of_variable], minlength=first)
        weights = np.bincount(place, worth[of_variable], minlength=len(pairs))
        held = np.isin(rows, of_start) & of_variable
        totals += np.bincount(rows[held], worth[held] * state[variables[held]], minlength=first)
        # From SI to declared units: a variable is sign * (scale * x + shift).
        output = pairs[:, 1]
        totals -= np.bincount(pairs[:, 0], weights * sign[output] * shift[output], minlength=first)
        return weights * sign[output] * scale[output], totals

    def every(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        made = [one(row) for row in values]
        return np.array([w for w, _ in made]), np.array([t for _, t in made])

    return Relations(tuple(texts), pairs[:, 0], pairs[:, 1], every, copies, factor, offset)


def _representatives(
    flat: FlatModel, numbers: np.ndarray, model: CompiledProgram
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The output that stands for each variable, -1 for none; and the outputs that only repeat others."""
    known = np.full(flat.size, -1, dtype=np.int64)
    blocks = model.declarations(numbers)
    copies, factor, offset = [], [], []
    for k, v in enumerate(numbers.tolist()):
        if not flat.sign[v]:
            continue
        at = flat.alias[v]
        if known[at] < 0:
            known[at] = k
            continue
        j, sign = int(known[at]), float(flat.sign[v] * flat.sign[numbers[known[at]]])
        copies.append((k, j))
        factor.append(sign * blocks[j].scale / blocks[k].scale)
        offset.append((sign * blocks[j].shift - blocks[k].shift) / blocks[k].scale)
    return known, np.array(copies, dtype=np.int64).reshape(-1, 2), np.array(factor), np.array(offset)


def _beginning(
    model: CompiledProgram,
    start: float,
    params: Mapping[str, Any],
    initial: Mapping[str, Any] | None,
    inputs: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters, and the states by the number of the variable, as a run begins with them."""
    args = run_arguments(model, model.bindings.params(params), *model.bindings.driven(inputs))
    given = model.bindings.initial(initial)
    args = with_beginning(model.program, model.interpreted, start, args, given, np)
    begun = begin(model, start, args, given, overridden=initial is not None)
    system = model.program.system
    state = np.full(system.flat.size, np.nan)
    state[system.states] = begun.y[: len(system.states)]
    if len(system.eliminated):
        u = args.inputs.at(start)
        every = np.asarray(model.interpreted.variables(start, begun.y, args.p, u), dtype=float)
        state[system.eliminated] = every[system.eliminated]
    return np.asarray(args.p, dtype=float), state


def _conserved(model: CompiledProgram, known: np.ndarray) -> list[tuple[list[str], bool, list[WeightTerm]]]:
    """The conserved quantities of states that are all `known`."""
    flat = model.program.system.flat
    entries = sum(f.table.size + sum(s.table.size for s in f.sums) for f in flat.equations)
    if entries > QUICK and "conserved_found" not in vars(model):
        return []
    found = []
    for quantity in model.conserved_found.quantities:
        if np.any(known[quantity.states] < 0):
            continue
        parts = [
            WeightTerm(
                np.zeros(1, np.int64),
                quantity.states[k : k + 1],
                quantity.numbers[k] * expression,
                kinds,
                np.array([ids], dtype=np.int64),
            )
            for k, (expression, kinds, ids) in enumerate(quantity.factors)
        ]
        found.append(([quantity.text(flat)], True, parts))
    return found
