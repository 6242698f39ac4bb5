"""The methods that read out a reservoir: linearly or by a network, driven by inputs or by time alone."""

from dataclasses import dataclass

from stiffdsl.surrogate.core.method import MethodFit, SharedWork
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.driven import fit
from stiffdsl.surrogate.methods.driven.storage import READOUT
from stiffdsl.surrogate.regression.adam import NetworkTraining

NETWORK = NetworkTraining(width=96, layers=3, steps=16_000, batch=512, rate=3e-3)


@dataclass(frozen=True)
class ReadoutMethod:
    """A method by its readout: a polynomial in the parameters, and a `network` trained so besides, if any."""

    name: str
    description: str
    network: NetworkTraining | None
    inputs: bool = True
    reach: float = 0.0
    seconds: float = 0.0
    format = READOUT

    def misfit(self, task: Task) -> str | None:
        """Without inputs the clock is time itself."""
        if not self.inputs and task.log_time and task.times[0] <= task.start:
            return "does not reach the start of an experiment in logarithmic time"
        return None

    def fit(self, shared: SharedWork) -> MethodFit:
        return MethodFit(*fit.expand(shared.once(fit.prepare), shared.seed, self.network))


DRIVEN_LPCTESN = ReadoutMethod(
    "lpctesn",
    "a continuous-time echo state network: a reservoir, read out by a smooth function of the parameters",
    network=None,
)
DRIVEN_NPCTESN = ReadoutMethod(
    "npctesn",
    "a continuous-time echo state network whose readout is a nonlinear function of the parameters",
    network=NETWORK,
)
REGRESSION = ReadoutMethod(
    "regression",
    "a neural network of parameters and time together",
    network=NETWORK,
    inputs=False,
    reach=1e-3,
    seconds=30.0,
)
