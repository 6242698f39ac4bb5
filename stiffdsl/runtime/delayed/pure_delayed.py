"""Solves of models with `delay` as pure functions of JAX, for `jit`, `vmap`, `grad`, `jacfwd`.

A method remembers, beside its own memory, what is delayed over the steps that it has made: a polynomial in each, which
follows the dense output. No step is longer than the least lag, so that all it looks back at is known; and steps end at
sums of lags, where kinks come round. Derivatives are those of these steps with the steps held constant: the delayed
values move with the states and with the lags, which is the variational equation

    w' = f_x w + f_d (w(t - tau) - x'(t - tau) dtau) + f_p dp

of Bellman and Cooke. No kink leaps in it, since x is continuous at its beginning: it needs steps that see one side of
every kink, and they look at the side that they lie on (`Past.recalled`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.program.interpret import values_at
from stiffdsl.program.outputs import with_outputs
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.delayed.delays import LONG_AGO, SAME, SMOOTH, Found, History, numbers_of, refuse_events
from stiffdsl.runtime.driving.inputs import Inputs, Signal
from stiffdsl.runtime.output_slice import direct_entries, output_values, reads_inputs
from stiffdsl.runtime.system import Args
from stiffdsl.solve.base.dense_output import interpolate
from stiffdsl.solve.base.method import Attempt, Method, Tolerance, opened, renewed
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.knots import Knots, together
from stiffdsl.solve.integrate.solver import Result, make_solve

# Steps that are remembered, at most and at least, and the numbers that these may be.
MOST_STEPS, LEAST_STEPS, NUMBERS = 1024, 256, 1 << 15
# So many different lags are followed to their sums, and so many sums; error control meets the other kinks.
DISTINCT, MOST_SUMS = 6, 500
# A step is longer than was proposed by less than this.
STRETCH = 1.02
# A step looks at the side of a kink on which all but this share of it lies.
EDGE, ROUNDINGS = 1e-6, 1e-15
# Rounds in which values at the beginning are found, of which delayed ones are a part; and their relative change.
ROUNDS, STILL = 50, 1e-12
# Outputs that are computed from more delayed values would need too many times of the states.
MOST_READ = 64
# Points at which it is tried what depends on what.
PROBES = 4


class Remembered(NamedTuple):
    """The memory of a method that looks back: its own, and the last steps (`History`) with what was before."""

    own: Any
    begins: Any  # (c,)
    widths: Any  # (c,)
    powers: Any  # (c, q, d)


class Tried(NamedTuple):
    """The memory of an attempt: the method's own, the memory before it, and its polynomial."""

    own: Any
    before: Remembered
    powers: Any  # (q, d)


class Past:
    """Delayed values of a model: their sources, lags and hidden inputs, one by one."""

    def __init__(self, model: CompiledProgram):
        self.model = model
        self.index, self.sources, self.lags = numbers_of(model)

    def lags_of(self, args: Args) -> Any:
        return args.p[self.lags]

    def now(self, t: Any, y: Any, args: Args) -> Any:
        """The undelayed values of what is delayed."""
        direct = direct_entries(self.model, self.sources)
        if direct is not None:
            place, sign = direct
            return y[place] * sign
        return output_values(self.model, self.sources)(t, y, args.p, args.inputs(t))

    def recalled(self, memory: Remembered, args: Args, t: Any, h: Any) -> Args:
        """The arguments of a step from t with what is delayed, on the sides of kinks that the step lies on."""
        lags = self.lags_of(args)
        t, h, back, begins = map(lax.stop_gradient, (t, h, lags, memory.begins))
        edge = EDGE * jnp.abs(h) + ROUNDINGS * jnp.abs(t)
        first = _step_at(begins, t - back + edge)
        last = jnp.maximum(first, _step_at(begins, t + h - back - edge))
        seen = History(
            tuple(self.index.tolist()), memory.begins, memory.widths, memory.powers, lags, first, last
        )
        signals: Any = (*args.inputs.signals, seen)
        return args._replace(inputs=Inputs(args.inputs.constant, signals))


