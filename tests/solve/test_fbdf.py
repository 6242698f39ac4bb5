"""BDF: the order of each formula, error control, reuse of factors, dense output, jumps, derivatives of a step."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy.integrate import BDF, solve_ivp

from stiffdsl.solve.base.method import Tolerance
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import FunctionSystem
from stiffdsl.solve.integrate.solver import make_solve
from stiffdsl.solve.methods.fbdf import FBDF, ORDERS
from tests.solve.sparse_systems import Diffusion

TIGHT = Tolerance(1e-12, 1e-12)
# Prothero and Robinson: stiff, with the solution (sin, cos)(t); the second unknown may be algebraic.
LAMBDA = 1e4


def stiff(t, y, rate):
    a, b = y[0] - jnp.sin(t), y[1] - jnp.cos(t)
    return jnp.stack([jnp.cos(t) + b * a - rate * a, -jnp.sin(t) - LAMBDA * (b + a * a)])


def algebraic(t, y, rate):
    return stiff(t, y, rate).at[1].set(y[1] - jnp.cos(t) - jnp.sin(y[0] - jnp.sin(t)))


ODE, DAE = FunctionSystem(stiff, 2), FunctionSystem(algebraic, 2, mass=[1, 0])


def exact(t):
    return np.array([np.sin(t), np.cos(t)])


def history(method, t, steps):
    """The memory at t as if the exact solution had been stepped through backwards with `steps`."""
    times = t - np.concatenate([[0.0], np.cumsum(steps)])
    table = exact(times)
    differences = []
    for j in range(1, len(times)):
        table = (table[:, :-1] - table[:, 1:]) / (times[:-j] - times[j:])
        differences.append(table[:, 0])
    memory = method.start(t, jnp.asarray(exact(t)), steps[0], 1.0, TIGHT)
    return memory._replace(
        differences=jnp.asarray(differences),
        distances=jnp.asarray(t - times),
        points=jnp.int32(7),
    )


@pytest.mark.parametrize("system", [ODE, DAE], ids=["ode", "dae"])
def test_order_of_each_formula(system):
    method = FBDF(system)
    unequal = np.array([1.0, 0.8, 1.3, 0.9, 1.1])
    attempt = jax.jit(lambda memory, h: method.attempt(memory, 0.5, jnp.asarray(exact(0.5)), h, 1.0, TIGHT))

    def error(order, h):
        memory = history(method, 0.5, h * unequal)._replace(order=jnp.int32(order))
        result = attempt(memory, h)
        true = np.abs(result.y - exact(0.5 + h))[0]
        # The estimate is of the right size for the unknown that is integrated.
        estimate = np.abs(result.scaled[0]) * 1e-12 * (1 + np.abs(result.y[0]))
        assert 0.3 < estimate / true < 5
        return true

    for order in range(1, ORDERS + 1):
        h = 0.02 * order
        assert np.log2(error(order, h) / error(order, h / 2)) > order + 0.7


def test_dense_output_is_the_polynomial_of_the_order():
    method = FBDF(ODE)
    h, steps = 0.1, 0.1 * np.array([1.2, 0.7, 1.0, 0.8, 1.1])
    memory = history(method, 0.5, steps)
    y0 = jnp.asarray(exact(0.5))
    attempt = jax.jit(lambda memory: method.attempt(memory, 0.5, y0, h, 1.0, TIGHT))
    for order in range(1, ORDERS + 1):
        k = attempt(memory._replace(order=jnp.int32(order)))
        times = np.array([0.5 + h, *(0.5 - np.concatenate([[0.0], np.cumsum(steps)]))])[: order + 1]
        values = np.stack([k.y, *exact(times[1:]).T])
        # Interpolating the same points with NumPy gives the same value inside the step.
        fit = [np.polynomial.polynomial.Polynomial.fit(times, v, order) for v in values.T]
        theta, row = 0.37, k.K[-1]
        for j in range(len(k.K) - 2, -1, -1):
            row = k.K[j] + theta * row
        value = (1 - theta) * y0 + theta * (k.y + (1 - theta) * row)
        assert np.allclose(value, [f(0.5 + theta * h) for f in fit], atol=1e-12)


@pytest.mark.parametrize("system", [ODE, DAE], ids=["ode", "dae"])
def test_error_and_work_follow_the_tolerance(system):
    solve = make_solve(system, "fbdf")
    times = np.linspace(0.0, 10.0, 57)
    errors = []
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        result = solve(0.0, 10.0, exact(0.0), 1.0, times, rtol=tolerance, atol=tolerance)
        assert result.status == Status.SUCCESS
        errors.append(np.abs(result.ys - exact(times).T).max())
        assert errors[-1] < 10 * tolerance
        attempts = result.counts.accepted + result.counts.rejected
        assert result.counts.rhs < 1.5 * attempts
        assert result.counts.jacobians <= result.counts.factorizations < attempts / 4
        assert result.counts.rejected < attempts / 10
    assert np.all(np.diff(np.log10(errors)) < -1.2)


# An oscillator, prey and predators, van der Pol's oscillator, and a decay that a meter adds up: slopes, begin and end.
SMOOTH = (
    (lambda a, b: (b, -a), (1.0, 0.0), 20.0),
    (lambda a, b: ((1.5 - b) * a, (a - 3) * b), (10.0, 5.0), 6.0),
    (lambda a, b: (b, (1 - a * a) * b - a), (2.0, 0.0), 10.0),
    (lambda a, b: (-a, a), (1.0, 0.0), 5.0),
)


def smooth(t, y, kind):
    every = jnp.stack([jnp.stack(slopes(*y)) for slopes, _, _ in SMOOTH])
    return every[kind]


def test_smooth_problems_are_nearer_than_by_other_bdf():
    """At equal tolerances, and in about as many steps as SciPy takes, whose iterations and factorizations are twice as
    many. Local errors of one sign add up: no method that holds each to the tolerance stays there."""
    solve, ratios, rtol = make_solve(FunctionSystem(smooth, 2), "fbdf"), [], 1e-6
    for kind, (slopes, begun, end) in enumerate(SMOOTH):

        def f(t, y, slopes=slopes):
            return np.array(slopes(*y))

        right = solve_ivp(f, (0, end), begun, "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
        peer, steps = BDF(f, 0.0, np.array(begun), end, rtol=rtol, atol=1e-3 * rtol), 0
        while peer.status == "running":
            peer.step()
            steps += 1
        found = solve(0.0, end, np.array(begun), kind, rtol=rtol, atol=1e-3 * rtol)
        off, theirs = (np.max(np.abs(y - right)) / rtol for y in (found.y, peer.y))
        ratios.append([off / theirs, (found.counts.accepted + found.counts.rejected) / steps])
    off, steps = np.exp(np.mean(np.log(np.asarray(ratios, dtype=float)), axis=0))
    assert off < 0.7
    assert steps < 1.2


def kinds(t, y, kind):
    """Decay, a jump of the derivative, blow-up, and no value after t = 1: one function, compiled once."""
    jump = -1e4 * (y - jnp.where(t < 1.1, 1.0, 5.0))
    return jnp.select([kind == 0, kind == 1, kind == 2], [-y, jump, y * y], jnp.where(t > 1, jnp.nan, -y))


@cache
def solver(function, size, mass=None):
    return make_solve(FunctionSystem(function, size, mass=mass), "fbdf")


def test_both_directions_of_time():
    result = solver(kinds, 1)(2.0, -1.0, np.array([np.exp(-2.0)]), 0, rtol=1e-9, atol=1e-12)
    assert np.isclose(result.y[0], np.exp(1.0), rtol=1e-7)


def test_jump_of_the_derivative():
    result = solver(kinds, 1)(0.0, 3.0, np.ones(1), 1, rtol=1e-6, atol=1e-9)
    assert result.status == Status.SUCCESS
    assert np.isclose(result.y[0], 5.0, rtol=1e-5)
    assert result.counts.rejected < 40


@pytest.mark.parametrize(("kind", "status"), [(2, Status.STEP_TOO_SMALL), (3, Status.NON_FINITE)])
def test_ends_with_a_status(kind, status):
    result = solver(kinds, 1)(0.0, 3.0, np.ones(1), kind, rtol=1e-6, atol=1e-9)
    assert result.status == status
    assert 0.99 < result.t < 1.01


def test_jumps_of_an_algebraic_unknown():
    """Its equation fixes it on both sides, whatever the step: the solver must step over the jump, and often."""

    def square_wave(t, y, _):
        return jnp.stack([-100 * (y[0] - y[1]), y[1] - jnp.sign(jnp.sin(40 * t + 1e-9))])

    system = FunctionSystem(square_wave, 2, mass=[1, 0])
    times = np.arange(1, 38) * np.pi / 40
    solve = make_solve(system, "fbdf")
    for first_step in (1e-6, 3e-6, 7e-6):
        result = solve(
            0.0, 3.0, np.array([0.0, 1.0]), None, times, rtol=1e-6, atol=1e-9, first_step=first_step
        )
        assert result.status == Status.SUCCESS
        # From one jump to the next the state closes in on the wave by the same factor.
        close = np.exp(-100 * np.pi / 40)
        state = 0.0
        for k, value in enumerate(result.ys[:, 0]):
            target = (-1.0) ** k
            state = target + (state - target) * close
            assert abs(value - state) < 2e-4


def test_tolerance_below_rounding_of_an_algebraic_equation():
    """The third unknown starts from zero, and 1 - a - b cannot give it to better than 1e-16."""

    def robertson(t, y, k):
        fast = k[2] * y[1] ** 2
        return jnp.stack(
            [-k[0] * y[0] + k[1] * y[1] * y[2], k[0] * y[0] - k[1] * y[1] * y[2] - fast, sum(y) - 1]
        )

    system = FunctionSystem(robertson, 3, mass=[1, 1, 0])
    k = np.array([0.04, 1e4, 3e7])
    result = make_solve(system, "fbdf")(0.0, 0.4, np.array([1.0, 0, 0]), k, rtol=1e-8, atol=1e-20)
    assert result.status == Status.SUCCESS
    value = [9.8517211386099e-01, 3.3863953789749e-05, 1.4794022185220e-02]
    assert np.allclose(result.y, value, rtol=1e-6)
    assert result.counts.accepted + result.counts.rejected < 600


def test_order_falls_where_high_orders_are_not_stable():
    """Enright's B5 (BIT 15:10, 1975): eigenvalues -10 +- 100i lie outside the stability regions of high order."""

    def b5(t, y, w):
        rates = jnp.array([4.0, 1.0, 0.5, 0.1])
        return jnp.concatenate([jnp.stack([-10 * y[0] + w * y[1], -w * y[0] - 10 * y[1]]), -rates * y[2:]])

    result = make_solve(FunctionSystem(b5, 6), "fbdf")(0.0, 20.0, np.ones(6), 100.0, rtol=1e-6, atol=1e-9)
    assert result.counts.accepted < 2000
    assert np.allclose(result.y[:2], 0.0, atol=1e-8)
    assert np.allclose(result.y[2:], np.exp(-20 * np.array([4.0, 1.0, 0.5, 0.1])), atol=1e-7)


