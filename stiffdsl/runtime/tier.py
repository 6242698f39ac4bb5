"""Choice of the tier: one LLVM kernel for a whole solve of a small model on a CPU, or the loop in JAX.

Both take the same steps. The kernel serves constant inputs and tables over time. For inputs that are functions of time,
other methods and large models the loop in JAX calls kernels for the equations, their Jacobian and the factors
(`kernel_system.py`), or XLA compiles all of it: the portable tier. A solve that fails by kernels is repeated by that
tier, which looks for other pivots and names what was involved, and for the mode of events that rounding decides; not
where only the steps did not suffice. Derivatives
are those of the same steps in both (`differentiable.py`).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from stiffdsl.runtime import kernel_system
from stiffdsl.runtime.backend import backend
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.delayed.delays import METHOD, has_delays
from stiffdsl.runtime.delayed.pure_delayed import pure_delayed
from stiffdsl.runtime.differentiable import StepLimits, differentiable, signal_tables
from stiffdsl.runtime.driving.inputs import Signal
from stiffdsl.runtime.explicit_choice import IN_A_ROW, explicit_method
from stiffdsl.runtime.initialization.initial_state import anchor
from stiffdsl.runtime.mild import is_mild
from stiffdsl.runtime.run.stop_reason import sliding
from stiffdsl.runtime.system import Args, ModelSystem
from stiffdsl.runtime.tolerance import relative
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import BY_EVENTS, Status
from stiffdsl.solve.integrate.degenerate_instants import looks_ahead
from stiffdsl.solve.integrate.loop import Counts
from stiffdsl.solve.integrate.record import Trajectory, record
from stiffdsl.solve.integrate.solver import Result, make_solve

# The choice of `auto` wherever there is a kernel for it.
KERNEL = "rodas5p"
# More points in tables than this speak for it where there is none, too, up to so many unknowns.
MANY_POINTS, FACTORED = 100, 20_000
# Ends of an explicit solve that `auto` takes for the run's; others are looked at by the method for stiff models.
# And ends of a solve that would be the same in the portable tier.
BY_EXPLICIT = Status.SUCCESS, Status.INTERRUPTED, Status.OUTSIDE, Status.STOPPED, Status.VIOLATED
CERTAIN = Status.SUCCESS, Status.INTERRUPTED, Status.MAX_STEPS, Status.OUTSIDE, *BY_EVENTS


def kernel(model: CompiledProgram, method: str, signals: tuple[Signal, ...] = ()) -> Any:
    """The native solver for a method and signals of that kind, or None. It is built when first asked for."""
    found = backend().solver(model, method, signals)
    return None if isinstance(found, str) else found


def why_not(model: CompiledProgram, method: str, signals: tuple[Signal, ...] = ()) -> str | None:
    """The reason why there is no kernel; None where there is one."""
    found = backend().solver(model, method, signals)
    return found if isinstance(found, str) else None


def beginning(model: CompiledProgram, driven: bool) -> ModelSystem:
    """The system whose start is looked for in JAX."""
    return ModelSystem(model.program, backend().functions(model), lambda: model.system(driven).names, driven)


def chosen(model: CompiledProgram, options: Options, signals: tuple[Signal, ...] = ()) -> str:
    """The method: as named, and where it is `auto`, the kernel's beyond the sizes at which JAX would step by it.

    In the kernel a Rosenbrock method with a factorization in every step is as fast as BDF in JAX up to some thousand
    unknowns, and ready ten times sooner. So it is where inputs bend and jump often: BDF climbs from order one behind
    each of these times.
    """
    portable = options.chosen(model.program.size)
    if has_delays(model):
        return METHOD if options.method == "auto" else options.method
    if options.method != "auto" or options.linear != "auto" or portable == KERNEL:
        return portable
    if points_of(signals) > MANY_POINTS and model.program.size <= FACTORED:
        return KERNEL
    return portable if kernel(model, KERNEL, signals) is None else KERNEL


def settled(
    model: CompiledProgram, options: Options, args: Args, start: float, end: float, y0: np.ndarray
) -> Options:
    """The options of one solve whose beginning is known: `auto` takes explicit steps where these cost least."""
    if options.method != "auto" or options.linear != "auto":
        return options
    if chosen(model, options, args.inputs.signals) != "fbdf" or not backend().quick_choices:
        return options
    if not is_mild(model, args, start, end, y0):
        return options
    return replace(options, method="switching")


def expected(
    model: CompiledProgram, options: Options, signals: tuple[Signal, ...], start: float, end: float
) -> Options:
    """The options of solves that differ in what they begin with: as `settled`, by the declared values. Solves that turn
    out stiffer go over to implicit steps on their way."""
    if options.method != "auto" or signals or chosen(model, options, signals) != "fbdf":
        return options
    begun = anchor(model)
    return options if begun is None else settled(model, options, begun.args, start, end, begun.y)


def name(model: CompiledProgram, method: str) -> str:
    """`native` or `portable`: what a run with constant inputs uses."""
    by_kernels = kernel(model, method) is not None or isinstance(
        backend().stepped(model, False), kernel_system.KernelSystem
    )
    return "native" if by_kernels else "portable"


def about(model: CompiledProgram, options: Options, signals: tuple[Signal, ...]) -> dict[str, str]:
    """The method that a run takes, and why no kernel serves where it could have one."""
    method = chosen(model, options, signals)
    facts = {"method": method}
    if method == KERNEL or options.method == "auto":
        reason = why_not(model, KERNEL, signals)
        if options.linear != "auto":
            reason = f"kernels have factors of their own, not `linear={options.linear}`"
        if reason is not None:
            facts["no_kernel"] = reason
    return facts


def expect(model: CompiledProgram, method: str, count: int) -> bool:
    """Tells the kernel how many lanes will come: many are worth compiling it for vectors. Whether it will use them."""
    solver = kernel(model, method)
    return solver is not None and solver.expect(count)


def tolerances(model: CompiledProgram, options: Options, y0: np.ndarray) -> tuple[Any, Any]:
    """`rtol` and `atol` of a solve that begins at y0."""
    states = len(model.program.system.states)
    began = y0
    if states < len(y0):
        began = np.array(y0)
        began[states:] = 0.0
    atol = np.asarray(options.atol) if isinstance(options.atol, tuple) else options.atol
    rtol = options.rtol * relative(model)
    return rtol, model.program.absolute(rtol, atol, began)


def trajectory(
    model: CompiledProgram,
    options: Options,
    start: float,
    end: float,
    y0: np.ndarray,
    args: Args,
    times: np.ndarray | None,
    progress: Callable[[float], None] | None,
    tolerated: tuple[Any, Any],
    instants: bool = False,
    later: bool = False,
) -> tuple[Trajectory, str]:
    """One recorded solve, and the tier that did it; `tolerated` is what `tolerances` gives. Where values are saved at
    `times`, steps are kept with `instants` alone, and those about these; a kernel keeps none where these may be asked
    for `later`, and the run comes to its end."""
    system = model.system(driven=bool(args.inputs.signals))
    method = chosen(model, options, args.inputs.signals)
    limits = {
        "rtol": tolerated[0],
        "atol": tolerated[1],
        "max_steps": options.max_steps,
        "first_step": options.first_step,
        "max_step": options.max_step,
        "progress": progress,
        "slides": sliding(model, args),
    }
    linear, undecided = options.linear, False
    kept = instants and not later, instants
    explicit = explicit_method(model, options, args.inputs.signals, start, end)
    solver = None if explicit is None else kernel(model, explicit)
    if solver is not None:
        p, u = np.asarray(args.p), np.asarray(args.inputs.constant)
        tables = signal_tables(args, np)
        found = _recorded(solver, start, end, y0, p, u, tables, times, limits, kept, IN_A_ROW)
        if found is not None and found.status in BY_EXPLICIT:
            found.stats["method"] = explicit
            return found, "native"
    solver = kernel(model, method, args.inputs.signals) if linear == "auto" else None
    if solver is not None:
        p, u = np.asarray(args.p), np.asarray(args.inputs.constant)
        found = _recorded(solver, start, end, y0, p, u, signal_tables(args, np), times, limits, kept)
        # Kernels do not look ahead where rounding decides.
        undecided = found is not None and found.status == Status.ENDLESS and looks_ahead(system)
        if found is not None and not undecided:
            return found, "native"
    if solver is None or undecided:
        stepping = backend().stepped(model, bool(args.inputs.signals))
        if isinstance(stepping, kernel_system.KernelSystem):
            extended = stepping.extended(args)
            found = record(
                stepping, method, start, end, y0, extended, times, **limits, linear=linear, instants=instants
            )
            if found.status in CERTAIN:
                return found, "native"
    found = record(system, method, start, end, y0, args, times, **limits, linear=linear, instants=instants)
    return found, "portable"


def _recorded(
    solver: Any, start, end, y0, p, u, tables, times, limits, kept: tuple[bool, bool], stiff: float = math.inf
) -> Trajectory | None:
    """`kept`: whether steps about instants are kept in any case, and where the run does not come to its end."""
    saved, arrived, t, K = None, None, times, None
    y = np.zeros(0)
    if times is not None and not kept[0]:
        arrived = solver.solve(start, end, y0, p, u, tables, times, **limits, stiff=stiff)
        y = arrived.ys
        if kept[1] and int(arrived.status) not in (Status.SUCCESS, Status.INTERRUPTED, Status.STIFF):
            arrived = None
    if arrived is None:
        saving = () if times is None else times
        steps = solver.record(start, end, y0, p, u, tables, saving, **limits, stiff=stiff)
        saved = None if times is None else steps.arrived.ys
        arrived, t, y, K = steps.arrived, steps.t, steps.y, steps.K
    status = Status(int(arrived.status))
    # What an event sets does not depend on pivots.
    if status not in CERTAIN and not (solver.eventful and status == Status.JUMP):
        return None
    stats = dict(zip(Counts._fields, arrived.counts.tolist(), strict=True))
    if arrived.pivoted:
        stats["repivoted"] = int(arrived.pivoted)
    return Trajectory(t, y, status, arrived.culprits, stats, K, saved)


def pure_solve(
    model: CompiledProgram,
    method: str,
    options: Options,
    signals: tuple[Signal, ...],
    slots: int | None = None,
    accounts: bool = False,
) -> tuple[Callable[..., Result], bool]:
    """`solve(t0, t1, y0, args, saveat, rtol, atol) -> Result` for `jit`, `vmap`, `grad`, `jvp`, with inputs driven by
    signals of that kind; and whether `vmap` lets every lane step on its own, as kernels do, and lanes that share
    `slots` (`make_solve`). With `accounts` it is the portable tier's, with the sums of `accounting.py`."""
    if has_delays(model):
        return pure_delayed(model, method, options, signals, accounts), False
    most, linear = options.limit(points_of(signals)), options.linear
    steps = {"first_step": options.first_step, "max_step": options.max_step}

    def portable_of(system: ModelSystem) -> Callable[..., Result]:
        return partial(make_solve(system, method, most, linear, slots, accounts), **steps)

    if accounts:
        return portable_of(model.system(bool(signals))), False
    if slots is not None:
        return portable_of(model.system(bool(signals))), True
    solver = kernel(model, method, signals) if linear == "auto" else None
    stepping = backend().stepped(model, bool(signals))
    if solver is None and isinstance(stepping, kernel_system.KernelSystem):
        by_kernels = portable_of(stepping)

        def solve(t0, t1, y0, args: Args, saveat, rtol, atol) -> Result:
            return by_kernels(t0, t1, y0, stepping.extended(args), saveat, rtol, atol)

        return solve, False
    portable = portable_of(model.system(bool(signals)))
    if solver is None:
        return portable, False
    return differentiable(solver, portable, StepLimits(most, options.first_step, options.max_step)), True


def points_of(signals: tuple[Signal, ...]) -> int:
    """The number of times at which tables may bend or jump."""
    clocks = {s.clock: s.times.shape[0] for s in signals if s.times is not None}
    return sum(clocks.values())
