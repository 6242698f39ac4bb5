"""A whole solve in one function: the loop of `solve/integrate/loop.py` around the attempts of `attempt.py`.

The loop, the choice of the first step, the step sizes and the saving are those of the portable tier, with the same
constants; `tests/native` holds both to the same steps. A solve can stop after a number of attempts, or when the
buffer for accepted steps is full, and go on later from its state.
"""

from collections.abc import Callable

from stiffdsl.native.factors.lu import emit_assemble, emit_factor, emit_solve
from stiffdsl.native.factors.pivoted import emit_pivoted_factor, emit_pivoted_solve
from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.functions.hoist import prepared
from stiffdsl.native.host.ffi import ARGUMENTS, RESULTS, emit_handler
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.loop.integration import Integration
from stiffdsl.native.loop.signals import emit_inputs
from stiffdsl.native.loop.time_events import emit_next_time_event
from stiffdsl.native.step.attempt import (
    PARAMETERS,
    KernelModel,
    emit_check,
    emit_general,
    is_small,
    work_areas,
)
from stiffdsl.native.step.branches import emit_kinks, emit_relations
from stiffdsl.native.step.euler import emit_euler
from stiffdsl.native.step.events import emit_event_functions, emit_events
from stiffdsl.native.step.explicit import emit_explicit
from stiffdsl.native.step.held_branches import emit_held_kinks
from stiffdsl.native.step.layout import OPERANDS, Areas
from stiffdsl.native.step.outside import emit_outside
from stiffdsl.native.step.reset import emit_reset
from stiffdsl.native.step.simd_lanes import emit_wide_lanes
from stiffdsl.native.step.unrolled import emit_unrolled


def emit(model: KernelModel, width: int = 1) -> str:
    """The module: `lanes(operands, strides, count)`, the handler for XLA, and everything that they call. A small
    model may be given a `width`: so many lanes are then stepped side by side."""
    small = is_small(model)
    model = prepared(model)
    explicit = model.explicit is not None
    module = IRModule(model.form)
    scratch = [emit_function(module, model.rhs, model.tables, "rhs")]
    if not explicit:
        scratch.append(emit_function(module, model.jacobian, model.tables, "jacobian"))
    if model.rhs_t is not None and not explicit:
        scratch.append(emit_function(module, model.rhs_t, model.tables_t, "rhs_t"))
    if model.project is not None:
        scratch.append(emit_function(module, model.project, model.tables_project))
    if model.inputs:
        emit_inputs(module)
    if model.prepare is not None:
        scratch.append(emit_function(module, model.prepare, model.tables))
    scratch.append(emit_relations(module, model))
    scratch.append(emit_event_functions(module, model))
    scratch.append(emit_outside(module, model.bounds))
    if model.lands:
        scratch.append(emit_next_time_event(module, model.time_events, model.inputs > 0))
    areas = work_areas(model, max(scratch))
    if explicit:
        emit_explicit(module, model, areas)
    else:
        _emit_rosenbrock(module, model, areas, small)
    emit_events(module, model, areas)
    emit_depart(module, model, areas, planned=not small)
    _emit_solve(module, model, areas, small)
    if width > 1:
        assert small, "only steps without loops are written for several lanes"
        _emit_lanes(module, areas, "lanes_alone", "internal")
        emit_wide_lanes(module, model, areas, width)
    else:
        _emit_lanes(module, areas, "lanes", "dso_local")
    emit_handler(module, "lanes", ARGUMENTS, RESULTS, OPERANDS)
    return module.text()


def _emit_rosenbrock(module: IRModule, model: KernelModel, areas: Areas, small: bool) -> None:
    """The step of a Rosenbrock method, what it solves with, and where it looks for kinks."""
    emit_assemble(module, model.plan)
    emit_pivoted_factor(module, model.plan)
    emit_pivoted_solve(module, model.plan)
    if small:
        emit_unrolled(module, model, areas)
    else:
        emit_factor(module, model.plan)
        emit_solve(module, model.plan)
        emit_check(module, model.plan)
    emit_general(module, model, areas, planned=not small)
    emit_euler(module, model, areas, planned=not small)
    if model.holds_conditions:
        emit_held_kinks(module, model, areas, planned=not small)
    else:
        emit_kinks(module, model, areas)


def emit_depart(
    module: IRModule,
    model: KernelModel,
    areas: Areas,
    planned: bool,
    solver: Callable[[Code], Integration] | None = None,
) -> None:
    """`depart(operands, work)`, where something may jump or happen: from the state on, without memory, up to the next
    jump. `solver` writes it."""
    if not model.starts_anew:
        return
    if model.resets:
        emit_reset(module, model, areas, planned)
    code = Code(module, "depart", [("ptr", "operands"), ("ptr", "work")], attributes="noinline")
    solve = Integration(code, model, areas) if solver is None else solver(code)
    solve.open()
    solve.depart()
    solve.close()
    code.put("ret void")
    code.finish()


