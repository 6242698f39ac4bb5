"""Derivatives of native solves: the same as the portable tier's, as finite differences, and as each other."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl
from stiffdsl import native
from stiffdsl.diagnostics import Source
from stiffdsl.model import CompiledModel
from stiffdsl.native.host import engine
from stiffdsl.pipeline import compile_model
from stiffdsl.resources import folder
from stiffdsl.runtime import tier
from stiffdsl.runtime.driving.inputs import Inputs, signal
from stiffdsl.runtime.system import Args
from stiffdsl.runtime.thresholds import Thresholds
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.integrate.solver import make_solve
from tests.native import solves

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")


TIMES = 5
SMALL = ("chemistry/robertson.sml", "chemistry/hires.sml", "chemistry/pollu.sml", "chemistry/akzo_nobel.sml")
SMALL += ("chemistry/oregonator.sml", "examples/two_tank.sml", "problems/van_der_pol.sml")


def library(path):
    return stiffdsl.load(folder("models") / path)


def model(text, **thresholds):
    program = compile_model(Source("test.sml", text), stop_after="program")
    return CompiledModel(program, thresholds=Thresholds(**thresholds))


def point(model):
    args = model.args()
    return tuple(map(jnp.asarray, (model.initial_state(), args.p, args.inputs.constant)))


def ends(solve, model, signals=(), rtol=1e-6):
    """`(y0, p, u) -> (y, ys)` over the model's own experiment."""
    t0, t1 = model.experiment["time"]
    times = jnp.linspace(t0, t1, TIMES)

    def of(y0, p, u):
        found = solve(t0, t1, y0, Args(p, Inputs(u, signals)), times, rtol, 1e-3 * rtol)
        return found.y, found.ys

    return of


def by_kernel(model, signals=(), rtol=1e-6, max_steps=100_000):
    solve, alone = tier.pure_solve(model, "rodas5p", Options(max_steps=max_steps), signals)
    assert alone
    return ends(solve, model, signals, rtol)


def direction(at, seed=0):
    """A random direction, in proportion to the values."""
    random = np.random.default_rng(seed)
    return tuple(jnp.asarray(random.uniform(-1, 1, v.shape) * v) for v in at)


def products(of, at, moved):
    """A weighted sum of the results along a direction, by forward and by reverse mode."""

    @jax.jit
    def both(at, moved):
        reached, dots = jax.jvp(of, at, moved)
        weights = jax.tree.map(lambda y: 1.0 / (jnp.abs(y) + 1e-3), jax.lax.stop_gradient(reached))
        bars = jax.vjp(of, *at)[1](weights)

        def total(a, b):
            return sum(jnp.vdot(x, y) for x, y in zip(a, b, strict=True))

        return total(weights, dots), total(bars, moved), weights

    return both(at, moved)


def difference(of, at, moved, weights, step=1e-4):
    """The same by finite differences."""

    def total(sign):
        moved_to = [v + sign * step * d for v, d in zip(at, moved, strict=True)]
        return sum(jnp.vdot(w, y) for w, y in zip(weights, of(*moved_to), strict=True))

    return (total(1) - total(-1)) / (2 * step)


@pytest.mark.parametrize(
    "path", [pytest.param(m, marks=pytest.mark.slow) if m.endswith("pollu.sml") else m for m in SMALL]
)
def test_modes_agree_with_each_other_and_with_differences(path):
    m = library(path)
    at = point(m)
    moved = direction(at)
    of = by_kernel(m, rtol=1e-9)
    forward, reverse, weights = products(of, at, moved)
    np.testing.assert_allclose(forward, reverse, rtol=1e-7)
    np.testing.assert_allclose(forward, difference(of, at, moved, weights), rtol=1e-3)


TABLE = (np.array([0.0, 0.5, 0.5, 1.4]), np.array([1.0, 0.2, 0.6, 2.0]))


def constrained(**thresholds):
    """A DAE whose right side changes with time, driven by a table with a jump."""
    table = signal(0, 1.0, 0.0, TABLE, "u")
    return model(solves.CONSTRAINED, **thresholds), (table,)


