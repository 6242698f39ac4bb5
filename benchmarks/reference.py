"""Tight references: scipy Radau at rtol 1e-10 with the hand-written equations, kept in references.json.

python -m benchmarks references            computes them again
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.problem import Problem
from benchmarks.symbolic import python

FILE = Path(__file__).with_name("references.json")


def load(problem: Problem) -> np.ndarray:
    """The end values of `problem.checked`."""
    values = json.loads(FILE.read_text())[problem.name]
    return np.array([values[name] for name in problem.checked])


def compute(problem: Problem) -> dict[str, float]:
    """The end values by name, computed piece by piece between the jumps of the problem."""
    rhs, jacobian = (problem.rhs, problem.jacobian) if problem.jacobian else python(problem)
    y = problem.y0
    for start, end in pairwise((problem.time[0], *problem.breaks, problem.time[1])):
        before = np.nextafter(end, start) if end in problem.breaks else end
        sol = solve_ivp(rhs, (start, before), y, "Radau", rtol=1e-10, atol=problem.atol * 1e-5, jac=jacobian)
        assert sol.success, sol.message
        y = sol.y[:, -1]
    return dict(zip(problem.checked, map(float, y[problem.indices]), strict=True))


def store(problems: list[Problem]) -> None:
    """Computes the references of `problems` and keeps those of the others."""
    kept = json.loads(FILE.read_text()) if FILE.exists() else {}
    for problem in problems:
        kept[problem.name] = compute(problem)
        FILE.write_text(json.dumps(kept, indent=1) + "\n")
