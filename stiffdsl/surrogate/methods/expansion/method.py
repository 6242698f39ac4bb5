"""The methods that fit an expansion: each a way to functions of time, and one to coefficients over parameters."""

from dataclasses import dataclass

from stiffdsl.surrogate.core.method import MethodFit, SharedWork
from stiffdsl.surrogate.core.stored import FormulaFormat, fields_of
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.expansion import fit
from stiffdsl.surrogate.methods.expansion.prepare import prepare
from stiffdsl.surrogate.methods.expansion.storage import EXPANSION


@dataclass(frozen=True)
class ExpansionMethod:
    """A method by its `basis` of functions of time and the `regression` of their coefficients (see `expand`), which are
    stored as `format` says: by the class of expansions that it makes, formulas are told apart."""

    name: str
    description: str
    basis: fit.Basis = fit.splines
    regression: fit.Regression = fit.radial_functions
    reach: float = 0.0
    seconds: float = 0.0
    balance: float = 0.0
    format: FormulaFormat = EXPANSION
    inputs = False

    def misfit(self, task: Task) -> str | None:
        """None: it fits whatever has no inputs over time."""
        del task
        return None

    def fit(self, shared: SharedWork) -> MethodFit:
        prepared = shared.once(prepare)
        made, chosen = fit.expand(prepared, self.basis, self.regression, shared.seed, self.balance)
        return MethodFit(self.format.made(**fields_of(made)), chosen)


RBF = ExpansionMethod(
    "rbf", "radial basis functions of the parameters for the shapes that trajectories are made of"
)
LPCTESN = ExpansionMethod(
    "lpctesn",
    "a continuous-time echo state network: a reservoir, read out by a smooth function of the parameters",
    fit.reservoir_states,
)
NPCTESN = ExpansionMethod(
    "npctesn",
    "a continuous-time echo state network whose readout is a nonlinear function of the parameters",
    fit.functions_of_reservoir_states,
)
# Trained to the end, networks still err by so much.
NEURAL = ExpansionMethod(
    "neural",
    "a neural network of the parameters for the shapes that trajectories are made of",
    regression=fit.network,
    reach=1e-4,
    seconds=10.0,
    balance=0.5,
)
