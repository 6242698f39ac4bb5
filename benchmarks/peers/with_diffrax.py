"""diffrax Kvaerno5 with its PID controller, compiled once."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import Run
from benchmarks.problem import Functions, Problem

jax.config.update("jax_enable_x64", True)

JAX = Functions(
    stack=jnp.stack,
    concatenate=jnp.concatenate,
    tanh=jnp.tanh,
    cos=jnp.cos,
    positive=lambda x: jnp.maximum(0.0, x),
    after=lambda t, at: jnp.where(t >= at, 1.0, 0.0),
)


def prepare(problem: Problem) -> Run:
    term = diffrax.ODETerm(lambda t, y, args: problem.equations(t, y, JAX))

    @jax.jit
    def solve(y0):
        return diffrax.diffeqsolve(
            term,
            diffrax.Kvaerno5(),
            *problem.time,
            None,
            y0,
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=diffrax.PIDController(rtol=problem.rtol, atol=problem.atol),
            max_steps=1_000_000,
            throw=False,
        )

    def run() -> np.ndarray:
        sol = solve(problem.y0)
        if sol.result != diffrax.RESULTS.successful:
            raise ArithmeticError(str(sol.result))
        return np.asarray(sol.ys)[-1, problem.indices]

    return run
