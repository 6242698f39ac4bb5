"""The term of an equation that has no finite value at a point: what is divided by zero there, or has no logarithm."""

import numpy as np

from stiffdsl.program.interpret import values_of
from stiffdsl.program.operations import OPERATIONS
from stiffdsl.program.program import Function, Program

_DONE = {
    "div": "divides by {1:.3g}",
    "log": "takes the logarithm of {0:.3g}",
    "sqrt": "takes the root of {0:.3g}",
    "pow": "raises {0:.3g} to the power {1:.3g}",
    "asin": "takes the inverse sine of {0:.3g}",
    "acos": "takes the inverse cosine of {0:.3g}",
    "exp": "takes the exponential of {0:.3g}, which exceeds all numbers",
}


def wrong_term(program: Program, t: float, y: np.ndarray, p: np.ndarray, u: np.ndarray) -> str | None:
    """Text of the first operation without a finite value, in the equations, then in their derivatives."""
    for name, whose in (("rhs", ""), ("jacobian", "a derivative of ")):
        if name == "jacobian" and program.operations > 100_000:
            continue
        function = program.by_name[name]
        values = values_of(program, name, t, y, p, u)
        for k, op in enumerate(function.ops):
            if op.name not in OPERATIONS or np.all(np.isfinite(values[k])):
                continue
            given = [np.atleast_1d(values[a]).astype(float) for a in op.args]
            given = np.broadcast_arrays(*given)
            bad = ~np.isfinite(np.atleast_1d(values[k])) & np.all(np.isfinite(given), axis=0)
            if bad.any():
                at = [float(g[int(np.argmax(bad))]) for g in given]
                done = _DONE.get(op.name, "exceeds all numbers").format(*at)
                text = equation_of(function, k)
                return f"{whose}`{text}` {done}" if text else f"something {done}"
    return None


def equation_of(function: Function, k: int) -> str | None:
    """The equation that operation k is a part of: the first noted operation that follows from it."""
    follows = {k}
    for j in range(k, len(function.ops)):
        if j == k or follows & set(function.ops[j].args):
            follows.add(j)
            if j in function.notes:
                return function.notes[j]
    return None
