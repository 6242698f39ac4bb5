"""Lanes in slots, for devices that compute side by side: a lane that has ended gives its slot to one that waits.

Under `vmap` a loop goes on until its last lane ends. Here the lanes that step are as many as there are slots; once some
of them have ended, their results are put away and others begin in their places. So a lane costs its own steps, up to
the few slots that are empty at the time, and what lies in registers and caches does not grow with the ensemble.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap

from stiffdsl.solve.base.method import Method
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate import loop
from stiffdsl.solve.integrate.loop import Limits, Problem, Saves, State

# Slots are filled again when this share of them is empty.
EMPTY = 0.125


def in_slots(
    method: Method, system: System, max_steps: int, slots: int
) -> Callable[[Problem, Limits], tuple[State, Saves]]:
    """`loop.run`, whose lanes under one `vmap` share `slots`; not differentiable."""

    def begin(given):
        problem, limits = given
        state = loop.begin(method, system, problem, limits)
        return state, loop.begin_saves(problem, state.y)

    def attempt(given, state: State, saves: Saves):
        """One more, for a lane that goes on."""
        problem, limits = given
        going = loop.goes_on(state, max_steps)
        after, step = loop.advance(method, system, problem, limits, state)
        # A lane at rest passes no times.
        step = step._replace(accept=step.accept & going)
        return _where(going, after, state), loop.save(problem, saves, step)

    @custom_vmap
    def run(problem: Problem, limits: Limits):
        return loop.run(method, system, problem, limits, max_steps)

    @run.def_vmap
    def lanes(count, batched, *given):
        axes = jax.tree.map(lambda has: 0 if has else None, tuple(batched))
        attempts = jax.vmap(attempt, (axes, 0, 0))
        state, saves = jax.vmap(begin, (axes,), axis_size=count)(given)

        def going(state: State):
            return jax.vmap(lambda s: loop.goes_on(s, max_steps))(state)

        def lockstep():
            return lax.while_loop(
                lambda carry: jnp.any(going(carry[0])), lambda carry: attempts(given, *carry), (state, saves)
            )

        found = lockstep() if count <= slots else _queue(attempts, going, given, axes, (state, saves), slots)
        return found, jax.tree.map(lambda _: True, found)

    return run


def _queue(attempts, going, given, axes, everything, slots: int):
    """`everything`: what each lane begins with, and ends with."""
    count = everything[0].t.shape[0]
    few = max(1, int(EMPTY * slots))

    def of(lane):
        return jax.tree.map(lambda x, axis: x if axis is None else x[lane], given, axes)

    def refilled(carry):
        lane, after, _, running, everything = carry
        everything = jax.tree.map(lambda x, new: x.at[lane].set(new), everything, running)
        empty = ~going(running[0])
        waiting = after + jnp.cumsum(empty) - 1
        takes = empty & (waiting < count)
        lane = jnp.where(takes, waiting, lane)
        running = jax.tree.map(lambda x: x[lane], everything)
        return lane, jnp.minimum(after + jnp.sum(empty), count), of(lane), running, everything

    def body(carry):
        empty = jnp.sum(~going(carry[3][0]))
        carry = lax.cond((carry[1] < count) & (empty >= few), refilled, lambda carry: carry, carry)
        lane, after, own, running, everything = carry
        return lane, after, own, attempts(own, *running), everything

    lane = jnp.arange(slots)
    first = lane, jnp.asarray(slots), of(lane), jax.tree.map(lambda x: x[:slots], everything), everything
    last = lax.while_loop(lambda c: (c[1] < count) | jnp.any(going(c[3][0])), body, first)
    return jax.tree.map(lambda x, new: x.at[last[0]].set(new), last[4], last[3])


def _where(condition: Any, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)
