"""pydiffsol: BDF of diffsol on the equations in its own language, compiled by LLVM or Cranelift."""

import numpy as np
import pydiffsol

from benchmarks.peers import Run, Unsupported
from benchmarks.problem import BenchmarkProblem
from benchmarks.symbolic import diffsl

# The equations are written out one by one: beyond this the text is not what a user of diffsol would write.
MOST = 200


def prepare(problem: BenchmarkProblem) -> Run:
    if problem.size > MOST:
        raise Unsupported(f"written out for at most {MOST} unknowns")
    large = problem.jacobian is not None
    ode = pydiffsol.Ode(
        diffsl(problem),
        matrix_type=pydiffsol.faer_sparse if large else pydiffsol.nalgebra_dense,
        ode_solver=pydiffsol.bdf,
        linear_solver=pydiffsol.lu,  # KLU of pydiffsol 0.6.2 does not come back on these
    )
    none = np.array([])
    ends = np.array([problem.time[1]])

    def run(rtol: float, atol: float) -> np.ndarray:
        ode.rtol, ode.atol = rtol, atol
        return np.asarray(ode.solve_dense(none, ends).ys)[problem.indices, -1]

    return run
