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
from stiffdsl.program import interpret
from stiffdsl.program.divisors import Divisor, divisors_of
from stiffdsl.program.lower import lower
from stiffdsl.program.program import Program


def regular_at_defaults(program: Program) -> Program:
    """The program, made again with parameters fixed where its equations are singular at the declared values."""
    divisors = divisors_of(program.system)
    if not divisors:
        return program
    p = _declared(program)
    singular = [(d, m) for d in divisors for m in d.zero(p, program.system.flat.constants)]
    if not singular:
        return program
    numbers = sorted({k for divisor, m in singular for k in divisor.parameters(m)})
    flat = program.system.flat
    try:
        fixed = with_fixed_parameters(flat, {k: float(p[k]) for k in numbers}, _yielding(program, singular))
        again = lower(sort(replace(fixed, warnings=(*flat.warnings, _note(flat, p, numbers)))))
    except Fault:
        return program
    still = any(len(d.zero(p, flat.constants)) for d in divisors_of(again.system))
    return program if still else replace(again, general=program)


def _declared(program: Program) -> np.ndarray:
    """The parameters at their declared values."""
    nothing = np.zeros(sum(b.size for b in program.system.flat.parameters))
    return np.asarray(interpret.run(program, "parameters", nothing, nothing), dtype=float)


def _yielding(program: Program, singular: list[tuple[Divisor, int]]) -> np.ndarray:
    """The variables that are determined by what is singular, and those that are computed from these."""
    system = program.system
    found = np.zeros(system.flat.size, dtype=bool)
    for divisor, m in singular:
        v = int(divisor.targets[m])
        found[v] = True
        for assignment in system.assignments:
            columns = [k for k, kind in enumerate(assignment.value.kinds) if kind == divisor.kind]
            if assignment.kind == "der" and columns:
                rows = (assignment.value.table[:, columns] == v).any(axis=1)
                found[assignment.targets[rows]] = True
    return np.flatnonzero(found)


def _note(flat: FlatModel, p: np.ndarray, numbers: list[int]) -> Diagnostic:
    blocks = [next(b for b in flat.parameters if b.offset <= k < b.offset + b.size) for k in numbers]
    named = [
        f"`{b.scalar_name(k - b.offset)}` = {(p[k] - b.shift) / b.scale:.6g}"
        for b, k in zip(blocks, numbers, strict=True)
    ]
    first = blocks[0]
    return Diagnostic(
        "W0403",
        f"the structure is that at {', '.join(named[:4])}"
        + (f" and {len(named) - 4} more" * (len(named) > 4)),
        (Label(first.span, "at this value an equation no longer gives a derivative"),),
        ("an unknown that was a state follows from the others; its start gives way",),
        "a run with other values takes the structure of these: `model.unreduced`",
    )
