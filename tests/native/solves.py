"""Small models for the native tier, and what a solve of each needs."""

from typing import NamedTuple

import numpy as np

from stiffdsl.diagnostics import Source
from stiffdsl.native import Form
from stiffdsl.pipeline import compile_model
from stiffdsl.program import interpret
from stiffdsl.program.program import Program
from stiffdsl.resources import folder
from stiffdsl.sources import read

# Every way to write a step: with calls; tables of positions instead of code; loops over vectors.
FORMS = (
    Form(unrolled_step=0),
    Form(unrolled_step=0, unrolled_factors=0),
    Form(unrolled_step=0, unrolled_factors=0, unrolled_function=0),
)
# With calls, and pivots as they come.
PIVOTED = Form(unrolled_step=0, bad_pivots=-1.0)

# An algebraic unknown that only an equation of degree three determines, and a right side that changes with time.
CONSTRAINED = """
model Constrained
  param k = 50
  param tau = 1[s]
  input u = 1
  var x start 1
  var y start 0
  var z guess 0.5
equations
  der(x) = -k*(x - z) + u
  der(y) = x - y + 0.1*sin(time/tau)
  z + z^3 = x + y
experiment
  time 0..2
end
"""

# Algebraic unknowns that jump: w and i, at times that follow parameters, and where the table of u jumps; two conditions
# jump at one time.
SWITCHED = """
model Switched
  param R = 100
  param C = 1e-4
  param tau = 0.02
  param late = 0.02
  param U = 5
  input u = 1
  var v start 0
  var q start 1
  var i
  var w
equations
  w + 0.1*w^3 = R*i + sinh(i)
  i*R*0.5 + sinh(w) + w*exp(i) + w + v = (if time < tau then U else 0.5*U) + (if time > late then u else 2*w/(1 + w^2))
  C*der(v) = i
  der(q) = -100*w*q + (if time < tau then 3 else w) + (if time >= 0 then 0.1*v else 4)
experiment
  time 0..0.1
end
"""

# With a = 0 the pivots that are best for a = 10 are zero.
AWKWARD = """
model Awkward
  param a = 10
  var x start 1
  var v guess 1
  var w guess 1
equations
  der(x) = -x
  a*sinh(v) + w + 0.2*w^3 = x
  v + 0.1*sin(v) + a*sinh(w) = 2*x
experiment
  time 0..3
end
"""

EXPLODING = """
model Exploding
  param k = 1
  var x start 1
  var y start 1
equations
  der(x) = k*x^2
  der(y) = -y
experiment
  time 0..2
end
"""

UNDEFINED = """
model Undefined
  var x start 1
  var y start 1
equations
  der(x) = -1 - sqrt(x)
  der(y) = -y
experiment
  time 0..2
end
"""


class SolveArguments(NamedTuple):
    """Arguments of a solve from the program's own experiment, in SI; `y0` is consistent."""

    program: Program
    t0: float
    t1: float
    y0: np.ndarray
    p: np.ndarray
    u: np.ndarray


def library_model(path: str, constants: dict[str, float] | None = None) -> SolveArguments:
    return _given(compile_model(read(folder("models") / path), None, constants, stop_after="program"))


def model(text: str) -> SolveArguments:
    return _given(compile_model(Source("test.sml", text), stop_after="program"))


def _given(program: Program) -> SolveArguments:
    flat, system = program.system.flat, program.system
    count = sum(b.size for b in flat.parameters)
    p = interpret.run(program, "parameters", np.zeros(count), np.zeros(count))
    u = interpret.run(program, "input_defaults", p).astype(float)
    start, guess = interpret.run(program, "start", p, u), interpret.run(program, "guess", p, u)
    unknowns = np.r_[system.states, system.implicit]
    y = np.where(np.isnan(start), np.where(np.isnan(guess), 0.0, guess), start)[unknowns]
    t0, t1 = flat.experiment["time"]
    return SolveArguments(program, t0, t1, consistent(program, t0, y, p, u), p, u)


def consistent(program: Program, t: float, y: np.ndarray, p: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Newton's method on the algebraic rows."""
    algebraic = np.flatnonzero(program.mass == 0)
    for _ in range(30 if len(algebraic) else 0):
        dense = np.zeros((program.size, program.size))
        dense[program.rows, program.columns] = interpret.run(program, "jacobian", t, y, p, u)
        residual = interpret.run(program, "rhs", t, y, p, u)[algebraic]
        y = y.copy()
        y[algebraic] -= np.linalg.solve(dense[np.ix_(algebraic, algebraic)], residual)
    return y
