"""CasADi's interface to CVODES: SX expressions, analytic sparse Jacobian, direct linear solver."""

import casadi
import numpy as np

from benchmarks.peers import Run
from benchmarks.problem import Functions, Problem

CASADI = Functions(
    stack=lambda items: casadi.vertcat(*items),
    concatenate=lambda parts: casadi.vertcat(*parts),
    tanh=casadi.tanh,
    cos=casadi.cos,
    positive=lambda x: casadi.fmax(0.0, x),
    after=lambda t, at: casadi.if_else(t >= at, 1.0, 0.0),
    constant=casadi.DM,
    take=lambda x, index: x[index.tolist()],
)


def prepare(problem: Problem) -> Run:
    t, y = casadi.SX.sym("t"), casadi.SX.sym("y", problem.size)
    right = problem.equations(t, y, CASADI)
    start, end = problem.time
    solver = casadi.integrator(
        "solver",
        "cvodes",
        {"t": t, "x": y, "ode": right},
        start,
        end,
        {
            "reltol": problem.rtol,
            "abstol": problem.atol,
            "max_num_steps": 1_000_000,
            "newton_scheme": "direct",
            "linear_solver": "qr",
            "show_eval_warnings": False,
        },
    )
    return lambda: np.asarray(solver(x0=problem.y0)["xf"]).ravel()[problem.indices]
