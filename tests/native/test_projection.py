"""Steps that end where invariants hold: in the kernel as in the portable tier, and with their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stiffdsl.diagnostics import Source
from stiffdsl.native.host import engine
from stiffdsl.pipeline import compile_model
from stiffdsl.runtime.backend import built

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

# A bead on an ellipse whose axis grows with time, pushed by an input; `a*b` is worked out once for a solve.
BEAD = """
model Bead
  param a = 1
  param b = 2
  input push = 1
  var x guess 1
  var y start 0
  var vx
  var vy start 0
  var force
equations
  der(x) = vx
  der(y) = vy
  der(vx) = -force*x*b^2 + push
  der(vy) = -force*y*a^2 - 9.81*a*b
  x^2*b^2 + y^2*a^2 = (1 + 0.1*sin(time/1[s]))^2*a^2*b^2
experiment
  time 0..1
end
"""
TIMES = np.linspace(0.2, 1.0, 3)
TABLE = np.array([0.0, 0.4, 1.0]), np.array([1.0, -1.0, 2.0])


@pytest.fixture(scope="module")
def bead():
    return compile_model(Source("bead.sml", BEAD))


@pytest.mark.parametrize("push", [pytest.param(0.5, marks=pytest.mark.slow), TABLE])
def test_the_kernel_ends_its_steps_where_the_portable_tier_does(bead, push, monkeypatch):
    run = {"inputs": {"push": push}, "saveat": TIMES}
    native = bead.simulate(**run)
    assert native.stats["tier"] == "native"
    end = 2.0**2 * native["x"][-1] ** 2 + native["y"][-1] ** 2
    np.testing.assert_allclose(end, (1 + 0.1 * np.sin(1.0)) ** 2 * 4.0, rtol=1e-13)
    monkeypatch.setitem(bead.artifacts, (built, ("rodas5p",)), None)
    portable = bead.simulate(**run)
    assert portable.stats == native.stats | {"tier": "portable"}
    # Where the table bends, rounding moves the steps a little.
    np.testing.assert_allclose(native.y, portable.y, rtol=1e-8)


def test_derivatives_go_with_the_move_to_the_invariants(bead):
    solve = bead.solver(saveat=TIMES, outputs=("x", "vy"))
    weights = np.random.default_rng(0).normal(size=(3, 2))

    @jax.jit
    def total(params, values):
        return jnp.sum(weights * solve({"a": params[0], "b": params[1]}, inputs={"push": (TABLE[0], values)}))

    at = jnp.array([1.0, 2.0]), jnp.asarray(TABLE[1])
    back = np.concatenate(jax.grad(total, (0, 1))(*at))
    forth = np.concatenate(jax.jacfwd(total, (0, 1))(*at))
    np.testing.assert_allclose(back, forth, rtol=1e-10)
    flat = np.concatenate(at)
    step = 1e-4
    for k in range(5):
        moved = [flat + sign * step * (np.arange(5) == k) for sign in (1, -1)]
        up, down = (total(jnp.asarray(m[:2]), jnp.asarray(m[2:])) for m in moved)
        np.testing.assert_allclose((up - down) / (2 * step), back[k], rtol=1e-3, atol=1e-4)
