"""The start of a solve inside a program of JAX, without compiling its method: a kernel looks for it, and the host where
the kernel finds none.

XLA would take seconds for the damped method of `solve/newton/damped_newton.py`; for few equations it stays.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.initialization.consistent_start import Anchor
from stiffdsl.runtime.initialization.initial_state import anchor, solved_from
from stiffdsl.runtime.initialization.start_kernel import operations, start_kernel
from stiffdsl.solve.newton.continuation import by_damped_steps, continued
from stiffdsl.solve.newton.damped_newton import LEAST_SHARE, MOST_SEARCHES, NewtonResult
from stiffdsl.solve.newton.square_systems import OwnSearch


@artifact
def searched(model: CompiledProgram) -> OwnSearch | None:
    """A search by a kernel for `newton`; None where XLA compiles the search soon, or there is no kernel."""
    made = start_kernel(model) if operations(model) >= model.thresholds.start_kernel else None
    if made is None:
        return None
    free, known = model.program.system.initial.free, anchor(model)
    n = len(free)

    def host(*given: Any) -> np.ndarray:
        return _by_lanes(model, known, n, *map(np.asarray, given))

    def search(x0: Any, context: Any) -> NewtonResult:
        y, args, start, t = context
        values = (t, y.at[free].set(x0), args.p, args.inputs(t), start)
        quick = made.kernel(*values)
        kind = jax.ShapeDtypeStruct(quick.shape, quick.dtype)
        found = lax.cond(
            quick[n] > 0,
            lambda: quick,
            lambda: jax.pure_callback(host, kind, quick, *values, vmap_method="broadcast_all"),
        )
        nothing = jnp.zeros(min(3, n), dtype=jnp.int32)
        return NewtonResult(found[:n], found[n] > 0, found[n + 1].astype(jnp.int32), 0 * x0, nothing)

    return OwnSearch(search, made.factors)


# --- on the host --------------------------------------------------------------------------------


def _by_lanes(model: CompiledProgram, known: Anchor | None, n: int, quick: np.ndarray, *values) -> np.ndarray:
    """Solutions of the kernel's search, with a search on the host for lanes where it failed."""
    found = np.array(quick).reshape(-1, n + 2)
    lanes = [value.reshape(len(found), *value.shape[quick.ndim - 1 :]) for value in values]
    for k in np.flatnonzero(~(found[:, n] > 0)):
        t, *others = (value[k] for value in lanes)
        x = _on_the_host(model, known, float(t), *others)
        if x is not None:
            found[k, :n], found[k, n] = x, 1.0
    return found.reshape(quick.shape)


def _on_the_host(model: CompiledProgram, known: Anchor | None, t: float, y, p, u, start) -> np.ndarray | None:
    """The free entries: by steps from the declared model's start, where it has one, else by continuation."""
    with np.errstate(all="ignore"):
        found = solved_from(model.program, model.interpreted, t, y, p, u, start, by_damped_steps)
        if not found.converged and known is not None:
            return _walked(model, known, t, y, p, u, start)
        if not found.converged:
            found = solved_from(model.program, model.interpreted, t, y, p, u, start, continued)
    return found.x if found.converged else None


def _walked(model: CompiledProgram, known: Anchor, t: float, y, p, u, start) -> np.ndarray | None:
    """Continuation from an anchor on the host: `damped_newton.walk` after its first search."""
    free = model.program.system.initial.free
    here, there = (known.y, np.asarray(known.args.p), np.asarray(known.start)), (y, p, start)
    x, slope, share, step = np.asarray(known.y)[free], np.zeros(len(free)), 0.0, 1.0
    for _ in range(MOST_SEARCHES):
        ahead = min(share + step, 1.0)
        at, p_at, start_at = (
            b if ahead == 1.0 else a + ahead * (b - a) for a, b in zip(here, there, strict=True)
        )
        at = np.array(at)
        at[free] = x + (ahead - share) * slope
        found = solved_from(model.program, model.interpreted, t, at, p_at, u, start_at, by_damped_steps)
        if not found.converged:
            step /= 2
            if step <= LEAST_SHARE:
                return None
            continue
        x, slope, share, step = found.x, (found.x - x) / (ahead - share), ahead, 2 * step
        if share >= 1.0:
            return x
    return None
