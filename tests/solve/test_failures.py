"""Every way to stop has a status and names the unknowns involved; nothing hangs, nothing is raised."""

import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.record import record
from stiffdsl.solve.integrate.solver import make_solve
from tests.solve.sparse_systems import Diffusion

CASES = {
    "to infinity": (
        FunctionSystem(lambda t, y, _: jnp.stack([-y[0], y[1] ** 2]), 2),
        [1.0, 1.0],
        Status.STEP_TOO_SMALL,
        1,
    ),
    "root of a negative number": (
        FunctionSystem(lambda t, y, _: jnp.stack([-y[1], -jnp.sqrt(y[1]) - 1.0]), 2),
        [1.0, 1.0],
        Status.NON_FINITE,
        1,
    ),
    "logarithm at the start": (
        FunctionSystem(lambda t, y, _: jnp.stack([y[1], jnp.log(-y[0])]), 2),
        [1.0, 1.0],
        Status.NON_FINITE,
        1,
    ),
    "start that is no number": (FunctionSystem(lambda t, y, _: -y, 2), [1.0, np.nan], Status.NON_FINITE, 1),
    "dependent algebraic equations": (
        FunctionSystem(
            lambda t, y, _: jnp.stack([-y[0], y[1] + y[2] - y[0], 2 * y[1] + 2 * y[2] - 2 * y[0]]),
            3,
            mass=[1, 0, 0],
        ),
        [1.0, 0.5, 0.5],
        Status.SINGULAR,
        2,
    ),
    "an unknown in no equation": (
        FunctionSystem(lambda t, y, _: jnp.stack([y[2] - y[0], y[1] - y[0], y[1] - y[0]]), 3, mass=[1, 0, 0]),
        [1.0, 1.0, 0.0],
        Status.SINGULAR,
        2,
    ),
    "no direction to go": (
        FunctionSystem(lambda t, y, _: jnp.stack([-jnp.sign(y[0]), -y[1]]), 2),
        [1.0, 1.0],
        Status.MAX_STEPS,
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_stops_with(name):
    system, y0, status, culprit = CASES[name]
    found = make_solve(system, "rodas5p", max_steps=2000)(0.0, 5.0, np.array(y0), None, np.array([0.0, 5.0]))
    assert Status(int(found.status)) == status
    assert int(found.culprits[0]) == culprit
    assert 0 <= float(found.t) < 5
    assert np.isnan(np.asarray(found.ys)[1]).all()


def test_no_number_as_time():
    system = FunctionSystem(lambda t, y, _: -y, 1)
    for end in (np.nan, np.inf):
        assert record(system, "rodas5p", 0.0, end, [1.0]).status != Status.SUCCESS


def test_a_sparse_system_that_is_no_number_or_singular():
    system = Diffusion(200)
    y0 = np.r_[np.full(199, 0.5), 1.0]
    found = record(system, "rodas5p", 0.0, 1.0, y0, (np.float64(np.nan), np.float64(1.0)))
    assert found.status == Status.NON_FINITE
    dependent = Diffusion(200)
    values = dependent.jacobian
    dependent.jacobian = lambda t, y, args: jnp.where(system.rows == 199, 0.0, values(t, y, args))
    found = record(dependent, "rodas5p", 0.0, 1.0, y0, (np.float64(1.0), np.float64(1.0)))
    assert found.status == Status.SINGULAR
    assert found.culprits[0] == 199
