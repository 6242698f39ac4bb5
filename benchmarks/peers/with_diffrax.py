"""diffrax Kvaerno5 with its PID controller, compiled once for all tolerances."""

import diffrax
import jax
import numpy as np

from benchmarks.peers import Run, refuse_large
from benchmarks.peers.jax_arrays import JAX
from benchmarks.problem import BenchmarkProblem

jax.config.update("jax_enable_x64", True)


def prepare(problem: BenchmarkProblem) -> Run:
    refuse_large(problem)
    term = diffrax.ODETerm(lambda t, y, args: problem.equations(t, y, JAX))

    @jax.jit
    def solve(y0, rtol, atol):
        return diffrax.diffeqsolve(
            term,
            diffrax.Kvaerno5(),
            *problem.time,
            None,
            y0,
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
            max_steps=1_000_000,
            throw=False,
        )

    def run(rtol: float, atol: float) -> np.ndarray:
        sol = solve(problem.y0, rtol, atol)
        if sol.result != diffrax.RESULTS.successful:
            raise ArithmeticError(str(sol.result))
        return np.asarray(sol.ys)[-1, problem.indices]

    return run
