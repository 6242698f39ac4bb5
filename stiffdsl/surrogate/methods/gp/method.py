"""The method of Gaussian processes: for transients that change their course within the box."""

from dataclasses import dataclass, fields

from stiffdsl.surrogate.core.method import MethodFit, SharedWork
from stiffdsl.surrogate.methods.expansion.method import ExpansionMethod
from stiffdsl.surrogate.methods.gp.fit import regress
from stiffdsl.surrogate.methods.gp.storage import PROCESSES, ProcessExpansion


@dataclass(frozen=True)
class ProcessMethod(ExpansionMethod):
    """Components over parameters as Gaussian processes, each leading one with widths and a noise of its own."""

    format = PROCESSES

    def fit(self, shared: SharedWork) -> MethodFit:
        made = super().fit(shared)
        own = {f.name: getattr(made.formula, f.name) for f in fields(ProcessExpansion)}
        return MethodFit(ProcessExpansion(**own), made.chosen)


GP = ProcessMethod(
    "gp",
    "Gaussian processes over the parameters for the shapes that trajectories are made of",
    regression=regress,
    seconds=3.0,
)
