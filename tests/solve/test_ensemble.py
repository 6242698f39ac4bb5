"""Lanes in threads."""

import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.integrate.ensemble import lanes, run_lanes
from stiffdsl.solve.integrate.solver import make_solve
from tests.solve.sparse_systems import Diffusion


def test_threads_have_sparse_factors_of_their_own():
    """KLU keeps its factors outside of JAX: threads at the same time find what one thread finds, to the last bit."""
    solve = make_solve(Diffusion(200), "fbdf")
    y0 = np.r_[np.sin(np.linspace(0.1, 3.0, 199)), 0.0]
    y0[-1] = y0[0] + y0[-2]
    program = lanes(lambda end, rates: solve(0.0, end, y0, rates, rtol=1e-6, atol=1e-9).y)
    rates = jnp.stack([jnp.geomspace(30.0, 3000.0, 16), jnp.linspace(1.0, 5.0, 16)], axis=1)
    alone = [run_lanes(program, 2.0, rates[k : k + 2], 2, threads=1) for k in range(0, 16, 2)]
    beside = run_lanes(program, 2.0, rates, 16, threads=8)
    assert np.all(np.isfinite(beside))
    assert np.array_equal(beside, np.concatenate(alone))
