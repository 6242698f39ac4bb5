"""Tight references, from the hand-written equations, kept in references.json: scipy Radau at rtol 1e-10, and CVODE with
rtol 1e-10 where Radau would take hours.

python -m benchmarks references            computes them again
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.problem import BenchmarkProblem
from benchmarks.symbolic import python

FILE = Path(__file__).with_name("references.json")
# Unknowns from which CVODE is used.
LARGE = 5000


def load(problem: BenchmarkProblem) -> np.ndarray | None:
    """The end values of `problem.checked`, where they are known."""
    values = json.loads(FILE.read_text()).get(problem.name)
    if values is None:
        return None
    return np.array([values[name] for name in problem.checked])


def compute(problem: BenchmarkProblem) -> dict[str, float]:
    """The end values by name, computed piece by piece between the jumps of the problem."""
    if problem.size > LARGE:
        return _by_cvode(problem)
    rhs, jacobian = (problem.rhs, problem.jacobian) if problem.jacobian else python(problem)
    y = problem.y0
    for start, end in pairwise((problem.time[0], *problem.breaks, problem.time[1])):
        before = np.nextafter(end, start) if end in problem.breaks else end
        sol = solve_ivp(rhs, (start, before), y, "Radau", rtol=1e-10, atol=problem.atol * 1e-5, jac=jacobian)
        assert sol.success, sol.message
        y = sol.y[:, -1]
    return dict(zip(problem.checked, map(float, y[problem.indices]), strict=True))


def _by_cvode(problem: BenchmarkProblem) -> dict[str, float]:
    from benchmarks.peers.with_sundae import solvers

    solver = solvers(problem)(1e-10, problem.atol * 1e-3)
    y = problem.y0
    for start, end in pairwise((problem.time[0], *problem.breaks, problem.time[1])):
        before = np.nextafter(end, start) if end in problem.breaks else end
        found = solver.solve(np.array([start, before]), y)
        assert found.success, found.message
        y = found.y[-1]
    return dict(zip(problem.checked, map(float, y[problem.indices]), strict=True))


def store(problems: list[BenchmarkProblem]) -> None:
    """Computes the references of `problems` and keeps those of the others."""
    for problem in problems:
        found = compute(problem)
        kept = json.loads(FILE.read_text()) if FILE.exists() else {}
        FILE.write_text(json.dumps(kept | {problem.name: found}, indent=1) + "\n")
