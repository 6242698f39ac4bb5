"""The method of kernel ridge regression."""

from stiffdsl.surrogate.methods.expansion.method import ExpansionMethod
from stiffdsl.surrogate.methods.kernel_ridge.fit import regress

KERNEL_RIDGE = ExpansionMethod(
    "kernel_ridge",
    "kernel ridge regression over the parameters for the shapes that trajectories are made of",
    regression=regress,
    seconds=2.0,
)
