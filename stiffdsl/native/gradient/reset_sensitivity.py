"""Derivatives across jumps that set algebraic unknowns z anew (`reset.py`): those of z follow the states x there.

W d = [0; g_x x. + g_p p.]      z. = d_z
W^T l = [0; z bar]              x bar += g_x^T l_z,  p bar += g_p^T l_z,  z bar = 0
"""

from stiffdsl.native.gradient.adjoint import Back, StepWriter
from stiffdsl.native.gradient.sensitivity import Moving
from stiffdsl.native.gradient.tape import DerivedFunctions
from stiffdsl.native.ir.code import COLD, Code, IRModule
from stiffdsl.native.step.attempt import KernelModel
from stiffdsl.native.step.layout import Areas
from stiffdsl.native.step.reset import ARGUMENTS, Held, emit_reset_solve

_MOVING = (*ARGUMENTS, *(("ptr", name) for name in ("operands", "work", "y_d", "p_d", "u_d", "values_d")))


def emit_reset_forth(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas
) -> None:
    """`reset_forth(…)`: one direction over a reset to y, factored, with the inputs in their array: y_d of the algebraic
    unknowns follows the states."""
    code = Code(module, "reset_forth", _MOVING, attributes=COLD)
    held, n = Held(code, model, areas), model.n
    writer = Moving(code, model, areas, Areas(()))
    b, dz = held.area("b_d"), held.area("argument_d")
    held.clear_states("%y_d", states=False)
    if derivatives.rhs is None:
        code.put("ret void")
        code.finish()
        return
    writer.move(0.0)
    pointers = ("%y", "%p", held.area("u"), "%y_d", "%p_d", held.area("u_d"), b, held.area("scratch"))
    code.call("rhs_dot", "double %t", *(f"ptr {p}" for p in pointers))
    if model.events is not None:
        # At an instant whose time moves, the equations change with it.
        with code.loop(n) as k:
            change = code.apply("mul", code.load(held.area("f_t_there"), k), code.load(held.area("moves")))
            code.store(code.apply("add", code.load(b, k), change), b, k)
    held.clear_states(b)
    held.solve(b, dz)
    with code.loop(n) as k:
        code.store(code.apply("add", code.load("%y_d", k), code.load(dz, k)), "%y_d", k)
    code.put("ret void")
    code.finish()


def emit_reset_back(
    module: IRModule, model: KernelModel, derivatives: DerivedFunctions, areas: Areas, planned: bool
) -> None:
    """`reset_back(…)`: one direction back over a reset to y, factored."""
    emit_reset_solve(module, model, areas, planned, "_transposed")
    code = Code(module, "reset_back", _MOVING, attributes=COLD)
    held = Held(code, model, areas)
    c, bar, back = held.area("argument_d"), held.area("b_d"), held.area("back")
    with code.loop(model.n) as k:
        code.store(code.load("%y_d", k), c, k)
    held.clear_states(c)
    held.clear_states("%y_d", states=False)
    held.solve(c, bar, "reset_solve_transposed")
    held.clear_states(bar)
    if model.events is not None:
        moves = held.area("moves")
        with code.loop(model.n) as k:
            change = code.apply("mul", code.load(held.area("f_t_there"), k), code.load(bar, k))
            code.store(code.apply("add", code.load(moves), change), moves)
    Back(StepWriter(code, model, areas, Areas(())), derivatives)("rhs", 0.0, "%y", bar)
    held.clear_states(back, states=False)
    with code.loop(model.n) as k:
        code.store(code.apply("add", code.load("%y_d", k), code.load(back, k)), "%y_d", k)
    code.put("ret void")
    code.finish()
