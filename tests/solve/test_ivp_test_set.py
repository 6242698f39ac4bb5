"""Work against precision on problems with published end values, for every implicit method: the long proof."""

import numpy as np
import pytest

from stiffdsl.solve.base.method_table import METHODS as METHOD_TABLE
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.solver import make_solve
from tests.solve.problems import REFERENCES

METHODS = tuple(name for name, one in METHOD_TABLE.items() if one.algebraic)
TOLERANCES = (1e-4, 1e-6, 1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", REFERENCES)
def test_error_follows_the_tolerance_down_to_1e_minus_8(name, method):
    problem = REFERENCES[name]
    solve = make_solve(problem.system, method)
    errors, work = [], []
    for rtol in TOLERANCES:
        atol = problem.atol * rtol / TOLERANCES[-1]
        result = solve(0.0, problem.end, problem.y0, problem.args, rtol=rtol, atol=atol)
        assert result.status == Status.SUCCESS
        errors.append(np.max(np.abs(result.y - problem.value) / np.abs(problem.value)))
        work.append(int(result.counts.accepted + result.counts.rejected))
    assert errors[-1] < 1e-6
    assert errors[1] < 1e-3
    # Single errors scatter: four digits of tolerance give at least two of accuracy, or what the reference carries.
    assert errors[2] < max(errors[0] / 100, 1e-9)
    assert work[0] < work[1] < work[2] < 36 * work[0]
