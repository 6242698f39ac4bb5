"""Steps end where the invariants of a system hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.method import Tolerance
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.projection import Projection
from stiffdsl.solve.integrate.solver import make_solve

TOLERANCE = Tolerance(1e-6, 1e-6)


class ConstrainedSystem(FunctionSystem):
    """A system with invariants given as a function; their Jacobian is dense."""

    held: object = None

    def __init__(self, function, size, held):
        super().__init__(function, size)
        object.__setattr__(self, "held", held)

    @property
    def invariant_count(self):
        return len(self.held(np.ones(self.size)))

    @property
    def invariant_rows(self):
        return np.repeat(np.arange(self.invariant_count), self.size)

    @property
    def invariant_columns(self):
        return np.tile(np.arange(self.size), self.invariant_count)

    def invariants(self, t, y, args):
        del t, args
        return jnp.stack(self.held(y))

    def invariants_jacobian(self, t, y, args):
        return jax.jacfwd(lambda y: self.invariants(t, y, args))(y).reshape(-1)


def circle():
    """Rotation whose radius grows by rounding and truncation only."""
    return ConstrainedSystem(
        lambda t, y, args: jnp.stack([-y[1], y[0]]), 2, lambda y: [y[0] ** 2 + y[1] ** 2 - 1]
    )


def test_a_point_returns_along_the_shortest_way():
    project = Projection(circle())
    moved = project(0.0, jnp.array([0.6001, 0.8001]), None, Tolerance(0.0, 1.0))
    off = np.array([0.6001, 0.8001])
    assert moved == pytest.approx(off / np.linalg.norm(off), abs=1e-8)


def test_constraints_that_say_the_same_do_no_harm():
    system = ConstrainedSystem(lambda t, y, args: 0 * y, 2, lambda y: [y[0] - y[1], 2 * y[0] - 2 * y[1]])
    moved = Projection(system)(0.0, jnp.array([1.0, 1.1]), None, Tolerance(0.0, 1.0))
    assert moved == pytest.approx(np.array([1.05, 1.05]), abs=1e-6)


def test_where_there_is_no_way_back_nothing_moves():
    system = ConstrainedSystem(lambda t, y, args: 0 * y, 2, lambda y: [0 * y[0] + 1.0])
    assert Projection(system)(0.0, jnp.array([1.0, 2.0]), None, TOLERANCE).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("method", ["rodas5p", "fbdf"])
def test_a_thousand_turns_keep_their_radius(method):
    held = make_solve(circle(), method)(0.0, 500.0, jnp.array([1.0, 0.0]), None, (), 1e-4, 1e-4)
    free = make_solve(FunctionSystem(circle().function, 2), method)(
        0.0, 500.0, jnp.array([1.0, 0.0]), None, (), 1e-4, 1e-4
    )
    assert held.status == Status.SUCCESS
    assert abs(jnp.linalg.norm(held.y) - 1) < 1e-9 < abs(jnp.linalg.norm(free.y) - 1)


def test_a_projected_solution_has_derivatives():
    solve = make_solve(circle(), "rodas5p")

    def end(angle):
        start = jnp.stack([jnp.cos(angle), jnp.sin(angle)])
        return solve(0.0, 1.0, start, None, (), 1e-8, 1e-8).y[0]

    assert jax.grad(end)(0.3) == pytest.approx(-np.sin(1.3), abs=1e-5)
    assert jax.jvp(end, (0.3,), (1.0,))[1] == pytest.approx(-np.sin(1.3), abs=1e-5)