def test_derivatives_of_steps_in_both_modes():
    """With step sizes given, steps are a smooth function of start, parameter and step sizes."""
    method = FBDF(DAE)

    def end(y0, rate, steps):
        def step(carry, h):
            memory, t, y = carry
            attempt = method.attempt(memory, t, y, h, rate, TIGHT)
            memory, _ = method.advance(attempt, True, t, y, h, 1.0, 0)
            return (memory, t + h, attempt.y), None

        start = method.start(0.0, y0, steps[0], rate, TIGHT), jnp.zeros(()), y0
        (_, _, y), _ = lax.scan(step, start, steps)
        return y[0] + 2 * y[1]

    at = jnp.array([0.1, 1.0]), 1.0, jnp.array([0.01, 0.012, 0.011, 0.013])
    gradient = jax.jit(jax.grad(end, argnums=(0, 1, 2)))(*at)
    direction = jnp.array([0.3, -0.2]), 0.5, jnp.array([0.1, 0.4, -0.2, 0.3])
    tangent = jax.jit(lambda *x: jax.jvp(end, x, direction))
    value, slope = tangent(*at)
    assert np.isclose(sum(np.sum(g * d) for g, d in zip(gradient, direction, strict=True)), slope, rtol=1e-9)
    e = 1e-6
    further, _ = tangent(*[x + e * d for x, d in zip(at, direction, strict=True)])
    assert np.isclose((further - value) / e, slope, rtol=1e-4)


@pytest.mark.slow
def test_sparse_solver_in_batches_and_derivatives():
    """The sparse solver holds one set of factors: lanes and backward passes must not use those of others."""
    system = Diffusion(200)
    solve = make_solve(system, "fbdf")
    y0 = np.r_[np.sin(np.linspace(0.1, 3.0, 199)), 0.0]
    y0[-1] = y0[0] + y0[-2]

    def total(rates):
        return jnp.sum(solve(0.0, 2.0, y0, rates, rtol=1e-6, atol=1e-9).y)

    rates = jnp.array([300.0, 2.0])
    lanes = jax.vmap(total)(jnp.stack([rates, 1.5 * rates]))
    assert np.allclose(lanes, [total(rates), total(1.5 * rates)], rtol=1e-9)
    gradient = jax.grad(total)(rates)
    for i in range(2):
        slope = jax.jvp(total, (rates,), (jnp.eye(2)[i],))[1]
        assert np.isclose(gradient[i], slope, rtol=1e-8, atol=1e-10)