@pytest.mark.slow
def test_a_driven_dae_as_by_the_portable_tier():
    m, signals = constrained()
    at = (*point(m), signals[0].values)
    portable = make_solve(m.system(True), "rodas5p", 1000)

    def derivatives(solve):
        def of(y0, p, u, values):
            return ends(solve, m, (replace(signals[0], values=values),))(y0, p, u)

        @jax.jit
        def pulled(at):
            reached, pull = jax.vjp(of, *at)
            return pull(jax.tree.map(jnp.cos, reached))

        return pulled(at)

    ours = derivatives(tier.pure_solve(m, "rodas5p", Options(max_steps=1000), signals)[0])
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), ours, derivatives(portable))


@pytest.mark.slow
def test_every_way_to_write_them_is_the_same():
    """With calls; tables of positions instead of code; loops over vectors; pivots as they come."""
    m, signals = constrained()
    at = point(m)
    first = products(by_kernel(m, signals), at, direction(at))
    for form in (
        *solves.FORMS,
        replace(solves.FORMS[2], bad_pivots=-1.0),
        native.Form(bad_pivots=-1.0),
    ):
        other = constrained(form=form)[0]
        assert_close(products(by_kernel(other, signals), at, direction(at)), first)


def switched(**thresholds):
    """A DAE whose algebraic unknowns jump, at times that follow parameters and at those of a table."""
    points = np.array([0.0, 0.03, 0.03, 0.05, 0.05, 0.1]), np.array([1.0, 1.2, 3.0, 2.0, 4.0, 4.0])
    # Differences do not say what two jumps at one time do that move apart.
    text = solves.SWITCHED.replace("param late = 0.02", "param late = 0.035")
    return model(text, **thresholds), (signal(0, 1.0, 0.0, points, "u"),)


@pytest.mark.parametrize("driven", [False, True])
def test_over_jumps_of_algebraic_unknowns(driven):
    m, signals = switched()
    signals = signals if driven else ()
    at = point(m)
    moved = direction(at)
    found = products(by_kernel(m, signals, rtol=1e-10), at, moved)
    forward, reverse, weights = found
    np.testing.assert_allclose(forward, reverse, rtol=1e-9)
    difference_of = difference(by_kernel(m, signals, rtol=1e-10), at, moved, weights, 1e-5)
    np.testing.assert_allclose(forward, difference_of, rtol=1e-5)
    for form in (solves.FORMS[0], solves.PIVOTED):
        assert_close(products(by_kernel(switched(form=form)[0], signals, rtol=1e-10), at, moved), found)


def test_values_saved_where_algebraic_unknowns_jump_follow_what_comes_after():
    """At t0, and at a table's jump, whose times nothing moves."""
    m, (table,) = switched()
    y0, p, u = point(m)
    times = jnp.array([0.0, 0.03])
    beside = times + 1e-9
    solve = tier.pure_solve(m, "rodas5p", Options(max_steps=1000), (table,))[0]

    def saved(times, p):
        return solve(0.0, 0.1, y0, Args(p, Inputs(u, (table,))), times, 1e-10, 1e-13).ys[:, 2:]

    along = (p * np.random.default_rng(0).uniform(-1, 1, p.shape)).at[2:4].set(0.0)
    forward = [jax.jvp(lambda p, t=t: saved(t, p), (p,), (along,))[1] for t in (times, beside)]
    np.testing.assert_allclose(forward[0], forward[1], rtol=1e-4, atol=1e-12)
    pull = jax.vjp(lambda p: saved(times, p), p)[1]
    np.testing.assert_allclose(pull(jnp.ones((2, 2)))[0] @ along, np.sum(forward[0]), rtol=1e-9)


def assert_close(found, expected):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-8), found, expected)


@pytest.mark.parametrize("case", ["constant", "driven", "pivoted"])
def test_directions_side_by_side_are_the_same_directions(case):
    form = native.Form(bad_pivots=-1.0) if case == "pivoted" else native.FORM
    m, signals = constrained() if case == "driven" else (model(solves.CONSTRAINED, form=form), ())
    of, at = by_kernel(m, signals), point(m)
    many = [direction(at, seed) for seed in range(9)]

    def along(*moved):
        return jax.jvp(of, at, moved)[1]

    together = jax.jit(jax.vmap(along))(*map(jnp.stack, zip(*many, strict=True)))
    alone = [jax.jit(along)(*moved) for moved in many]
    assert_close(together, tuple(map(jnp.stack, zip(*alone, strict=True))))

    reached, pull = jax.vjp(of, *at)
    bars = [jax.tree.map(lambda y, k=k: jnp.cos(k * y), reached) for k in range(9)]
    together = jax.jit(jax.vmap(pull))(jax.tree.map(lambda *parts: jnp.stack(parts), *bars))
    alone = [jax.jit(pull)(bar) for bar in bars]
    assert_close(together, jax.tree.map(lambda *parts: jnp.stack(parts), *alone))