class LookingBack:
    """A method that remembers its steps: its arguments hold what is delayed (`recalled`)."""

    def __init__(self, past: Past, method: Method):
        self.past, self.method = past, method
        self.name, self.order, self.rows = method.name, method.order, method.rows
        self.rough_rows = getattr(method, "rough_rows", 0)
        self.nodes = np.arange(self.rows + 2) / (self.rows + 1)
        self.to_powers = np.linalg.inv(np.vander(self.nodes, increasing=True))

    def start(self, t, y, h, args: Args, tolerance: Tolerance) -> Remembered:
        count, size = len(self.nodes), len(self.past.index)
        steps = int(np.clip(NUMBERS // (count * size), LEAST_STEPS, MOST_STEPS))
        # Before the run, values are those of its start.
        powers = jnp.zeros((steps, count, size)).at[:, 0].set(args.inputs.constant[self.past.index])
        long_ago = jnp.full(steps, LONG_AGO)
        return Remembered(self.method.start(t, y, h, args, tolerance), long_ago, jnp.ones(steps), powers)

    def recalled(self, memory: Remembered, args: Args, t, h) -> Args:
        return self.past.recalled(memory, args, t, h)

    def attempt(self, memory: Remembered, t, y, h, args: Args, tolerance: Tolerance) -> Attempt:
        attempt = self.method.attempt(memory.own, t, y, h, args, tolerance)
        lost = lax.stop_gradient(jnp.any(t - self.past.lags_of(args) < memory.begins[0]))

        def at(part):
            return self.past.now(t + part * h, interpolate(y, attempt.y, attempt.K, part), args)

        powers = jnp.asarray(self.to_powers) @ jax.vmap(at)(jnp.asarray(self.nodes))
        return attempt._replace(
            error=jnp.where(lost, jnp.nan, attempt.error),
            status=jnp.where(lost, Status.FORGOTTEN, attempt.status).astype(jnp.int32),
            memory=Tried(attempt.memory, memory, powers),
        )

    def advance(self, attempt: Attempt, accept, t, y, h, previous_error, rejections, cut: Any = 1.0):
        tried: Tried = attempt.memory
        own = attempt._replace(memory=tried.own)
        own, factor = self.method.advance(own, accept, t, y, h, previous_error, rejections, cut)
        kept = accept & (h != 0)

        def with_this(before, new):
            return jnp.where(kept, jnp.concatenate([before[1:], new[None]]), before)

        _, begins, widths, powers = tried.before
        begins, widths = with_this(begins, t), with_this(widths, h)
        return Remembered(own, begins, widths, with_this(powers, tried.powers)), factor

    def opened(self, memory: Remembered) -> Remembered:
        return memory._replace(own=opened(self.method, memory.own))

    def renewed(self, memory: Remembered) -> Remembered:
        return memory._replace(own=renewed(self.method, memory.own))


def pure_delayed(
    model: CompiledProgram, method: str, options: Options, signals: tuple[Signal, ...], accounts: bool
) -> Callable[..., Result]:
    """`solve(t0, t1, y0, args, saveat, rtol, atol) -> Result` of a model that looks back. Raises `ValueError` beside
    events, and beside what jumps in time."""
    refuse_events(model)
    if len(model.program.crossings_periodic) or any(s.jumps is not None for s in signals):
        line = model.program.system.flat.delays[0].span.line
        raise ValueError(
            f"a pure function of a model with `delay` (line {line}) takes no jumps in time yet (conditions on `time`, "
            "tables with two values at one time): `model.simulate` and `model.ensemble` run it"
        )
    past = past_of(model)
    limit = options.limit(sum(s.times.shape[0] for s in signals if s.times is not None))
    wrap = partial(LookingBack, past)
    solve = make_solve(model.system(True), method, limit, options.linear, None, accounts, wrap)

    def solved(t0, t1, y0, args: Args, saveat, rtol, atol) -> Result:
        lags = lax.stop_gradient(past.lags_of(args))
        longest = jnp.minimum(options.max_step, jnp.min(lags) / STRETCH)
        knots = together([*([] if args.knots is None else [args.knots]), kinks(lags, lax.stop_gradient(t0))])
        # It looks back: it runs forward.
        y0 = jnp.where(t1 < t0, jnp.nan, y0)
        first = options.first_step
        return solve(t0, t1, y0, args._replace(knots=knots), saveat, rtol, atol, first, longest)

    return solved


@artifact
def past_of(model: CompiledProgram) -> Past:
    """The delayed values of a model."""
    return Past(model)


def kinks(lags: Any, start: Any) -> Knots:
    """Knots at the beginning plus sums of at most `SMOOTH` lags: what is delayed has kinks there."""
    count = min(lags.shape[0], DISTINCT)
    distinct = jnp.unique(lags, size=count, fill_value=jnp.inf)
    chosen: list[np.ndarray] = []
    for order in range(1, SMOOTH + 1):
        more = [np.bincount(c, minlength=count) for c in combinations_with_replacement(range(count), order)]
        if chosen and len(chosen) + len(more) > MOST_SUMS:
            break
        chosen += more
    parts = np.array(chosen)
    times = jnp.sort(start + jnp.sum(jnp.where(parts > 0, parts * distinct, 0.0), axis=1))
    apart = jnp.diff(times, prepend=-jnp.inf) > SAME * distinct[0]
    times = jnp.sort(jnp.where(apart, times, jnp.inf))
    return Knots(
        jnp.concatenate([jnp.full(1, -jnp.inf), times]), jnp.concatenate([times, jnp.full(1, jnp.inf)])
    )


def delayed_starts(model: CompiledProgram, starts: Callable[..., Any]) -> Callable[..., Any]:
    """The search for consistent values at the beginning, where what is delayed is what it is there."""
    past = past_of(model)

    def around(t, args: Args, initial):
        def tried(now, _):
            y, begun, found = starts(t, _with_delayed(past, args, now), initial)
            found = _with_delayed(past, found, now)
            new = past.now(t, y, found)
            still = jnp.all(jnp.abs(new - now) <= STILL * jnp.abs(new))
            return new, (y, begun & still, found)

        nothing = jnp.zeros(len(past.index))
        _, rounds = lax.scan(tried, nothing, None, length=ROUNDS)
        y, begun, found = jax.tree.map(lambda leaf: leaf[-1], rounds)
        lags = past.lags_of(args)
        begun &= jnp.all((lags > 0) & jnp.isfinite(lags))
        return y + jnp.where(begun, 0.0, jnp.nan), begun, found

    return around


def solved_at(
    model: CompiledProgram, solve: Callable[..., Result], start, end, y, args: Args, saveat, *tolerated
) -> tuple[Result, Args]:
    """A solve, and its arguments with what is delayed at the times of `saveat`: what the states were at those times
    less the lags."""
    past = past_of(model)
    earlier = saveat[None] - past.lags_of(args)[:, None]
    within = jnp.maximum(earlier, start)
    every = jnp.concatenate([saveat, within.ravel()])
    order = jnp.argsort(lax.stop_gradient(every))
    found = solve(start, end, y, args, every[order], *tolerated)
    ys = found.ys[jnp.argsort(order)]
    own, before = ys[: len(saveat)], ys[len(saveat) :].reshape(*within.shape, -1)
    # Delayed values of delayed values are not looked for: what would need them is no number.
    unknown = _with_delayed(past, args, jnp.full(len(past.index), jnp.nan))
    values = jax.vmap(jax.vmap(lambda t, y: past.now(t, y, unknown)))(within, before)
    values = jnp.einsum("jmj->mj", values)
    values = jnp.where((earlier > start).T, values, args.inputs.constant[past.index])
    nowhere = jnp.any(jnp.isnan(values), axis=1) & ~jnp.any(jnp.isnan(own), axis=1)
    status = jnp.where(jnp.any(nowhere), Status.NON_FINITE, found.status).astype(found.status.dtype)
    signals: Any = (
        *args.inputs.signals,
        Found(tuple(past.index.tolist()), lax.stop_gradient(saveat), values),
    )
    return found._replace(ys=own, status=status), args._replace(inputs=Inputs(args.inputs.constant, signals))


def reads_delayed(model: CompiledProgram, numbers: np.ndarray) -> bool:
    """Whether what is delayed must be known where the variables `numbers` are computed, or algebraic unknowns are once
    more. Raises `ValueError` where that is too much."""
    computed = direct_entries(model, numbers) is None and reads_inputs(model, numbers)
    if not (computed or model.program.kinked):
        return False
    past, line = past_of(model), model.program.system.flat.delays[0].span.line
    count = len(past.index)
    nested = numbers_from(model, past.sources, past.index)
    if numbers_from(model, numbers, past.index[nested]).any() or (nested.any() and model.program.kinked):
        raise ValueError(
            f"outputs would be computed from delayed values of delayed values (`delay`, line {line}): `model.simulate` "
            "does it, and a pure function gives states (`outputs=[…]`)"
        )
    if count > MOST_READ:
        raise ValueError(
            f"outputs would be computed from {count} delayed values (`delay`, line {line}): `model.simulate` does it, "
            "and a pure function gives states (`outputs=[…]`)"
        )
    return True


def numbers_from(model: CompiledProgram, numbers: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Mask of the variables `numbers` that are computed from these inputs: no number, where these are none."""
    program = with_outputs(model.program, numbers)
    p = np.asarray(model.default_parameters, dtype=float)
    found = np.zeros(len(numbers), dtype=bool)
    for seed in range(PROBES):
        some = np.random.default_rng(seed).uniform(0.5, 1.5, program.size + 1)
        u = np.full(sum(b.size for b in program.system.flat.inputs), 0.7)
        u[inputs] = np.nan
        given = {"t": some[-1], "y": some[:-1], "p": p, "u": u}
        with_none = np.isnan(values_at(program.by_name["outputs"], program.tables, given)[-1])
        u[inputs] = some[-1]
        found |= with_none & ~np.isnan(values_at(program.by_name["outputs"], program.tables, given)[-1])
    return found


def _with_delayed(past: Past, args: Args, now: Any) -> Args:
    """The arguments where what is delayed is `now`."""
    constant = jnp.asarray(args.inputs.constant).at[past.index].set(now)
    return args._replace(inputs=replace(args.inputs, constant=constant))


def _step_at(begins: Any, t: Any) -> Any:
    """The step that times t lie in."""
    return jnp.maximum(jnp.searchsorted(begins, t, side="right", method="compare_all") - 1, 0)