def _emit_solve(module: IRModule, model: KernelModel, areas: Areas, small: bool) -> None:
    """`solve_lane(operands, work, only_begin)`: from the state, or from the start, as far as the options say."""
    parameters = [("ptr", "operands"), ("ptr", "work"), ("i1", "only_begin")]
    code = Code(module, "solve_lane", parameters, attributes="noinline")
    solve = Integration(code, model, areas)
    solve.open()
    solve.clear()
    solve.forget_events()
    solve.forget_slope()
    with code.when(code.apply("eq", solve.option("resume"), solve.number(0))):
        solve.begin()
    solve.set("recorded", solve.number(0))
    go = code.value("xor i1 %only_begin, true")
    with code.when(code.apply("and", go, solve.running())):
        _emit_steps(solve, small)
    solve.close()
    code.put("ret void")
    code.finish()


def _emit_steps(solve: Integration, small: bool) -> None:
    code, number = solve.code, solve.number
    attempts, capacity = code.variable("double", number(0)), solve.option("capacity")
    with code.forever() as stepping:
        code.leave(stepping, solve.limit())
        code.leave(stepping, code.apply("ge", code.load(attempts), solve.option("attempts")))
        # A jump of algebraic unknowns is a row of its own.
        most = code.apply("sub", capacity, number(1)) if solve.model.leaps else capacity
        full = code.apply("ge", solve.get("recorded"), most)
        code.leave(stepping, code.apply("and", code.apply("gt", capacity, number(0)), full))
        solve.recall_slope()
        t, h, last, end = solve.aim()
        solve.settle(t, h, last, end, attempted(solve, t, h, small))
        code.store(code.apply("add", code.load(attempts), number(1)), attempts)
        code.leave(stepping, code.apply("not", solve.running()))


def attempted(solve: Integration, t: str, h: str, small: bool) -> str:
    """The error of a try, with planned pivots where they serve, or by another method where none do."""
    code = solve.code
    values = (t, h, solve.option("rtol"), solve.pointers["atol"], solve.y, solve.p)
    values += ("%operands", "%work", solve.scaled)
    listed = [f"{kind} {value}" for (kind, _), value in zip(PARAMETERS, values, strict=True)]
    if solve.model.explicit is not None:
        return code.call("attempt", *listed, result="double")
    result = code.variable("double")
    if not solve.model.holds_conditions or solve.follows_slopes:
        _attempt(solve, listed, result, small, held=False)
    else:
        with code.choice(solve.holds()) as (yes, no):
            with yes, solve.held():
                _attempt(solve, listed, result, small, held=True)
            with no:
                _attempt(solve, listed, result, small, held=False)
    with code.when(solve.troubled(code.load(result))):
        solve.otherwise(listed, result)
    return code.load(result)


def _attempt(solve: Integration, listed: list[str], result: str, small: bool, held: bool) -> None:
    """The error of a try by planned pivots, or by those that come, into the variable `result`; with conditions `held`
    or not."""
    code = solve.code
    if small:
        name = "attempt_held" if held else "attempt"
        code.store(code.call(name, *listed, result="double"), result)
        return
    with code.choice(code.apply("gt", solve.get("unplanned"), solve.number(0))) as (yes, no):
        with yes:
            solve.unplanned(listed, result)
        with no:
            error = code.call(solve.attempt, *listed, "i1 false", result="double")
            code.store(error, result)
            bad = code.apply("eq", error, solve.number(-1))
            with code.when(bad):
                solve.pivoted(listed, result)
            solve.lengthen(bad, code.load(result))


def _emit_lanes(module: IRModule, areas: Areas, name: str, linkage: str) -> None:
    """`name(operands, strides, count)`: one solve after another; strides are in doubles."""
    module.declare("declare noalias ptr @malloc(i64)")
    module.declare("declare void @free(ptr)")
    code = Code(module, name, [("ptr", "operands"), ("ptr", "strides"), ("i64", "count")], linkage=linkage)
    work = code.call("malloc", f"i64 {8 * areas.size + 64}", result="noalias ptr")
    local = code.variable(f"[{len(OPERANDS)} x ptr]")
    with code.loop("%count") as lane:
        for k in range(len(OPERANDS)):
            stride = code.load("%strides", k, "i64")
            pointer = code.at(code.load("%operands", k, "ptr"), code.integer("mul", lane, stride))
            code.store(pointer, local, k, "ptr")
        code.call("solve_lane", f"ptr {local}", f"ptr {work}", "i1 false")
    code.call("free", f"ptr {work}")
    code.put("ret void")
    code.finish()
