"""Second derivatives of native solves: in every order of modes, as closed forms and as differences of first ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl import native
from stiffdsl.model import CompiledModel
from stiffdsl.native.host import engine
from stiffdsl.runtime.thresholds import Thresholds
from tests.native import solves
from tests.native.test_derivatives import TABLE, by_kernel, direction, library, model, point, switched

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

MODES = {
    "hessian": jax.hessian,
    "reverse over reverse": lambda f: jax.jacrev(jax.jacrev(f)),
    "forward over forward": lambda f: jax.jacfwd(jax.jacfwd(f)),
    "reverse over forward": lambda f: jax.jacrev(jax.jacfwd(f)),
}


@pytest.fixture(scope="module")
def pole():
    """x(t) = x0/(1 - a x0 t), and a parameter without a value to speak of."""
    m = sd.loads(
        "model M\n  param a = 1\n  param b = 0\n  var x start 1\nequations\n  der(x) = a*x^2 + 1e9*b*x\nend\n"
    )
    solve = m.solver(saveat=[0.2, 0.5], time=(0, 0.5), outputs=("x",), rtol=1e-9)

    def last(v):
        return solve({"a": v[0], "b": 1e-9 * v[2]}, initial={"x": v[1]})[1, 0]

    def exact(v):
        a, x, b = v
        growth = jnp.exp(0.5 * b)
        return x * growth / (1 - a * x * (growth - 1) / b)

    return solve, last, exact


AT = jnp.array([1.0, 1.0, 0.3])


@pytest.mark.parametrize("mode", MODES)
def test_as_the_closed_form(pole, mode):
    _, last, exact = pole
    expected = jax.hessian(exact)(AT)
    found = jax.jit(MODES[mode](last))(AT)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # In two orders of differentiation the same to rounding.
    np.testing.assert_allclose(found, found.T, rtol=1e-7)


def test_lanes_and_products(pole):
    _, last, exact = pole
    lanes = AT * jnp.array([[1.0], [0.7]])
    found = jax.jit(jax.vmap(jax.hessian(last)))(lanes)
    np.testing.assert_allclose(found, jax.vmap(jax.hessian(exact))(lanes), rtol=1e-6)
    along = jnp.array([0.3, -1.0, 2.0])
    product = jax.jvp(jax.grad(last), (AT,), (along,))[1]
    np.testing.assert_allclose(product, jax.hessian(exact)(AT) @ along, rtol=1e-6)


def test_at_a_parameter_that_is_zero(pole):
    """Nothing says how far to go but what the solution does: 1e-9 is a large number here."""
    solve, _, _ = pole

    def last(b):
        return solve({"b": b})[1, 0]

    # x(t) at a = 1, x0 = 1, by series in b: 2 + 1e9 b t (1 + ...).
    def form(b):
        growth = 0.5e9 * b
        return jnp.exp(growth) / (1 - jnp.expm1(growth) / (1e9 * b))

    expected = float(jax.grad(jax.grad(form))(1e-11))
    found = float(jax.grad(jax.grad(last))(1e-11))
    assert found == pytest.approx(expected, rel=1e-4)
    assert float(jax.grad(jax.grad(last))(0.0)) == pytest.approx(found, rel=0.05)


def test_third_derivatives_are_refused_in_words(pole):
    _, last, _ = pole
    with pytest.raises(NotImplementedError, match="third derivatives of a solve"):
        jax.jacfwd(jax.hessian(last))(AT)


def checked(of, at, moved, step=1e-4, rtol=1e-5):
    """The second derivative along two directions, against differences of gradients whose steps are chosen anew."""
    reached = of(*at)
    weights = jax.tree.map(lambda y: 1.0 / (jnp.abs(y) + 1e-3), reached)

    @jax.jit
    def slope(*at):
        pulled = jax.vjp(of, *at)[1](weights)
        return sum(jnp.vdot(a, b) for a, b in zip(pulled, moved, strict=True))

    found = jax.jit(lambda *at: jax.jvp(slope, at, moved)[1])(*at)
    ends = [slope(*(v + sign * step * d for v, d in zip(at, moved, strict=True))) for sign in (1, -1)]
    expected = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=rtol)
    return found


@pytest.mark.parametrize(
    "path", [pytest.param("chemistry/pollu.sml", marks=pytest.mark.slow), "examples/two_tank.sml"]
)
def test_of_library_models(path):
    m = library(path)
    at = point(m)
    checked(by_kernel(m, rtol=1e-10), at, direction(at), rtol=1e-4)


def test_of_a_driven_dae():
    """With the algebraic unknown consistent from the start on, as parameters, start and table move."""
    m = model(solves.CONSTRAINED)
    solve = m.solver(saveat=[0.3, 1.0], outputs=["x", "z"], rtol=1e-10)

    def total(x):
        inputs = {"u": (TABLE[0], x * TABLE[1])}
        return jnp.sum(solve(params={"k": 50 * x}, initial={"x": x}, inputs=inputs))

    slope, h = jax.jit(jax.grad(total)), 1e-3
    expected = float((slope(1 + h) - slope(1 - h)) / (2 * h))
    found = jax.jit(jax.grad(jax.grad(total)))(1.0)
    assert float(found) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_segments_of_a_long_solve_are_made_again():
    m = library("chemistry/robertson.sml")
    at = point(m)
    found = checked(by_kernel(m, rtol=1e-10), at, direction(at), rtol=1e-4)
    short = CompiledModel(m.program, thresholds=Thresholds(calls=native.CallSizes(tape=1)))
    again = checked(by_kernel(short, rtol=1e-10, max_steps=2000), at, direction(at), rtol=1e-4)
    np.testing.assert_allclose(again, found, rtol=1e-8)


def test_over_jumps_whose_times_move():
    m, signals = switched()
    at = point(m)
    checked(by_kernel(m, signals, rtol=1e-11), at, direction(at), 1e-5, 1e-4)


def test_with_invariants():
    """Steps end on a circle, by the move back to it."""
    m = sd.loads(
        """
        model Pendulum
          param L = 1
          param g = 9.81
          var x start 0.6
          var y start -0.8
          var vx start 0
          var vy start 0
          var F
        equations
          der(x) = vx
          der(y) = vy
          der(vx) = -F*x
          der(vy) = -F*y - g
          x^2 + y^2 = L^2
        end
        """
    )
    solve = m.solver(saveat=[0.7], time=(0, 0.7), outputs=("x",), rtol=1e-10, atol=1e-12)

    def x(g):
        return solve({"g": g})[0, 0]

    slope, h = jax.jit(jax.grad(x)), 1e-3
    expected = float((slope(9.81 + h) - slope(9.81 - h)) / (2 * h))
    assert float(jax.jit(jax.grad(jax.grad(x)))(9.81)) == pytest.approx(expected, rel=1e-5)
