"""Kernels for the derivatives of a solve: along directions (forward), and from cotangents (backward).

Both make the steps of the solve again and record them (`tape.py`). Forward, every step moves each direction on;
backward, the steps are taken back in reverse order, segment by segment. All directions share the steps and their
factors. The derivatives are those of the discrete solution with the step sizes held constant, as the portable tier's
(`solve/integrate/derivatives.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from stiffdsl.native.factors.lu import emit_assemble, emit_factor, emit_solve
from stiffdsl.native.factors.pivoted import emit_pivoted_factor, emit_pivoted_solve
from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.gradient import tape
from stiffdsl.native.gradient.adjoint import summed_parameters
from stiffdsl.native.gradient.backward import Backward, BackwardWide
from stiffdsl.native.gradient.driver import Driver
from stiffdsl.native.gradient.forward import Forward, ForwardWide
from stiffdsl.native.gradient.reset_sensitivity import emit_reset_back, emit_reset_forth
from stiffdsl.native.gradient.tape import Derived, DerivedFunctions
from stiffdsl.native.host.ffi import emit_handler
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.loop.signals import emit_inputs
from stiffdsl.native.loop.time_events import emit_next_time_event
from stiffdsl.native.step.attempt import KernelModel, emit_check, emit_general, is_small
from stiffdsl.native.step.branches import emit_kinks, emit_relations
from stiffdsl.native.step.euler import emit_euler
from stiffdsl.native.step.events import emit_event_functions
from stiffdsl.native.step.layout import GIVEN, OPERANDS, Areas
from stiffdsl.native.step.outside import emit_outside
from stiffdsl.native.step.reset import emit_reset
from stiffdsl.native.step.unrolled import emit_unrolled
from stiffdsl.program.derivatives.forward import directional
from stiffdsl.program.derivatives.reverse import pullback

# The operands that differ in the solve whose steps are followed, where there is one.
GUIDES = tuple(f"base_{name}" for name in ("options", "y0", "p", "u", "values"))
FORWARD = (("y0_dot", "p_dot", "u_dot", "values_dot"), ("y_dot", "ys_dot"))
BACKWARD = (("y_bar", "ys_bar"), ("y0_bar", "p_bar", "u_bar", "values_bar"))
Named = tuple[tuple[str, ...], tuple[str, ...]]


def emit_forward(model: KernelModel, width: int = 1, guided: bool = False) -> str:
    """The module whose handler moves directions on: `FORWARD` says what it takes beside `GIVEN`, and what it gives. A
    small model may be given a `width`: so many directions are then moved side by side. `guided` takes `GUIDES` too."""
    moving = ("y", "p", "u")
    # Figures of tables are held: the portable tier differentiates by them (`runtime/differentiable.py`).
    along = partial(directional, figures=False)
    derivatives = DerivedFunctions(
        along(model.rhs, model.tables, moving),
        along(model.jacobian, model.tables, moving),
        None if model.rhs_t is None else along(model.rhs_t, model.tables_t, (*moving, "u_t")),
        None if model.project is None else along(model.project, model.tables_project, moving),
        *_of_events(model, forward=True),
    )
    drive = Forward if width == 1 else partial(ForwardWide, width)
    return _emit(model, derivatives, named_operands(model, "forward"), drive, guided)


def emit_backward(model: KernelModel, width: int = 1, guided: bool = False) -> str:
    """The module whose handler takes cotangents back: `BACKWARD` says what it takes beside `GIVEN`, and gives. `width`
    and `guided` as in `emit_forward`."""
    back = partial(pullback, held=model.figures)
    wanted = (("y", model.n), ("p", model.parameters), ("u", model.inputs))
    derivatives = DerivedFunctions(
        back(model.rhs, model.tables, wanted),
        back(model.jacobian, model.tables, wanted),
        None if model.rhs_t is None else back(model.rhs_t, model.tables_t, (*wanted, ("u_t", model.inputs))),
        None if model.project is None else back(model.project, model.tables_project, wanted),
        *_of_events(model, forward=False),
    )
    drive = Backward if width == 1 else partial(BackwardWide, width)
    return _emit(model, derivatives, named_operands(model, "backward"), drive, guided)


def named_operands(model: KernelModel, kind: str) -> Named:
    """Operands of a kernel beside `GIVEN`, and its results; with events also of the time that the solve came to."""
    if kind == "forward":
        taken, given = FORWARD
        return taken, (*given, "t_dot") if model.events is not None else given
    taken, given = BACKWARD
    return (*taken, "t_bar") if model.events is not None else taken, given


def _of_events(model: KernelModel, forward: bool) -> tuple[Derived | None, ...]:
    """The derivatives of lines over time, of guards, of what events do, and of what constraints move behind them. Where
    the time of an instant moves by gradients, these are needed in either mode."""
    time_events, events = model.time_events, model.events
    lines = None
    if time_events is not None and forward and events is None:
        lines = directional(time_events.crossings, time_events.tables, ("p",), figures=False)
    elif time_events is not None:
        held = model.figures if events is not None else None
        lines = pullback(time_events.crossings, time_events.tables, [("p", model.given)], held)
    if events is None:
        return (lines,)
    wanted = (("t", 1), ("y", model.n), ("p", model.parameters), ("u", model.inputs))
    along = partial(directional, moving=("t", "y", "p", "u"), figures=False)
    back = partial(pullback, wanted=wanted, held=model.figures)
    guards, derived = back(events.guards, events.tables), along if forward else back
    behind = None if events.behind is None else derived(events.behind, events.tables_behind)
    return lines, guards, derived(events.reset, events.tables), behind


def _emit(
    model: KernelModel,
    derivatives: DerivedFunctions,
    named: Named,
    drive: Callable[[KernelModel, Areas, Areas, bool], Driver],
    guided: bool,
) -> str:
    module = IRModule(model.form)
    back = "p_bar" in named[1]
    scratch = [
        emit_function(module, model.rhs, model.tables),
        emit_function(module, model.jacobian, model.tables),
    ]
    if model.rhs_t is not None:
        scratch.append(emit_function(module, model.rhs_t, model.tables_t))
    if model.project is not None:
        scratch.append(emit_function(module, model.project, model.tables_project))
    for name, (function, tables) in derivatives.listed().items():
        # Functions of events have names like those of others.
        prefix = "event_" if name.startswith("event_") else ""
        summed = range(0) if prefix or name == "crossings" or not back else summed_parameters(model)
        scratch.append(emit_function(module, function, tables, prefix + function.name, summed))
    scratch.append(emit_event_functions(module, model))
    scratch.append(emit_outside(module, model.bounds))
    if model.inputs:
        emit_inputs(module)
    scratch.append(emit_relations(module, model))
    if model.lands:
        scratch.append(emit_next_time_event(module, model.time_events, model.inputs > 0))
    follows = derivatives.crossings is not None and model.events is None
    beside = model.time_events
    if follows and beside is not None:
        scratch.append(emit_function(module, beside.rhs, beside.tables, "rhs_beside"))
        if model.resets:
            scratch.append(emit_function(module, beside.jacobian, beside.tables, "jacobian_beside"))
    areas, record = tape.tape_areas(model, max(scratch), guided), tape.record_areas(model, guided)
    plan, small = model.plan, is_small(model)
    emit_assemble(module, plan)
    emit_pivoted_factor(module, plan)
    emit_pivoted_solve(module, plan)
    if small:
        emit_unrolled(module, model, areas, keep_factors=True)
    else:
        emit_factor(module, plan)
        emit_solve(module, plan)
        emit_check(module, plan)
    emit_general(module, model, areas, planned=not small)
    emit_euler(module, model, areas, planned=not small)
    emit_kinks(module, model, areas, for_slopes=True)
    tape.emit_recording(module, model, areas, record, small, guided)
    if model.resets and follows:
        emit_reset(module, model, areas, planned=not small, beside=True)
    guides = GUIDES if guided else ()
    operands = (*OPERANDS, *named[0], *named[1], *guides)
    driver = drive(model, areas, record, small)
    driver.follows = follows
    driver.lined, driver.guarded = derivatives.crossings is not None, derivatives.event_guards is not None
    driver.emit_step(module, derivatives)
    if model.resets and "y_dot" in named[1]:
        emit_reset_forth(module, model, derivatives, areas)
    elif model.resets:
        emit_reset_back(module, model, derivatives, areas, planned=not small)
    with _lanes(module, areas, operands) as code:
        driver.open(code, operands)
        if guided:
            driver.lead(guides)
        driver.write()
        driver.close()
    emit_handler(module, "lanes", (*GIVEN, *guides, *named[0]), named[1], operands)
    return module.text()


@contextmanager
def _lanes(module: IRModule, areas: Areas, operands: tuple[str, ...]) -> Iterator[Code]:
    """`lanes(operands, strides, count)`, which calls what is written into `lane(operands, work)` for every lane."""
    module.declare("declare noalias ptr @malloc(i64)")
    module.declare("declare void @free(ptr)")
    lane = Code(module, "lane", [("ptr", "operands"), ("ptr", "work")], attributes="noinline")
    yield lane
    lane.put("ret void")
    lane.finish()
    parameters = [("ptr", "operands"), ("ptr", "strides"), ("i64", "count")]
    code = Code(module, "lanes", parameters, linkage="dso_local")
    work = code.call("malloc", f"i64 {8 * areas.size + 64}", result="noalias ptr")
    local = code.variable(f"[{len(operands)} x ptr]")
    with code.loop("%count") as lane_number:
        for k in range(len(operands)):
            stride = code.load("%strides", k, "i64")
            pointer = code.at(code.load("%operands", k, "ptr"), code.integer("mul", lane_number, stride))
            code.store(pointer, local, k, "ptr")
        code.call("lane", f"ptr {local}", f"ptr {work}")
    code.call("free", f"ptr {work}")
    code.put("ret void")
    code.finish()
