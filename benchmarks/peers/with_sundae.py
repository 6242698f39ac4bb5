"""scikit-sundae: BDF of CVODE and IDA with the analytic Jacobian, dense where small, SuperLU_MT where large.

IDA gets the same equations as `0 = y' - f(t, y)`.
"""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy.sparse import csc_array, csc_matrix
from sksundae.cvode import CVODE
from sksundae.ida import IDA

from benchmarks.peers import Run
from benchmarks.problem import BenchmarkProblem
from benchmarks.symbolic import python


def prepare(problem: BenchmarkProblem, method: str) -> Run:
    make = solvers(problem, method)
    times = np.array(problem.time)

    @cache
    def solver(rtol: float, atol: float):
        return make(rtol, atol)

    def run(rtol: float, atol: float) -> np.ndarray:
        if method == "IDA":
            found = solver(rtol, atol).solve(times, problem.y0, problem.rhs(times[0], problem.y0))
        else:
            found = solver(rtol, atol).solve(times, problem.y0)
        if not found.success:
            raise ArithmeticError(str(found.message))
        return found.y[-1, problem.indices]

    return run


def solvers(problem: BenchmarkProblem, method: str = "CVODE") -> Callable[[float, float], Any]:
    """`(rtol, atol) -> ` CVODE or IDA for the problem."""
    given = _dense(problem, method) if problem.jacobian is None else _sparse(problem, method)
    solver = CVODE if method == "CVODE" else IDA

    def make(rtol: float, atol: float):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the pattern does not ask for differences here
            return solver(**given, rtol=rtol, atol=atol, max_num_steps=1_000_000)

    return make


def _dense(problem: BenchmarkProblem, method: str) -> dict[str, Any]:
    f, j = python(problem)
    one = np.eye(problem.size)

    def rhs(t, y, yp):
        yp[:] = f(t, y)

    def jacobian(t, y, yp, J):
        J[:] = j(t, y)

    def residual(t, y, yp, res):
        res[:] = yp - f(t, y)

    def slope(t, y, yp, res, cj, J):
        J[:] = cj * one - np.array(j(t, y))

    if method == "IDA":
        return {"resfn": residual, "jacfn": slope, "linsolver": "dense"}
    return {"rhsfn": rhs, "jacfn": jacobian, "linsolver": "dense"}


def _sparse(problem: BenchmarkProblem, method: str) -> dict[str, Any]:
    analytic = problem.jacobian
    assert analytic is not None
    n = problem.size
    # The pattern of values without zeros by chance, and the diagonal. sksundae 1.2 takes a matrix with 32-bit indices.
    example = csc_array(analytic(0.0, np.random.default_rng(0).uniform(1.0, 2.0, n)))
    pattern = csc_matrix(abs(example) + csc_array((np.ones(n), (np.arange(n), np.arange(n)))))
    pattern.sort_indices()
    ones = np.ones(pattern.nnz), pattern.indices.astype(np.int32), pattern.indptr.astype(np.int32)
    pattern = csc_matrix(ones, shape=pattern.shape)
    places = pattern.indices + n * np.repeat(np.arange(n), np.diff(pattern.indptr))
    diagonal = np.searchsorted(places, np.arange(n) * (n + 1))

    def fill(J, found) -> None:
        found = csc_array(found)
        found.sort_indices()
        at = np.repeat(np.arange(n), np.diff(found.indptr)) * n + found.indices
        J[:] = 0.0
        J[np.searchsorted(places, at)] = found.data

    def rhs(t, y, yp):
        yp[:] = problem.rhs(t, np.array(y))

    def jacobian(t, y, yp, J):
        fill(J, analytic(t, np.array(y)))

    def residual(t, y, yp, res):
        res[:] = yp - problem.rhs(t, np.array(y))

    def slope(t, y, yp, res, cj, J):
        fill(J, -analytic(t, np.array(y)))
        J[diagonal] += cj

    shared = {"sparsity": pattern, "linsolver": "sparse"}
    if method == "IDA":
        return {"resfn": residual, "jacfn": slope, **shared}
    return {"rhsfn": rhs, "jacfn": jacobian, **shared}
