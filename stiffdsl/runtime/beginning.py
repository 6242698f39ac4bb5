"""Parameters of a run that follow from its beginning: the time, and totals of conserved quantities that gave states."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from stiffdsl.program.program import Program
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.system import Args


def with_beginning(program: Program, functions: Any, t: Any, args: Args, initial: Overrides, xp: Any) -> Args:
    """`args` of a run that begins at time t from its start values, those in `initial` in their place."""
    system, begins = program.system, program.system.flat.begins
    if begins is not None:
        own = xp.reshape(xp.asarray(t, dtype=float), (1,))
        args = args._replace(p=xp.concatenate([args.p[:begins], own, args.p[begins + 1 :]]))
    if not system.totals:
        return args
    with np.errstate(all="ignore"):
        totals = _totals(program, functions, t, args, initial, xp)
    return args._replace(p=xp.concatenate([args.p[: -len(system.totals)], totals]))


def _totals(program: Program, functions: Any, t: Any, args: Args, initial: Overrides, xp: Any) -> Any:
    """Totals of the conserved quantities at the beginning."""
    system = program.system
    u = args.inputs(t) if xp is jnp else args.inputs.at(t)
    start, guess = functions.start(args.p, u, t), functions.guess(args.p, u, t)
    values = xp.where(xp.isnan(start), xp.where(xp.isnan(guess), 0.0, guess), start)
    own = np.concatenate([system.states, system.eliminated])
    count = len(system.states)
    # Plain sums of what is given: it is differentiated by.
    given = xp.concatenate([xp.asarray(initial.values)[:count], xp.asarray(initial.apart_values)])
    mask = np.concatenate([initial.mask[:count], initial.apart_mask])
    position = np.full(system.flat.size, -1, dtype=np.int64)
    position[own] = np.arange(len(own))
    is_given = (position >= 0) & mask[position]
    return functions.totals(args.p, xp.where(is_given, given[position], values))
