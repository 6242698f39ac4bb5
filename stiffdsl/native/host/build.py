"""`build`: a program as a `NativeSolver`, where its size allows it."""

import hashlib
from dataclasses import replace

import numpy as np

from stiffdsl.native.factors import lu
from stiffdsl.native.gradient.rules import LinearKernels
from stiffdsl.native.host import engine
from stiffdsl.native.host.digest import digest_of_record, sources
from stiffdsl.native.host.solver import NativeSolver, SimdKernel
from stiffdsl.native.ir.form import CALL_SIZES, FORM, CallSizes, Form
from stiffdsl.native.loop import kernel
from stiffdsl.native.loop.time_events import time_events_of
from stiffdsl.native.step.attempt import KernelModel, is_small
from stiffdsl.native.step.event_functions import events_of
from stiffdsl.native.step.explicit import explicit_limits
from stiffdsl.native.step.outside import bounds_of
from stiffdsl.native.step.projection import projection_behind, projection_of
from stiffdsl.native.step.relations import Kinks
from stiffdsl.program import typical_values
from stiffdsl.program.derivatives.forward import time_derivative
from stiffdsl.program.program import Program
from stiffdsl.program.time.forcing import forcing
from stiffdsl.program.time.segments import in_segments
from stiffdsl.solve.methods.explicit_tableau import TSIT5, VERN7
from stiffdsl.solve.methods.tableau import RODAS5P, Tableau

TABLEAUS = {"rodas5p": RODAS5P}
EXPLICIT = {"tsit5": TSIT5, "vern7": VERN7}
# Beyond these a factorization in every step takes longer than other ways: unknowns, for each of which something is done
# in every stage, and multiplications of the factors; operations of the program, each of which LLVM compiles.
UNKNOWNS, MULTIPLICATIONS, OPERATIONS = 10_000, 2_000_000, 30_000


def build(
    program: Program,
    method: str = "rodas5p",
    start: np.ndarray | None = None,
    form: Form = FORM,
    sizes: CallSizes = CALL_SIZES,
) -> NativeSolver | str:
    """The kernel for a model and a method, or why there is none. `start`: a consistent state for the default
    parameters, where it is known."""
    explicit = EXPLICIT.get(method)
    if explicit is None and method not in TABLEAUS:
        return f"there are kernels for {', '.join((*TABLEAUS, *EXPLICIT))}, not for {method}"
    if not engine.available():
        return "LLVM is not installed, or does not know this processor"
    model = kernel_model(program, TABLEAUS.get(method, RODAS5P), start, form)
    if isinstance(model, str):
        return model
    if explicit is not None:
        model = replace(model, explicit=explicit)
        reason = explicit_limits(model)
        if reason is not None:
            return reason
    key = key_of(model)
    library = engine.load(key, lambda: kernel.emit(model))
    shape = model.n, model.given, model.inputs, len(model.steps.H)
    if explicit is not None:
        return NativeSolver(library, key, None, None, *shape, model.events is not None, sizes)
    simd = None
    if is_small(model) and model.project is None and model.events is None:
        width = engine.vector_width(model.n)
        simd = SimdKernel(f"{key}.{width}", width, lambda: kernel.emit(model, width), sizes.side_by_side)
    linear = LinearKernels(key, model, sizes)
    return NativeSolver(library, key, simd, linear, *shape, model.events is not None, sizes)


def static_plan(program: Program, start: np.ndarray | None = None, form: Form = FORM) -> lu.Plan | str:
    """The plan of the factors of `alpha M - J`, or why there is none. `start`: a consistent state for the default
    parameters, where it is known."""
    if not program.size:
        return "there is no unknown to step"
    if program.size > UNKNOWNS:
        return f"{program.size:,} unknowns are more than the {UNKNOWNS:,} that a kernel steps"
    sample, alphas = None, []
    if not np.all(program.mass):
        sample = typical_values.jacobian(program, start)
        alphas = typical_values.alphas(program, sample)
    found = lu.plan(program.rows, program.columns, program.mass, sample, MULTIPLICATIONS, alphas, form)
    if found is not None:
        return found
    return f"factors of the Jacobian fill: they take more than {MULTIPLICATIONS:,} multiplications, or no pivots exist"


def kernel_model(
    program: Program, tableau: Tableau, start: np.ndarray | None = None, form: Form = FORM
) -> KernelModel | str:
    """The passes from a program to what a kernel is written from, in order; or why there is no kernel."""
    plan, time_events = static_plan(program, start, form), time_events_of(program)
    if isinstance(plan, str):
        return plan
    curved = program.curved
    parameters, forced = sum(b.size for b in program.system.flat.parameters), forcing(program) is not None
    bounds = bounds_of(program)
    sides = 0 if time_events is None else time_events.sides
    program = in_segments(program, parameters, sides)
    project = projection_of(program) if len(program.invariant_rows) else None
    if project is None and len(program.invariant_rows):
        return f"{len(program.invariant_rows)} invariants are too many to return to after every step"
    rhs = program.by_name["rhs"]
    operations = len(rhs.ops) + len(program.by_name["jacobian"].ops)
    if operations > OPERATIONS:
        return f"equations are {operations:,} operations of different shapes: LLVM takes long for over {OPERATIONS:,}"
    in_time = time_derivative(rhs, program.tables)
    return KernelModel(
        rhs,
        program.by_name["jacobian"],
        None if in_time is None else in_time[0],
        program.tables,
        {} if in_time is None else in_time[1],
        program.mass,
        program.counted,
        plan,
        tableau,
        sum(b.size for b in program.system.flat.inputs),
        parameters + sides,
        project=None if project is None else project[0],
        tables_project={} if project is None else project[1],
        time_events=time_events,
        kinks=kinks_of(program),
        curved=curved,
        forced=forced,
        events=events_of(program, projection_behind(program) if len(program.invariant_rows) else None),
        bounds=bounds,
        figures=figures(program),
    )


def figures(program: Program) -> range:
    """The parameters that hold the figures of tables."""
    tables = program.system.flat.tables
    if not tables:
        return range(0)
    last = tables[-1].blocks[-1]
    return range(tables[0].knots[0].offset, last.offset + last.size)


def kinks_of(program: Program) -> Kinks | None:
    """The conditions that may change inside of steps, if any does that states follow."""
    if not len(program.relation_rises) or not np.any(program.mass):
        return None
    relations, held = program.by_name["relations"], program.by_name["held"]
    return Kinks(relations, held, program.tables, program.relation_rises, program.holds_conditions)


# Derivatives of functions that the key has already: `Class.field`.
DERIVED = frozenset({"KernelModel.rhs_t", "TimeEvents.jacobian"})


def key_of(model: KernelModel) -> str:
    """A digest of everything that the machine code depends on, this package included."""
    return hashlib.sha256(sources() + digest_of_record(model, DERIVED)).hexdigest()
