"""scikit-sundae: CVODE's BDF with the analytic Jacobian, dense where small, SuperLU_MT where large."""

import warnings

import numpy as np
from scipy.sparse import csc_matrix
from sksundae.cvode import CVODE

from benchmarks.peers import Run
from benchmarks.problem import Problem
from benchmarks.symbolic import python


def prepare(problem: Problem) -> Run:
    cvode = solver(problem)

    def run() -> np.ndarray:
        found = cvode.solve(np.array(problem.time), problem.y0)
        if not found.success:
            raise ArithmeticError(str(found.message))
        return found.y[-1, problem.indices]

    return run


def solver(problem: Problem) -> CVODE:
    """CVODE for the problem at its tolerances."""
    options = {"rtol": problem.rtol, "atol": problem.atol, "max_num_steps": 1_000_000}
    return _dense(problem, options) if problem.jacobian is None else _sparse(problem, options)


def _dense(problem: Problem, options: dict) -> CVODE:
    f, j = python(problem)

    def rhs(t, y, yp):
        yp[:] = f(t, y)

    def jacobian(t, y, yp, J):
        J[:] = j(t, y)

    return CVODE(rhs, jacfn=jacobian, linsolver="dense", **options)


def _sparse(problem: Problem, options: dict) -> CVODE:
    analytic = problem.jacobian
    assert analytic is not None
    # The pattern of values without zeros by chance. sksundae 1.2 takes a matrix with 32-bit indices.
    pattern = csc_matrix(analytic(0.0, np.random.default_rng(0).uniform(1.0, 2.0, problem.size)))
    pattern.sort_indices()
    ones = np.ones(pattern.nnz), pattern.indices.astype(np.int32), pattern.indptr.astype(np.int32)
    pattern = csc_matrix(ones, shape=pattern.shape)
    columns = np.repeat(np.arange(problem.size), np.diff(pattern.indptr))
    place = pattern.indices + problem.size * columns

    def rhs(t, y, yp):
        yp[:] = problem.rhs(t, np.array(y))

    def jacobian(t, y, yp, J):
        found = analytic(t, np.array(y)).tocsc()
        found.sort_indices()
        at = np.repeat(np.arange(problem.size), np.diff(found.indptr)) * problem.size + found.indices
        J[:] = 0.0
        J[np.searchsorted(place, at)] = found.data

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the pattern does not ask for differences here
        return CVODE(rhs, jacfn=jacobian, sparsity=pattern, linsolver="sparse", **options)
