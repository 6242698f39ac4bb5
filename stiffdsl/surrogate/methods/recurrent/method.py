"""The method that feeds its own answer back, knot by knot."""

from dataclasses import dataclass

from stiffdsl.surrogate.core.method import MethodFit, SharedWork
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.driven.fit import prepare
from stiffdsl.surrogate.methods.recurrent import fit
from stiffdsl.surrogate.methods.recurrent.storage import RECURRENT_STEP


@dataclass(frozen=True)
class RecurrentMethod:
    """One step from knot to knot for all of them, so knots are equally far apart."""

    name = "recurrent"
    description = "a recurrent network that is driven by the inputs step by step"
    inputs = True
    reach = 0.0
    seconds = 60.0
    format = RECURRENT_STEP

    def misfit(self, task: Task) -> str | None:
        return None if fit.possible(task.times) else "needs times that are equally far apart"

    def fit(self, shared: SharedWork) -> MethodFit:
        return MethodFit(*fit.expand(shared.once(prepare), shared.seed))


RECURRENT = RecurrentMethod()
