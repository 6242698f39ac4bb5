"""The method that keeps the equations of the model, for a few combinations of its states."""

from dataclasses import dataclass

from stiffdsl.surrogate.core.method import MethodFit, SharedWork
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.driven.fit import prepare
from stiffdsl.surrogate.methods.galerkin import fit
from stiffdsl.surrogate.methods.galerkin.storage import REDUCED


@dataclass(frozen=True)
class GalerkinMethod:
    """Reduced equations: for ordinary differential equations alone."""

    greedy: fit.Greedy
    name = "galerkin"
    description = "the model's own equations for a few combinations of its states"
    inputs = True
    reach = 0.0
    seconds = 0.0
    format = REDUCED

    def misfit(self, task: Task) -> str | None:
        equations = task.equations()
        return f"needs equations it can reduce: {equations}" if isinstance(equations, str) else None

    def fit(self, shared: SharedWork) -> MethodFit:
        equations = shared.task.equations()
        assert not isinstance(equations, str)
        task, prepared = shared.task, shared.once(prepare)
        return MethodFit(*fit.expand(task, prepared, shared.training, equations, self.greedy, shared.seed))


GALERKIN = GalerkinMethod(fit.Greedy(rounds=2, refused=0.1))
