"""Derivatives of a solve: those of its discrete solution, with the step sizes held constant but for steps that end at
t1 or at a jump in time, whose ends move with them.

Forward mode runs the control loop with tangents. Reverse mode records the states before the attempts, and takes the
attempts back one after the other through the same `loop.advance`. Two levels of checkpoints, each the square root of
`max_steps` long, bound the memory; a solve with fewer attempts than that is never repeated.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero
from jax.flatten_util import ravel_pytree

from stiffdsl.solve.base.method import Method
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import System
from stiffdsl.solve.base.undefined import spoiled
from stiffdsl.solve.integrate import loop
from stiffdsl.solve.integrate.loop import Limits, Problem, Saves, State, Step
from stiffdsl.solve.integrate.time_events import may_move
from stiffdsl.solve.linear.linear_map import linear_map


def differentiable(method: Method, compact: Method, replayed: Method, system: System, max_steps: int):
    """`solve(problem, limits) -> (State, Saves)`: `loop.run` with rules for forward and reverse mode.

    `compact` is the same method in the form that compiles faster: derivatives of code written out in scalars would
    keep the compiler busy for long. `replayed` may also take up earlier states again.
    """

    @jax.custom_jvp
    def solve(moving, fixed, limits: Limits):
        return loop.run(method, system, eqx.combine(moving, fixed), limits, max_steps)

    @partial(solve.defjvp, symbolic_zeros=True)
    def _(primals, tangents):
        state, saves = solve(*primals)
        moving, fixed, limits = primals
        # Only what has a tangent is differentiated.
        still = jax.tree.map(_is_zero, tangents[0], is_leaf=_is_zero)
        moving_dot = jax.tree.map(lambda d, zero: None if zero else d, tangents[0], still, is_leaf=_is_zero)
        moving, constant = eqx.partition(moving, jax.tree.map(lambda zero: not zero, still))
        residuals = (moving, eqx.combine(constant, fixed), limits)
        t_dot, y_dot, ys_dot, sums_dot = linear_map(forward, backward, residuals, moving_dot)
        none = jax.tree.map(_no_tangent, (state, saves))
        return (state, saves), (
            none[0]._replace(t=t_dot, y=y_dot, sums=sums_dot),
            none[1]._replace(ys=ys_dot),
        )

    def forward(residuals, moving_dot):
        moving, fixed, limits = residuals
        limits = limits._replace(for_slopes=())

        def end(moving):
            problem = eqx.combine(moving, fixed)
            apart = may_move(system, problem.args)
            state, saves = loop.run(compact, system, problem, limits, max_steps, apart)
            return state.t, state.y, saves.ys, state.sums

        return jax.jvp(end, (moving,), (moving_dot,))[1]

    def backward(residuals, cotangents):
        moving, fixed, limits = residuals
        limits = limits._replace(for_slopes=())
        back = _Reverse(replayed, system, moving, fixed, limits, max_steps)
        return spoiled(back.cotangents(*cotangents), cotangents)

    def with_problem(problem: Problem, limits: Limits) -> tuple[State, Saves]:
        moving, fixed = eqx.partition(problem, eqx.is_inexact_array)
        return solve(moving, fixed, limits)

    return with_problem


def _is_zero(x) -> bool:
    return isinstance(x, SymbolicZero)


def _no_tangent(x):
    if jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.zeros_like(x)
    return jnp.zeros(x.shape, jax.dtypes.float0)


class _Moving(NamedTuple):
    """The differentiated parts of a loop state."""

    t: Any
    stop: Any
    y: Any
    memory: Any
    sums: Any


def _split(state: State) -> tuple[_Moving, State]:
    moving, fixed = eqx.partition(state.memory, eqx.is_inexact_array)
    return _Moving(state.t, state.stop, state.y, moving, state.sums), state._replace(memory=fixed)


def _joined(moving: _Moving, fixed: State) -> State:
    memory = eqx.combine(moving.memory, fixed.memory)
    return fixed._replace(t=moving.t, stop=moving.stop, y=moving.y, memory=memory, sums=moving.sums)


class _Reverse:
    """One backward pass; all methods run while it is traced."""

    def __init__(self, method: Method, system: System, moving, fixed, limits: Limits, max_steps: int):
        self.method, self.system, self.limits = method, system, limits
        self.moving, self.fixed = moving, fixed
        self.max_steps = max_steps
        self.apart = may_move(system, self.problem(moving).args)
        self.segment = max(1, math.isqrt(max_steps - 1) + 1)
        self.segments = -(-max_steps // self.segment)

    def problem(self, moving) -> Problem:
        return eqx.combine(moving, self.fixed)

    def cotangents(self, t_bar, y_bar, ys_bar, sums_bar):
        """Of the differentiable part of the problem, given those of the end, of the saved values, and of the
        sums."""
        problem = self.problem(self.moving)
        first = loop.begin(self.method, self.system, problem, self.limits, self.apart)
        cursor = loop.begin_saves(problem, first.y).cursor
        packed, self.unpack = _packing((first, cursor))
        count, far, near = self._record(packed)
        zero = jax.tree.map(jnp.zeros_like, self.moving)
        state_bar = jax.tree.map(jnp.zeros_like, _split(first)[0])
        state_bar = state_bar._replace(t=t_bar, y=y_bar, sums=sums_bar)

        def segments(carry):
            return carry[0] >= 0

        def one_segment(carry):
            s, near, state_bar, problem_bar = carry
            begin = s * self.segment
            length = jnp.minimum(count - begin, self.segment)
            # The last segment is still there as it was recorded.
            last = begin + self.segment >= count
            near = self._replay(jnp.where(last, 0, length), far[s], near)

            def one_attempt(carry):
                i, state_bar, problem_bar = carry
                state, cursor = self.unpack(near[i])
                return i - 1, *self._back(state, cursor, state_bar, problem_bar, ys_bar)

            _, state_bar, problem_bar = lax.while_loop(
                lambda carry: carry[0] >= 0, one_attempt, (length - 1, state_bar, problem_bar)
            )
            return s - 1, near, state_bar, problem_bar

        last = (count - 1) // self.segment
        last = jnp.where(count > 0, last, -1)
        _, _, state_bar, problem_bar = lax.while_loop(segments, one_segment, (last, near, state_bar, zero))

        def start(moving):
            problem = self.problem(moving)
            state = loop.begin(self.method, self.system, problem, self.limits, self.apart)
            return _split(state)[0], loop.begin_saves(problem, state.y).ys

        _, pull = jax.vjp(start, self.moving)
        at_start = (problem.saveat == problem.t0)[:, None]
        (start_bar,) = pull((state_bar, jnp.where(at_start, ys_bar, 0.0)))
        return jax.tree.map(jnp.add, problem_bar, start_bar)

    def _attempt(self, problem: Problem, state: State, cursor):
        """One attempt, and the number of times of `saveat` that lie behind it."""
        state, step = loop.advance(self.method, self.system, problem, self.limits, state, self.apart)
        return state, step, loop.behind(problem, cursor, step)

    def _record(self, packed):
        """The number of attempts, the states that begin segments, and all states of the last segment."""
        problem = self.problem(self.moving)
        far = jnp.zeros((self.segments, packed.shape[0]))
        near = jnp.zeros((self.segment, packed.shape[0]))

        def going(carry):
            i, packed, _, _ = carry
            state, _ = self.unpack(packed)
            return (state.status == Status.RUNNING) & (i < self.max_steps)

        def body(carry):
            i, packed, far, near = carry
            place = i % self.segment
            far = far.at[jnp.where(place == 0, i // self.segment, self.segments)].set(packed, mode="drop")
            near = near.at[place].set(packed)
            return i + 1, self._next(problem, packed), far, near

        count, _, far, near = lax.while_loop(going, body, (jnp.int32(0), packed, far, near))
        return count, far, near

    def _next(self, problem: Problem, packed):
        state, cursor = self.unpack(packed)
        state, _, cursor = self._attempt(problem, state, cursor)
        return _packing((state, cursor))[0]

    def _replay(self, length, packed, near):
        """All states of a segment, from the one that begins it."""
        problem = self.problem(self.moving)

        def body(carry):
            i, packed, near = carry
            return i + 1, self._next(problem, packed), near.at[i].set(packed)

        return lax.while_loop(lambda carry: carry[0] < length, body, (jnp.int32(0), packed, near))[2]

    def _back(self, state: State, cursor, state_bar: _Moving, problem_bar, ys_bar):
        """The cotangents before an attempt, given those after it."""
        moving, fixed = _split(state)

        def attempt(moving, problem_moving):
            problem = self.problem(problem_moving)
            state, step, later = self._attempt(problem, _joined(moving, fixed), cursor)
            return (_split(state)[0], step._replace(accept=None, jumps=None)), (
                later,
                step.accept,
                step.jumps,
            )

        (_, step), pull, (later, accept, jumps) = jax.vjp(attempt, moving, self.moving, has_aux=True)
        step_bar, saveat_bar = self._back_saves(step, jumps, cursor, later, problem_bar.saveat, ys_bar)
        moving_bar, more = pull((state_bar, step_bar))

        def kept(bar, otherwise):
            # A rejected attempt may have overflowed: nothing of it went on, but 0*inf is not 0.
            return jnp.where(accept | jnp.isfinite(bar), bar, otherwise)

        moving_bar = jax.tree.map(kept, moving_bar, state_bar)
        more = jax.tree.map(lambda bar: kept(bar, 0.0), more)
        problem_bar = jax.tree.map(jnp.add, problem_bar._replace(saveat=saveat_bar), more)
        return moving_bar, problem_bar

    def _back_saves(self, step: Step, jumps, cursor, later, saveat_bar, ys_bar):
        """Cotangents of a step and of the times saved in it."""
        step_bar = jax.tree.map(jnp.zeros_like, step)
        times = jnp.asarray(self.problem(self.moving).saveat)
        if times.shape[0] == 0:
            return step_bar, saveat_bar

        def value(step, time):
            return loop.value_at(step._replace(jumps=jumps), time)

        def body(carry):
            k, step_bar, saveat_bar = carry
            _, pull = jax.vjp(value, step, times[k])
            more, time_bar = pull(ys_bar[k])
            if saveat_bar is not None:
                saveat_bar = saveat_bar.at[k].add(time_bar)
            return k + 1, jax.tree.map(jnp.add, step_bar, more), saveat_bar

        _, step_bar, saveat_bar = lax.while_loop(
            lambda carry: carry[0] < later, body, (cursor, step_bar, saveat_bar)
        )
        return step_bar, saveat_bar


def _packing(tree):
    """A pytree of arrays as one vector of floats (integers are exact in it), and the way back."""
    leaves, structure = jax.tree.flatten(tree)
    kinds = [leaf.dtype for leaf in leaves]
    packed, unravel = ravel_pytree([jnp.asarray(leaf, dtype=float) for leaf in leaves])

    def unpack(packed):
        return jax.tree.unflatten(
            structure, [leaf.astype(kind) for leaf, kind in zip(unravel(packed), kinds, strict=True)]
        )

    return packed, unpack
