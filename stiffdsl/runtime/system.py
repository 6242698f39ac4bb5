"""A compiled program as the `System` that solvers take."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from stiffdsl.program.program import Program
from stiffdsl.runtime.inputs import Inputs


class Args(NamedTuple):
    """What the equations depend on beside time and state, in SI: all parameters, and the inputs as functions."""

    p: Any
    inputs: Inputs


class ModelSystem:
    """`M y' = f(t, y, args)` with `args` an `Args`. `driven`: some input changes with time."""

    def __init__(self, program: Program, functions: Any, names: Callable[[], tuple[str, ...]], driven: bool):
        self.size = program.size
        self.mass: np.ndarray = program.mass
        self.rows: np.ndarray = program.rows
        self.columns: np.ndarray = program.columns
        self.invariant_count = sum(f.size for f in program.system.invariants)
        self.invariant_rows: np.ndarray = program.invariant_rows
        self.invariant_columns: np.ndarray = program.invariant_columns
        self._names = names
        self.time_dependent = program.time_dependent or driven
        self.program = program
        self._functions = functions

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries of y: made when a message needs them."""
        return self._names()

    def rhs(self, t, y, args: Args):
        return self._functions.rhs(t, y, args.p, args.inputs(t))

    def jacobian(self, t, y, args: Args):
        return self._functions.jacobian(t, y, args.p, args.inputs(t))

    def initial_residual(self, t, y, args: Args, start):
        """The conditions of the initial time, then the algebraic rows."""
        return self._functions.initial_residual(t, y, args.p, args.inputs(t), start)

    def initial_jacobian(self, t, y, args: Args, start):
        """The structural nonzeros of `initial_residual` by the free entries of y."""
        return self._functions.initial_jacobian(t, y, args.p, args.inputs(t), start)

    def invariants(self, t, y, args: Args):
        """Constraints that every solution holds, where there are any."""
        return self._functions.invariants(t, y, args.p, args.inputs(t))

    def invariants_jacobian(self, t, y, args: Args):
        """The structural nonzeros of `invariants` by y."""
        return self._functions.invariants_jacobian(t, y, args.p, args.inputs(t))

    def checks(self, t, y, args: Args, start):
        """What is left over at the initial time and must be zero."""
        return jnp.asarray(self._functions.checks(t, y, args.p, args.inputs(t), start))
