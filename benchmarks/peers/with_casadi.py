"""CasADi's interface to CVODES and IDAS: SX expressions, analytic sparse Jacobian, direct linear solver.

QR is the best of CasADi's linear solvers for chains, MUMPS for grids: both are run where a problem is large.
"""

from functools import cache

import casadi
import numpy as np

from benchmarks.peers import Run, Unsupported
from benchmarks.problem import ArrayFunctions, BenchmarkProblem

CASADI = ArrayFunctions(
    stack=lambda items: casadi.vertcat(*items),
    concatenate=lambda parts: casadi.vertcat(*parts),
    tanh=casadi.tanh,
    cos=casadi.cos,
    positive=lambda x: casadi.fmax(0.0, x),
    after=lambda t, at: casadi.if_else(t >= at, 1.0, 0.0),
    constant=casadi.DM,
    take=lambda x, index: x[index.tolist()],
    product=lambda matrix, x: casadi.mtimes(casadi.DM(matrix.tocsc()), x),
)


def prepare(problem: BenchmarkProblem, method: str, linear: str) -> Run:
    if linear != "qr" and problem.jacobian is None:
        raise Unsupported("for large problems")
    t, y = casadi.SX.sym("t"), casadi.SX.sym("y", problem.size)
    right = problem.equations(t, y, CASADI)
    start, end = problem.time

    @cache
    def solver(rtol: float, atol: float):
        options = {
            "reltol": rtol,
            "abstol": atol,
            "max_num_steps": 1_000_000,
            "newton_scheme": "direct",
            "linear_solver": linear,
            "show_eval_warnings": False,
        }
        return casadi.integrator("solver", method, {"t": t, "x": y, "ode": right}, start, end, options)

    return lambda rtol, atol: np.asarray(solver(rtol, atol)(x0=problem.y0)["xf"]).ravel()[problem.indices]
