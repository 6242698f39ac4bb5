"""Parameters at which equations cannot be solved for what they give: two coupled inductors with L1*L2 = M^2, tau = 0.

    L1*der(i1) + M*der(i2) = u1         der(i1) = (L2*u1 - M*u2)/(L1*L2 - M^2)
    M*der(i1) + L2*der(i2) = u2         der(i2) = …

The compiler divides by parameters, which it takes for numbers other than zero. Where one is zero all the same, that is
said with names and values, before a step divides by it.
"""

import numpy as np

from stiffdsl.program.divisors import computed_from
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram

NAMED = 4


def singular(model: CompiledProgram, p: np.ndarray) -> str | None:
    """Message on equations that are singular at these parameters: unknowns and parameters; None if none is."""
    divisors = model.program.divisors
    if not divisors:
        return None
    regular = _regular(model)
    if regular == [p.tobytes()]:
        return None
    system = model.program.system
    flat, names, parameters = system.flat, [], []
    for divisor in divisors:
        members = divisor.zero(p, flat.constants)[:NAMED]
        for v in divisor.targets[members].tolist():
            name = flat.variable_name(v)
            names.append(f"`der({name})`" if divisor.kind == "der" else f"`{name}`")
        if len(divisor.terms) > 1:
            tied = computed_from(system, divisor.kind, divisor.targets[members])
            names += [f"`der({flat.variable_name(v)})`" for v in tied.tolist()]
        parameters += divisor.parameters(members).tolist()
    if not names:
        regular[:] = [p.tobytes()]
        return None
    names, given = sorted(set(names)), sorted(set(parameters))
    at = ", ".join(_valued(model, k, float(p[k])) for k in given[:NAMED])
    if len(names) == 1:
        return f"the equation for {names[0]} is singular at {at}: it says nothing of it there"
    if len(names) > NAMED:
        told = f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    else:
        told = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"the equations for {told} are singular at {at}: they do not give them there"


@artifact
def _regular(model: CompiledProgram) -> list[bytes]:
    """The parameters that were found regular last: those of many solves in a row are the same."""
    return []


def _valued(model: CompiledProgram, k: int, value: float) -> str:
    block = model.program.system.flat.parameter_block(k)
    unit = f" {block.unit}" if block.unit else ""
    return f"{block.scalar_name(k - block.offset)} = {(value - block.shift) / block.scale:.6g}{unit}"
