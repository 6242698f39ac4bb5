"""A compiled program as the `System` that solvers take."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.program import typical_values
from stiffdsl.program.outside import NEAR, ends, excess
from stiffdsl.program.program import Program
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.solve.integrate.knots import Knots
from stiffdsl.solve.integrate.time_events import Crossings


class Args(NamedTuple):
    """Arguments of the equations beside time and state, in SI: all parameters, inputs as functions. `side`: times in
    the step that is made, one for each line over time at which the equations jump (`program/time/time_events.py`): they
    decide conditions on time; None: each time decides for itself. `knots`: where steps end, since the inputs bend."""

    p: Any
    inputs: Inputs
    side: Any = None
    knots: Knots | None = None


def held_at(args: Args, u: Any) -> Args:
    """The arguments at one time, with the inputs `u` they have there: tables are looked into once."""
    return args._replace(inputs=Inputs(u, ()))


class ModelSystem:
    """`M y' = f(t, y, args)` with `args` an `Args`. `driven`: some input changes with time."""

    def __init__(self, program: Program, functions: Any, names: Callable[[], tuple[str, ...]], driven: bool):
        self.size = program.size
        self.mass: np.ndarray = program.mass
        self.counted: np.ndarray = program.counted
        self.rows: np.ndarray = program.rows
        self.columns: np.ndarray = program.columns
        self.invariant_count = sum(f.size for f in program.system.invariants)
        self.invariant_rows: np.ndarray = program.invariant_rows
        self.invariant_columns: np.ndarray = program.invariant_columns
        self._names = names
        self.time_dependent = program.time_dependent or driven
        self.kinked = program.kinked
        self.curved = program.curved
        self.crossings_move = program.crossings_follow or driven
        self.relation_rises: np.ndarray = program.relation_rises
        self.holds_conditions: bool = program.holds_conditions
        self.event_at_start: np.ndarray = program.events.at_start
        self.event_from_start: np.ndarray = program.events.from_start
        self.event_located: np.ndarray = program.events.located
        self.still: np.ndarray = program.still
        self.bounded: bool = len(program.watched) > 0
        self.program = program
        self._functions = functions

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries of y: made when a message needs them."""
        return self._names()

    def typical(self) -> tuple[np.ndarray, float] | None:
        """Values of the Jacobian and an alpha to choose pivots of `alpha M - J` by; None where those on the diagonal
        serve."""
        if np.all(self.mass):
            return None
        values = typical_values.jacobian(self.program)
        return values, typical_values.alphas(self.program, values)[1]

    def crossing_count(self, args: Args) -> int:
        """Lines over time at which the equations jump; the last two are for the tables of inputs, where any jumps."""
        return len(self.program.crossings_periodic) + 2 * args.inputs.jump

    def within(self, args: Args, side) -> Args:
        """The arguments for a step in which line k is as it is at the time `side[k]`."""
        return args._replace(side=side)

    def crossings(self, args: Args) -> Crossings:
        """The lines over time at which the equations jump, for the step that `args` belong to."""
        periodic, side = self.program.crossings_periodic, args.side
        offset, slope = [], []
        if len(periodic):
            own = jnp.asarray(self._functions.crossings(args.p, side[: len(periodic)]))
            offset, slope = [own[: len(periodic)]], [own[len(periodic) :]]
        if args.inputs.jump:
            before, after = args.inputs.jumps_around(side[-2])
            offset.append(-jnp.stack([before, after]))
            slope.append(jnp.ones(2))
            periodic = np.r_[periodic, False, False]
        return Crossings(jnp.concatenate(offset), jnp.concatenate(slope), periodic)

    def knots(self, args: Args) -> Knots | None:
        """Knots of the inputs, where steps end."""
        return args.knots

    def _in_step(self, name: str, t, y, args: Args, *more):
        """A function that steps evaluate."""
        function, count = getattr(self._functions, name), len(self.program.crossings_periodic)
        u = args.inputs(t, args.side[-2] if args.side is not None and args.inputs.jump else None)
        if args.side is not None and count:
            return function(t, y, args.p, u, *more, args.side[:count])
        return function(t, y, args.p, u, *more)

    def rhs(self, t, y, args: Args):
        return self._in_step("rhs", t, y, args)

    def jacobian(self, t, y, args: Args):
        return self._in_step("jacobian", t, y, args)

    def relations(self, t, y, args: Args):
        """Conditions that change on the way."""
        return self._in_step("relations", t, y, args)

    def held(self, t, y, args: Args, m):
        """`rhs` with those conditions as `m` says."""
        return self._in_step("held", t, y, args, m)

    def guards(self, t, y, args: Args):
        """Conditions of events, and numbers that are positive where these hold."""
        return self._in_step("guards", t, y, args)

    def reset(self, t, y, args: Args, fired):
        """y after the events `fired`, what ends the solve, and whether events contradict one another."""
        return self._in_step("reset", t, y, args, fired)

    def outside(self, t, y, args: Args, rtol):
        """Whether an argument lies outside of a table that refuses it."""
        values = self._functions.lookups(t, y, args.p, args.inputs(t))
        beyond = excess(values, *ends(self.program, args.p), jnp)
        return jnp.any(lax.stop_gradient(beyond) > jnp.maximum(NEAR, rtol))

    def initial_residual(self, t, y, args: Args, start):
        """The conditions of the initial time, then the algebraic rows."""
        return self._functions.initial_residual(t, y, args.p, args.inputs(t), start)

    def initial_jacobian(self, t, y, args: Args, start):
        """The structural nonzeros of `initial_residual` by the free entries of y."""
        return self._functions.initial_jacobian(t, y, args.p, args.inputs(t), start)

    def invariants(self, t, y, args: Args):
        """Constraints that every solution holds, where there are any."""
        return self._in_step("invariants", t, y, args)

    def invariants_jacobian(self, t, y, args: Args):
        """The structural nonzeros of `invariants` by y."""
        return self._in_step("invariants_jacobian", t, y, args)

    def checks(self, t, y, args: Args, start):
        """Residuals of the initial checks, which must be zero."""
        return jnp.asarray(self._functions.checks(t, y, args.p, args.inputs(t), start))
