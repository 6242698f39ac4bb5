"""Models with events that explicit steps serve: those that are not stiff where their declared run begins.

Behind every event a method begins anew, so steps are short for another reason than stiffness, and an explicit one in a
kernel costs a part of one with a Jacobian and its factors. What stability asks for is bounded by the spectral radius of
the Jacobian at the declared start; a run that turns out stiffer on its way, which the kernel sees by its last stages,
is made again by the Rosenbrock method.
"""

import numpy as np

from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import Signal
from stiffdsl.runtime.initialization.initial_state import anchor
from stiffdsl.runtime.mild import fastest_rate
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.stiffness import EXPLICIT_BOUND

# The method, which is at every tolerance no less exact than the Rosenbrock method.
METHOD = "vern7"
# Steps of a whole run that stability may ask for; steps in a row that it may bound before the run is made again.
STEPS, IN_A_ROW = 2_000, 15.0


def explicit_method(
    model: CompiledProgram, options: Options, signals: tuple[Signal, ...], start: float, end: float
) -> str | None:
    """The method by which `auto` tries a run first; None where it is the one for stiff models."""
    if options.method != "auto" or options.linear != "auto" or signals or not model.program.events.count:
        return None
    return METHOD if _fastest(model) * abs(end - start) < STEPS * EXPLICIT_BOUND else None


@artifact
def _fastest(model: CompiledProgram) -> float:
    """A bound of the fastest rate at the declared start; infinite where explicit steps do not serve."""
    program = model.program
    if not np.all(program.mass) or program.system.invariants or len(program.relation_rises):
        return np.inf
    begun = anchor(model)
    if begun is None:
        return np.inf
    y, start = np.asarray(begun.y), float(model.experiment.get("time", (0.0, 0.0))[0])
    p, u = np.asarray(begun.args.p), np.asarray(begun.args.inputs.constant)
    return fastest_rate(model, start, y, p, u)
