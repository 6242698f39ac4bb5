"""stiffdsl: from the text of the model to its end values."""

import jax
import numpy as np

import stiffdsl as sd
from benchmarks.peers import Run
from benchmarks.problem import Problem


def prepare(problem: Problem) -> Run:
    """Compiles the file in models/; the solver is the function that users differentiate, under `jit`."""
    model = sd.load(problem.file, constants=problem.constants)
    ends = np.array([problem.time[1]])
    solve = jax.jit(
        model.solver(
            time=problem.time,
            saveat=ends,
            outputs=tuple(problem.checked),
            rtol=problem.rtol,
            atol=problem.atol,
        )
    )
    return lambda: np.asarray(solve({}))[-1]
