"""The method that feeds its own answer back, knot by knot."""

from dataclasses import dataclass

from stiffdsl.surrogate.core.method import MethodFit, SharedWork
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.driven.fit import prepare
from stiffdsl.surrogate.methods.recurrent import fit
from stiffdsl.surrogate.methods.recurrent.storage import RECURRENT_STEP
from stiffdsl.surrogate.regression.adam import NetworkTraining


@dataclass(frozen=True)
class RecurrentMethod:
    """One step from knot to knot for all of them, so knots are equally far apart."""

    training: fit.RecurrentTraining
    name = "recurrent"
    description = "a recurrent network that is driven by the inputs step by step"
    inputs = True
    reach = 0.0
    seconds = 60.0
    format = RECURRENT_STEP

    def misfit(self, task: Task) -> str | None:
        return None if fit.possible(task.times) else "needs times that are equally far apart"

    def fit(self, shared: SharedWork) -> MethodFit:
        return MethodFit(*fit.expand(shared.once(prepare), self.training, shared.seed))


RECURRENT = RecurrentMethod(
    fit.RecurrentTraining(
        NetworkTraining(width=96, layers=3, steps=4000, batch=512, rate=3e-3),
        (
            fit.RunTraining(4, 128, 1000, 1e-3),
            fit.RunTraining(12, 64, 1000, 1e-3),
            fit.RunTraining(32, 48, 1000, 1e-3),
            fit.RunTraining(None, 32, 4000, 1e-3),
        ),
    )
)
