"""Parameters at which equations cannot be solved for what they give: two coupled inductors with L1*L2 = M^2, tau = 0.

    L1*der(i1) + M*der(i2) = u1         der(i1) = (L2*u1 - M*u2)/(L1*L2 - M^2)
    M*der(i1) + L2*der(i2) = u2         der(i2) = …

The compiler divides by parameters, which it takes for numbers other than zero. Where one is zero all the same, that is
said with names and values, before a step divides by it.
"""

import numpy as np

from stiffdsl.graph.system import SortedSystem
from stiffdsl.program.divisors import divisors_of
from stiffdsl.runtime.compiled import CompiledProgram

NAMED = 4


def singular(model: CompiledProgram, p: np.ndarray) -> str | None:
    """Message on equations that are singular at these parameters: unknowns and parameters; None if none is."""
    divisors = model.cache.setdefault("divisors", None)
    if divisors is None:
        divisors = model.cache["divisors"] = divisors_of(model.program.system)
    if not divisors or model.cache.get("regular") == p.tobytes():
        return None
    flat, names, parameters = model.program.system.flat, [], []
    for divisor in divisors:
        members = divisor.zero(p, flat.constants)
        for m in members[:NAMED].tolist():
            name = flat.variable_name(int(divisor.targets[m]))
            names.append(f"`der({name})`" if divisor.kind == "der" else f"`{name}`")
            if len(divisor.terms) > 1:
                names += _tied(model.program.system, divisor.kind, int(divisor.targets[m]))
            parameters += divisor.parameters(m)
    if not names:
        model.cache["regular"] = p.tobytes()
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


def _tied(system: SortedSystem, kind: str, v: int) -> list[str]:
    """Other derivatives that are computed from an unknown: of the determinant of a loop, all that the loop gives."""
    found = []
    for assignment in system.assignments:
        if assignment.kind == "der":
            columns = [k for k, other in enumerate(assignment.value.kinds) if other == kind]
            rows = np.flatnonzero((assignment.value.table[:, columns] == v).any(axis=1))
            found += [f"`der({system.flat.variable_name(int(w))})`" for w in assignment.targets[rows]]
    return found


def _valued(model: CompiledProgram, k: int, value: float) -> str:
    for block in model.program.system.flat.parameters:
        if block.offset <= k < block.offset + block.size:
            unit = f" {block.unit}" if block.unit else ""
            return f"{block.scalar_name(k - block.offset)} = {(value - block.shift) / block.scale:.6g}{unit}"
    raise AssertionError("a parameter has a block")
