"""jaxonomy's BDF in JAX, under `jit`. jaxonomy 3.4 asks for JAX 0.9 and stiffdsl for 0.10, so it needs an environment
of its own, that `--jaxonomy PYTHON` names."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxonomy.framework import LeafSystem
from jaxonomy.simulation import Simulator, SimulatorOptions

from benchmarks.peers import Run, refuse_large
from benchmarks.peers.jax_arrays import JAX
from benchmarks.problem import BenchmarkProblem

jax.config.update("jax_enable_x64", True)


class _System(LeafSystem):
    """The equations as a block without inputs."""

    def __init__(self, problem: BenchmarkProblem):
        super().__init__(name="problem")
        self.declare_continuous_state(
            default_value=jnp.asarray(problem.y0),
            ode=lambda t, state, *inputs, **parameters: problem.equations(t, state.continuous_state, JAX),
        )


def prepare(problem: BenchmarkProblem) -> Run:
    refuse_large(problem)
    start, end = problem.time
    system = _System(problem)
    begin = system.create_context().with_time(start)

    @cache
    def solver(rtol: float, atol: float):
        options = SimulatorOptions(
            ode_solver_method="bdf", rtol=rtol, atol=atol, max_major_steps=100, save_time_series=False
        )
        simulator = Simulator(system, options=options)
        return jax.jit(
            lambda y0: simulator.advance_to(end, begin.with_continuous_state(y0)).context.continuous_state
        )

    return lambda rtol, atol: np.asarray(solver(rtol, atol)(problem.y0))[problem.indices]
