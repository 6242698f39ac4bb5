"""Derivatives of a step of the implicit Euler method (`euler.py`): those at its end, by the implicit function theorem.

(M/h - J) y1. = M y./h + f_p p. + f_u u.
(M/h - J)^T l = y1 bar        y bar += M l/h,  p bar += f_p^T l
"""

import numpy as np

from stiffdsl.native.gradient.adjoint import PARAMETERS, Back, StepWriter
from stiffdsl.native.gradient.sensitivity import Moving
from stiffdsl.native.gradient.tape import DerivedFunctions
from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.native.step.layout import Areas


def _factor_at_end(writer: StepWriter) -> None:
    """Factors of `M/h - J`."""
    code, end = writer.code, writer.factors
    names = ("u", "J", "scratch", "W", "A", "pivots")
    u, J, scratch, W, A, pivots = (f"ptr {writer.area(name)}" for name in names)
    writer.drive(1.0)
    code.call("jacobian", f"double {writer.time(1.0)}", f"ptr {end}", "ptr %p", u, J, scratch)
    code.call("assemble", f"double {code.apply('div', code.number(1.0), '%h')}", J, W)
    code.call("pivoted_factor", W, A, pivots)


def emit_euler_forth(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas, record: Areas
) -> None:
    """`euler_forth(…)`: as `forth`, for such a step."""
    code = Code(module, "euler_forth", PARAMETERS, attributes=COLD)
    writer, zero = Moving(code, model, areas, record), code.number(0.0)
    _factor_at_end(writer)
    mass = module.constants(np.asarray(model.mass, dtype=float))
    still, b = writer.area("argument_d"), writer.area("b_d")
    with code.loop(model.n) as k:
        code.store(zero, still, k)
        code.store(zero, b, k)
        for i in range(model.tableau.stages):
            code.store(zero, writer.area("stages_d", i), k)
    if derivatives.rhs is not None:
        writer.move(1.0)
        pointers = (writer.factors, "%p", writer.area("u"), still, "%p_d", writer.area("u_d"), b)
        listed = (f"ptr {p}" for p in (*pointers, writer.area("scratch")))
        code.call("rhs_dot", f"double {writer.time(1.0)}", *listed)
    with code.loop(model.n) as k:
        own = code.apply("div", code.apply("mul", code.load(mass, k), code.load("%y_d", k)), "%h")
        code.store(code.apply("add", code.load(b, k), own), b, k)
    pointers = (writer.area("A"), writer.area("pivots"), b, writer.area("y1_d"))
    code.call("pivoted_solve", *(f"ptr {p}" for p in pointers))
    code.put("ret void")
    code.finish()


def emit_euler_back(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas, record: Areas
) -> None:
    """`euler_back(…)`: as `back`, for such a step."""
    code = Code(module, "euler_back", PARAMETERS, attributes=COLD)
    writer = StepWriter(code, model, areas, record)
    _factor_at_end(writer)
    mass = module.constants(np.asarray(model.mass, dtype=float))
    weights = writer.area("b_d")
    pointers = (writer.area("A"), writer.area("pivots"), writer.area("y1_d"), weights)
    code.call("pivoted_solve_transposed", *(f"ptr {p}" for p in pointers))
    Back(writer, derivatives)("rhs", 1.0, writer.factors, weights)
    with code.loop(model.n) as k:
        own = code.apply("div", code.apply("mul", code.load(mass, k), code.load(weights, k)), "%h")
        code.store(code.apply("add", code.load("%y_d", k), own), "%y_d", k)
    code.put("ret void")
    code.finish()
