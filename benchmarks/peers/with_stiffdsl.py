"""stiffdsl: from the text of the model to its end values."""

from functools import cache

import jax
import numpy as np

import stiffdsl as sd
from benchmarks.peers import Run
from benchmarks.problem import BenchmarkProblem


def prepare(problem: BenchmarkProblem) -> Run:
    """Compiles the file in models/; the solver is the function that users differentiate, under `jit`."""
    model = load(problem)
    ends, names = np.array([problem.time[1]]), tuple(problem.checked)

    @cache
    def solver(rtol: float, atol: float):
        return jax.jit(model.solver(time=problem.time, saveat=ends, outputs=names, rtol=rtol, atol=atol))

    return lambda rtol, atol: np.asarray(solver(rtol, atol)({}))[-1]


def load(problem: BenchmarkProblem) -> sd.CompiledModel:
    """The model of a problem."""
    if problem.text:
        return sd.loads(problem.text)
    return sd.load(problem.file, constants=problem.constants)
