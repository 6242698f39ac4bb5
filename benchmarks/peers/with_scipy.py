"""scipy.integrate.solve_ivp with the analytic Jacobian: scalar Python where small, sparse where large.

LSODA takes dense Jacobians only (or banded ones, in another order of the unknowns).
"""

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.peers import Run, refuse_large
from benchmarks.problem import BenchmarkProblem
from benchmarks.symbolic import python


def prepare(problem: BenchmarkProblem, method: str) -> Run:
    if method == "LSODA":
        refuse_large(problem)
    if problem.jacobian is None:
        rhs, jacobian = python(problem)
    else:
        sparse = problem.jacobian
        rhs = problem.rhs
        jacobian = (lambda t, y: sparse(t, y).toarray()) if method == "LSODA" else sparse

    def run(rtol: float, atol: float) -> np.ndarray:
        sol = solve_ivp(
            rhs,
            problem.time,
            problem.y0,
            method,
            t_eval=[problem.time[1]],
            rtol=rtol,
            atol=atol,
            jac=jacobian,
        )
        if not sol.success:
            raise ArithmeticError(sol.message)
        return sol.y[problem.indices, -1]

    return run
