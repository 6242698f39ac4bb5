"""Derivatives of solves: both modes agree, with each other to rounding and with differences of tight solves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from tests.solve.problems import robertson
from tests.solve.sparse_systems import Diffusion

TIMES = np.array([0.0, 1.0, 5.0, 5.0, 40.0])


def driven(t, y, args):
    """Robertson's reactions with a source that varies in time, and the total as an algebraic unknown."""
    k, source = args["k"], args["source"]
    slope = robertson(t, y[:3], k).at[2].add(source * jnp.sin(t))
    return jnp.append(slope, y[0] + y[1] + y[2] - y[3])


SYSTEM = FunctionSystem(driven, 4, mass=[1, 1, 1, 0])
GIVEN = {
    "t0": np.array(0.0),
    "t1": np.array(40.0),
    "y0": np.array([1.0, 0.0, 0.0, 1.0]),
    "k": np.array([0.04, 1e4, 3e7]),
    "source": np.array(1e-3),
    "times": TIMES,
}
# Directions of a size that suits the quantity.
DIRECTIONS = {
    "t0": np.array(1.0),
    "t1": np.array(1.0),
    "y0": np.array([1.0, 0.0, -0.5, 0.5]),
    "k": GIVEN["k"] * np.array([1.0, -1.0, 0.5]),
    "source": np.array(1.0),
    "times": np.array([0.0, 1.0, -1.0, 2.0, -1.0]),
}


def outcome(solve, q, rtol=1e-9):
    result = solve(
        q["t0"],
        q["t1"],
        q["y0"],
        {"k": q["k"], "source": q["source"], "n": 3},
        q["times"],
        rtol=rtol,
        atol=rtol * 1e-4,
    )
    return jnp.concatenate([result.y, result.ys.ravel()])


class TestOfADae:
    solve = make_solve(SYSTEM, "rodas5p", max_steps=5000)

    @staticmethod
    @jax.jit
    def forward(q, direction):
        return jax.jvp(lambda q: outcome(TestOfADae.solve, q), (q,), (direction,))[1]

    @staticmethod
    @jax.jit
    def reverse(q, weights):
        return jax.vjp(lambda q: outcome(TestOfADae.solve, q), q)[1](weights)[0]

    @staticmethod
    @jax.jit
    def plain(q):
        return outcome(TestOfADae.solve, q, 1e-12)

    @pytest.mark.parametrize("name", GIVEN)
    def test_both_modes_and_differences(self, name):
        forward, reverse, plain = self.forward, self.reverse, self.plain
        direction = {**jax.tree.map(np.zeros_like, GIVEN), name: DIRECTIONS[name]}
        weights = np.cos(np.arange(24))
        found = forward(GIVEN, direction)
        back = reverse(GIVEN, weights)
        assert float(weights @ found) == pytest.approx(float(np.sum(back[name] * DIRECTIONS[name])), rel=1e-9)
        step = 1e-5
        sides = [plain({**GIVEN, name: GIVEN[name] + s * step * DIRECTIONS[name]}) for s in (1, -1)]
        differences = (sides[0] - sides[1]) / (2 * step)
        kept = np.isfinite(differences)  # a time of `saveat` may not move before t0
        np.testing.assert_allclose(
            found[kept], differences[kept], rtol=1e-4, atol=1e-7 * np.nanmax(abs(differences))
        )


def test_replays_from_checkpoints_where_steps_are_many():
    # With 50 steps at most, 8 states are kept of each level.
    system = FunctionSystem(lambda t, y, k: jnp.stack([y[1], -k * y[0]]), 2)
    solve = make_solve(system, "rodas5p", max_steps=50)

    def loss(k):
        return jnp.sum(solve(0.0, 6.0, jnp.array([1.0, 0.0]), k).y ** 2)

    assert 16 < int(solve(0.0, 6.0, jnp.array([1.0, 0.0]), 2.0).counts.accepted) < 50
    assert float(jax.jit(jax.grad(loss))(2.0)) == pytest.approx(
        float(jax.jit(jax.jacfwd(loss))(2.0)), rel=1e-9
    )


class TestTransformations:
    system = FunctionSystem(lambda t, y, args: args["k"] * (jnp.cos(t) - y), 1)
    solve = staticmethod(make_solve(system, "rodas5p", max_steps=1000))
    ks = np.array([1.0, 3.0, 50.0])

    def loss(self, k):
        return self.solve(0.0, 2.0, jnp.zeros(1), {"k": k}, np.array([1.0, 2.0]), rtol=1e-8, atol=1e-10).ys[
            -1, 0
        ]

    def test_batches_of_gradients_and_gradients_of_batches(self):
        def closed(k, t=2.0):
            return k * (k * jnp.cos(t) + jnp.sin(t) - k * jnp.exp(-k * t)) / (1 + k**2)

        found = jax.jit(jax.vmap(jax.grad(self.loss)))(self.ks)
        np.testing.assert_allclose(found, jax.vmap(jax.grad(closed))(self.ks), rtol=1e-6)
        of_batch = jax.jit(jax.grad(lambda ks: jax.vmap(self.loss)(ks).sum()))
        np.testing.assert_allclose(of_batch(self.ks), found, rtol=1e-9)

    @pytest.mark.slow
    def test_second_derivatives(self):
        second = jax.jit(jax.jacfwd(jax.grad(self.loss)))(3.0)
        first = jax.jit(jax.grad(self.loss))
        assert float(second) == pytest.approx((float(first(3.001)) - float(first(2.999))) / 0.002, rel=1e-3)


@pytest.mark.parametrize("method", ["rodas5p", pytest.param("fbdf", marks=pytest.mark.slow)])
def test_through_sparse_solves(method):
    system = Diffusion(200)
    y0 = np.r_[np.linspace(0, 1, 199), 1.0]
    solve = make_solve(system, method, max_steps=500)

    def loss(a):
        return jnp.sum(solve(0.0, 1.0, y0, (a, 1.0), rtol=1e-7, atol=1e-9).y ** 2)

    # Two programs, of which each gives values too: XLA takes seconds for every one.
    value, slope = jax.jit(jax.value_and_grad(loss))(2.0)
    along = jax.jit(lambda a: jax.jvp(loss, (a,), (1.0,)))
    same, forward = along(2.0)
    assert float(forward) == pytest.approx(float(slope), rel=1e-9)
    assert float(same) == pytest.approx(float(value), rel=1e-9)
    assert float((along(2.001)[0] - along(1.999)[0]) / 0.002) == pytest.approx(float(slope), rel=5e-3)