def test_segments_of_a_long_solve_are_made_again():
    m = library("chemistry/robertson.sml")
    at = point(m)
    first = products(by_kernel(m), at, direction(at))
    short = Thresholds(calls=native.CallSizes(tape=0, forward_tape=0))
    again = by_kernel(CompiledModel(m.program, thresholds=short), max_steps=200)
    assert_close(products(again, at, direction(at)), first)


def test_batches_of_lanes_and_of_directions():
    m = library("examples/two_tank.sml")
    of = by_kernel(m)
    y0, p, u = point(m)

    def end(p):
        return of(y0, p, u)[0]

    def loss(p):
        return jnp.sum(end(p) ** 2)

    lanes = p * (1 + 0.1 * jnp.arange(3)[:, None])
    forward, reverse = jax.jit(jax.jacfwd(end)), jax.jit(jax.jacrev(end))
    one = [forward(lane) for lane in lanes]
    assert_close(jax.vmap(forward)(lanes), jnp.stack(one))
    assert_close(jax.vmap(reverse)(lanes), jnp.stack(one))
    gradient = jax.vmap(jax.grad(loss))(lanes)
    assert_close(gradient, jnp.stack([2 * end(lane) @ J for lane, J in zip(lanes, one, strict=True)]))
    together = jax.jacfwd(jax.vmap(end))(lanes)
    for k in range(3):
        assert_close(together[k, :, k], one[k])
        assert not np.any(together[k, :, k - 1])
    assert_close(jax.grad(lambda lanes: jnp.sum(jax.vmap(loss)(lanes)))(lanes), gradient)


@pytest.mark.slow
def test_second_derivatives_and_those_by_times():
    m = model(solves.CONSTRAINED)
    solve = tier.pure_solve(m, "rodas5p", Options(max_steps=1000), ())[0]
    y0, p, u = point(m)

    def last(k, end=2.0):
        return solve(0.0, end, y0, Args(p.at[0].set(k), Inputs(u, ())), (), 1e-8, 1e-10).y[0]

    slope = jax.jit(jax.grad(last))
    step = 1e-3 * p[0]
    second = jax.jit(jax.jacfwd(jax.grad(last)))(p[0])
    np.testing.assert_allclose(second, (slope(p[0] + step) - slope(p[0] - step)) / (2 * step), rtol=1e-4)
    by_end = jax.jit(jax.grad(last, argnums=1))(p[0], 2.0)
    np.testing.assert_allclose(by_end, (last(p[0], 2.001) - last(p[0], 1.999)) / 0.002, rtol=1e-3)


def test_through_the_public_interface_with_initialization():
    """The algebraic unknown moves with the parameters from the start on."""
    m = model(solves.CONSTRAINED)
    solve = m.solver(saveat=[0.0, 1.0], outputs=["z"], rtol=1e-9)

    def start_and_later(x):
        return solve(params={"k": 50 * x}, initial={"x": x}, inputs={"u": (TABLE[0], x * TABLE[1])})[:, 0]

    found = jax.jit(jax.jacrev(start_and_later))(1.0)
    np.testing.assert_allclose(found, jax.jit(jax.jacfwd(start_and_later))(1.0), rtol=1e-9)
    difference = (start_and_later(1.0 + 1e-5) - start_and_later(1.0 - 1e-5)) / 2e-5
    np.testing.assert_allclose(found, difference, rtol=1e-3)
    assert found[0] != 0


def test_a_solve_that_fails_has_derivatives_up_to_where_it_came():
    m = model(solves.EXPLODING)
    of = by_kernel(m)
    at = point(m)
    (_, ys), (end, dots) = jax.jvp(of, at, direction(at))
    assert np.isnan(ys[-1]).all()
    assert np.isfinite(ys[0]).all()
    # Where there is no value, there is no derivative.
    assert (np.isnan(dots) == np.isnan(ys)).all()
    assert np.isnan(end).all()
