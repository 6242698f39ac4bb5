"""CasADi's interface to CVODES: SX expressions, analytic sparse Jacobian, direct linear solver."""

import casadi
import numpy as np

from benchmarks.peers import Run
from benchmarks.problem import Functions, Problem

CASADI = Functions(
    stack=lambda items: np.array(items, dtype=object),
    concatenate=np.concatenate,
    tanh=np.vectorize(casadi.tanh, otypes=[object]),
    cos=casadi.cos,
    positive=lambda x: casadi.fmax(0.0, x),
    after=lambda t, at: casadi.if_else(t >= at, 1.0, 0.0),
)


def prepare(problem: Problem) -> Run:
    t, y = casadi.SX.sym("t"), casadi.SX.sym("y", problem.size)
    scalars = np.array(casadi.vertsplit(y), dtype=object)
    right = casadi.vertcat(*problem.equations(t, scalars, CASADI))
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
            "linear_solver": "csparse",
            "show_eval_warnings": False,
        },
    )
    return lambda: np.asarray(solver(x0=problem.y0)["xf"]).ravel()[problem.indices]
