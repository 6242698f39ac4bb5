"""The method of Gaussian processes: for transients that change their course within the box."""

from stiffdsl.surrogate.methods.expansion.method import ExpansionMethod
from stiffdsl.surrogate.methods.gp.fit import regress
from stiffdsl.surrogate.methods.gp.storage import PROCESSES

GP = ExpansionMethod(
    "gp",
    "Gaussian processes over the parameters for the shapes that trajectories are made of",
    regression=regress,
    seconds=3.0,
    format=PROCESSES,
)
