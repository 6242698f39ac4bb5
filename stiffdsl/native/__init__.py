"""The native tier: a whole stiff solve of a small model as one LLVM kernel, made from its program.

`build(program)` gives a `NativeSolver`, or why the portable tier (JAX) serves: LLVM is missing, the factors of the
model take too long, or the method has no kernel. Both tiers take the same steps.
"""

from stiffdsl.native.host.build import build
from stiffdsl.native.host.called import called, kernel_of
from stiffdsl.native.host.solver import NO_TABLES, Arrived, NativeSolver, Recorded, Tables
from stiffdsl.native.ir.form import CALL_SIZES, FORM, CallSizes, Form
from stiffdsl.native.step.search import SearchKernel, algebraic_problem, search_of, start_problem

__all__ = [
    "CALL_SIZES",
    "FORM",
    "NO_TABLES",
    "Arrived",
    "CallSizes",
    "Form",
    "NativeSolver",
    "Recorded",
    "SearchKernel",
    "Tables",
    "algebraic_problem",
    "build",
    "called",
    "kernel_of",
    "search_of",
    "start_problem",
]
