"""The method for fronts that move: outputs have clocks of their own where they gain by it."""

from dataclasses import dataclass

from stiffdsl.surrogate.core.method import MethodFit, SharedWork
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.expansion.fit import expand, radial_functions, splines
from stiffdsl.surrogate.methods.expansion.prepare import prepare
from stiffdsl.surrogate.methods.registered import fit
from stiffdsl.surrogate.methods.registered.storage import WALKS


@dataclass(frozen=True)
class RegisteredMethod:
    """Curves over clocks of their own, of straight pieces, beside the plain interpolation."""

    name = "registered"
    description = "shapes over clocks of their own, for fronts that move with the parameters"
    inputs = False
    reach = 1e-3
    seconds = 10.0
    format = WALKS

    def misfit(self, task: Task) -> str | None:
        """None: it fits whatever has no inputs over time."""
        del task
        return None

    def fit(self, shared: SharedWork) -> MethodFit:
        prepared = shared.once(prepare)
        plain, _ = expand(prepared, splines, radial_functions, shared.seed)
        made, chosen = fit.expand(shared.task, shared.training, prepared, plain, shared.seed)
        return MethodFit(made, chosen, None if made.walks else "no output gains by a clock of its own")


REGISTERED = RegisteredMethod()
