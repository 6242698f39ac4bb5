"""Declared values at which equations do not give what they were solved for: `tau = 0`, two coils with L1*L2 = M^2.

    tau*der(x) = y - x      tau = 0         0 = y - x: x is no state

The order of a model is found with parameters as numbers other than zero. Where the declared ones are zero, or cancel,
they are put into the equations as numbers, and the order is found anew. Such parameters decide what the states are,
so that they stay what they are declared to be.
"""

from dataclasses import replace

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.fixed_parameters import with_fixed_parameters
from stiffdsl.flat.instance import Fault
from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.sort import sort
from stiffdsl.graph.system import SortedSystem
from stiffdsl.program import interpret
from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.definitions import parameters
from stiffdsl.program.divisors import computed_from, divisors_of
from stiffdsl.program.interpret import values_at
from stiffdsl.program.lower import lower
from stiffdsl.program.program import Function, Program

# Parameters that the note names.
NAMED = 4


def regular_at_defaults(program: Program) -> Program:
    """The program, made again with parameters fixed where its equations are singular at the declared values."""
    if not program.divisors:
        return program
    p, system = _declared(program), program.system
    flat = system.flat
    numbers, yielding = [], []
    for divisor in program.divisors:
        members = divisor.zero(p, flat.constants)
        if len(members):
            numbers.append(divisor.parameters(members))
            yielding += [
                divisor.targets[members],
                computed_from(system, divisor.kind, divisor.targets[members]),
            ]
    if not numbers:
        return program
    fixed = np.unique(np.concatenate(numbers))
    try:
        reduced = with_fixed_parameters(flat, fixed, p[fixed], np.concatenate(yielding))
        again = lower(sort(replace(reduced, warnings=(*flat.warnings, _note(flat, p, fixed.tolist())))))
    except Fault:
        return program
    still = any(len(d.zero(p, flat.constants)) for d in again.divisors)
    return program if still else replace(again, general=program)


def notes_at_defaults(system: SortedSystem) -> tuple[Diagnostic, ...]:
    """The notes that `regular_at_defaults` adds to a system; it is lowered only where there may be one."""
    divisors = divisors_of(system)
    if not divisors:
        return ()
    builder, nothing = Builder(ConstantTables()), np.zeros(sum(b.size for b in system.flat.parameters))
    made = builder.needed(parameters(system.flat, builder, system.totals))
    function = Function("parameters", ("given", "mask"), "", *made)
    p = values_at(function, builder.tables.arrays, {"given": nothing, "mask": nothing})[-1]
    if not any(len(d.zero(np.asarray(p, dtype=float), system.flat.constants)) for d in divisors):
        return ()
    known = set(system.flat.warnings)
    return tuple(w for w in regular_at_defaults(lower(system)).system.flat.warnings if w not in known)


def _declared(program: Program) -> np.ndarray:
    """The parameters at their declared values."""
    nothing = np.zeros(sum(b.size for b in program.system.flat.parameters))
    return np.asarray(interpret.run(program, "parameters", nothing, nothing), dtype=float)


def _note(flat: FlatModel, p: np.ndarray, numbers: list[int]) -> Diagnostic:
    shown = numbers[:NAMED]
    blocks = [flat.parameter_block(k) for k in shown]
    named = [
        f"`{b.scalar_name(k - b.offset)}` = {(p[k] - b.shift) / b.scale:.6g}"
        for b, k in zip(blocks, shown, strict=True)
    ]
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return Diagnostic(
        "W0403",
        f"the structure is that at {', '.join(named)}{more}",
        (Label(blocks[0].span, "at this value an equation no longer gives a derivative"),),
        ("an unknown that was a state follows from the others; its start gives way",),
        "a run with other values takes the structure of these: `model.unreduced`",
    )
