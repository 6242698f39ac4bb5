"""A solve as a pure JAX function: for `jit`, `vmap`, `grad`, `jvp`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from stiffdsl.solve.base.accounting import Diagnostics
from stiffdsl.solve.base.failures import verdict
from stiffdsl.solve.base.method import LEAST_ATOL, Method, Tolerance
from stiffdsl.solve.base.status import Status, reached
from stiffdsl.solve.base.system import Args, System
from stiffdsl.solve.base.undefined import derivable
from stiffdsl.solve.integrate.loop import Counts, Limits, Problem
from stiffdsl.solve.integrate.slots import in_slots
from stiffdsl.solve.methods.make import make_method

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class Result(NamedTuple):
    """The end of a solve: `y` at `t`; and `ys`, a row for each time of `saveat`, NaN where it was not reached.

    `status` is a `Status`; where it is not `SUCCESS`, `culprits` are the indices of the unknowns most involved
    (-1: no more). `sums` where they were asked for.
    """

    t: Float[Array, ""]
    y: Float[Array, " n"]
    ys: Float[Array, "m n"]
    status: Int[Array, ""]
    culprits: Int[Array, " 3"]
    counts: Counts
    sums: Diagnostics | None = None


def make_solve(
    system: System,
    method: str = "auto",
    max_steps: int = 100_000,
    linear: str = "auto",
    slots: int | None = None,
    accounts: bool = False,
    wrap: Callable[[Method], Method] | None = None,
) -> Callable[..., Result]:
    """`solve(t0, t1, y0, args, saveat, rtol, atol, first_step, max_step) -> Result` for a system.

    Everything that `solve` takes may be traced; t1 may lie before t0, and `saveat` (may be empty) must run from t0 to
    t1. Differentiable with respect to t0, t1, y0, args and saveat, forward and in reverse: derivatives are those of
    the discrete solution with the step sizes held constant. `max_steps` bounds the attempts. `linear` says how
    linear systems are solved (`options.LINEAR`). With `slots` so many lanes of a `vmap` step side by side (`slots.py`);
    then nothing is differentiable. With `accounts` the result holds the sums of `accounting.py`. `wrap` adds to what a
    method remembers: then all of its forms are compact.
    """
    if slots is None:
        # With equinox, which takes a fifth of a second to import: runs in kernels do without it.
        from stiffdsl.solve.integrate.derivatives import differentiable

        forms = [
            make_method(method, system, compact=wrap is not None, linear=linear),
            make_method(method, system, compact=True, linear=linear),
            make_method(method, system, compact=True, replayed=True, linear=linear),
        ]
        plain, compact, replayed = forms if wrap is None else map(wrap, forms)
        run = differentiable(plain, compact, replayed, system, max_steps)
    else:
        run = in_slots(make_method(method, system, linear=linear), system, max_steps, slots)

    # A part of the program that calls it: what lies within could not be given other factors (see `program_cache.py`).
    @partial(jax.jit, inline=True)
    def solve(
        t0,
        t1,
        y0,
        args: Args = None,
        saveat=(),
        rtol=1e-6,
        atol=1e-9,
        first_step=None,
        max_step=math.inf,
    ) -> Result:
        problem = Problem(_real(t0), _real(t1), _real(y0), args, _real(saveat).reshape(-1))
        limits = Limits(
            Tolerance(_real(rtol), jnp.maximum(_real(atol), LEAST_ATOL)),
            _real(0.0 if first_step is None else first_step),
            _real(max_step),
            () if accounts else None,
        )
        state, saves = run(problem, limits)
        status = jnp.where(state.status == Status.RUNNING, Status.MAX_STEPS, state.status)
        status, culprits = verdict(system, problem, state, status)
        y, ys = arrived(state.y, saves.ys, status)
        sums = jax.tree.map(lambda total: derivable(total, status == Status.SUCCESS), state.sums)
        return Result(state.t, y, ys, status, culprits, Counts(*state.counts), sums)

    return solve


def arrived(y, ys, status) -> tuple[Any, Any]:
    """The end and the values saved, with derivatives that are NaN where the solve did not come."""
    known = ~jnp.any(jnp.isnan(ys), axis=1, keepdims=True)
    return derivable(y, reached(status)), derivable(ys, known)


def _real(x: Any) -> Array:
    return jnp.asarray(x, dtype=float)
