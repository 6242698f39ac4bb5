"""Problems that are so little stiff that explicit steps cost less than factorizations.

A random network of a thousand species fills its factors: one factorization takes as long as hundreds of explicit steps,
and an implicit method makes some tens of them. How many steps stability asks for is bounded by the spectral radius of
the Jacobian where the solve begins. It may grow on the way: the method that is taken then
(`solve/methods/switching.py`) goes over to implicit steps.
"""

import numpy as np

from stiffdsl.program.program import Program
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.system import Args
from stiffdsl.solve.base.stiffness import EXPLICIT_BOUND
from stiffdsl.solve.methods import switching

# Factorizations that an implicit method makes at least, beyond some hundred unknowns.
FACTORIZATIONS = 15
# Rounds that tighten the bound; what an unknown counts for at least (`solve/base/stiffness.py`).
ROUNDS, LEAST = 6, 1e-8


def is_mild(model: CompiledProgram, args: Args, start: float, end: float, y0: np.ndarray) -> bool:
    """Whether explicit steps from y0 at `start` to `end` are expected to cost less than some factorizations."""
    program = model.program
    if not np.all(program.mass) or program.system.invariants or args.inputs.signals:
        return False
    p, u = np.asarray(args.p), np.asarray(args.inputs.constant)
    steps = fastest_rate(model, start, y0, p, u) * (abs(end - start) / EXPLICIT_BOUND)
    if not steps < FACTORIZATIONS * switching.AT_MOST:
        return False
    return steps < FACTORIZATIONS * _steps_of_a_factorization(model)


@artifact
def _steps_of_a_factorization(model: CompiledProgram) -> float:
    """The cost of a factorization in explicit steps."""
    return switching.steps_of_a_factorization(model.system(False))


def fastest_rate(model: CompiledProgram, t: float, y: np.ndarray, p: np.ndarray, u: np.ndarray) -> float:
    """A bound of the rates of the Jacobian at a state, and at one beside without zeros."""
    size = np.abs(y)
    # Where something is zero, so are rates that will not stay so.
    places = y, np.maximum(size, np.mean(size))
    with np.errstate(all="ignore"):
        found = [np.asarray(model.interpreted.jacobian(t, at, p, u), dtype=float) for at in places]
    return max(_spectral_radius_bound(model.program, jacobian) for jacobian in found)


def _spectral_radius_bound(program: Program, jacobian: np.ndarray) -> float:
    """Not less than the spectral radius, as `solve.stiffness.spectral_bound`; infinite where an entry is."""
    size, n = np.abs(jacobian), program.size
    if not np.all(np.isfinite(size)):
        return np.inf
    x, bound = np.ones(n), np.inf
    for _ in range(ROUNDS):
        product = np.bincount(program.rows, size * x[program.columns], n)
        bound = min(bound, float(np.max(product / x)))
        x = product / max(float(product.max()), 1e-300) + LEAST
    return bound
