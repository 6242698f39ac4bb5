"""Derivatives of native solves over events: as closed forms, as differences, and as each other."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl
from stiffdsl.diagnostics import Source
from stiffdsl.model import CompiledModel
from stiffdsl.native.host import engine
from stiffdsl.pipeline import compile_model
from stiffdsl.runtime import tier
from stiffdsl.runtime.driving.inputs import Inputs, signal
from stiffdsl.runtime.system import Args
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.integrate.solver import make_solve

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")


def model(text):
    return CompiledModel(compile_model(Source("test.sml", text), stop_after="program"))


def ends(m, times, rtol=1e-10, signals=(), start=None):
    """`p -> (ys, t)` by the kernel, from `start(p)`."""
    solve, alone = tier.pure_solve(m, "rodas5p", Options(max_steps=20_000), signals)
    assert alone

    y0, u = jnp.asarray(m.initial_state()), jnp.asarray(m.args().inputs.constant)
    t0, t1 = m.experiment["time"]

    def of(p):
        begin = y0 if start is None else start(p)
        found = solve(t0, t1, begin, Args(p, Inputs(u, signals)), jnp.asarray(times), rtol, 1e-3 * rtol)
        return found.ys, found.t

    return of


def both_modes(of, p):
    """The Jacobians of the saved values and of the time by the parameters, which both modes agree on."""
    forward, reverse = jax.jit(lambda p: (jax.jacfwd(of)(p), jax.jacrev(of)(p)))(p)
    for a, b in zip(forward, reverse, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    return [np.asarray(a) for a in forward]


def exact(of, p):
    """The derivatives of a formula by its parameters, by complex steps."""
    moved = [of(np.asarray(p) + 1e-30j * np.eye(len(p))[k]) for k in range(len(p))]
    return np.stack([np.imag(v) / 1e-30 for v in moved], axis=-1)


def differences(of, p, step=1e-4):
    """The derivatives by differences of fourth order."""
    found = []
    for k in range(len(p)):
        d = step * abs(p[k]) * np.eye(len(p))[k]
        a, b, c, e = (np.asarray(of(jnp.asarray(p + s * d))[0]) for s in (-2, -1, 1, 2))
        found.append((a - 8 * b + 8 * c - e) / (12 * step * abs(p[k])))
    return np.stack(found, axis=-1)


BALL = """
model Ball
  param g = 9.81
  param e = 0.8
  param h0 = 1
  var h start h0
  var v start 0
equations
  der(h) = v
  der(v) = -g
  when h < 0
    v := -e*v
  end
experiment
  time 0..1.5
end
"""


def bounced(p, times):
    """Height and speed of the ball."""
    g, e, h0 = p
    fallen = np.sqrt(2 * h0 / g)
    found = []
    for t in times:
        begin, speed, height = 0.0, 0.0, h0
        landing = fallen
        while np.real(t) > np.real(landing):
            speed = e * speed if begin else e * g * fallen
            height, begin = 0.0, landing
            landing = begin + 2 * speed / g
        since = t - begin
        found.append([height + speed * since - 0.5 * g * since**2, speed - g * since])
    return np.array(found)


def test_a_ball_bounces_by_its_parameters():
    times = np.array([0.3, 0.7, 1.0, 1.2, 1.5])
    m = model(BALL)
    of = ends(m, times, start=lambda p: jnp.stack([p[2], 0.0 * p[0]]))
    p = np.asarray(m.args().p)
    by_p, of_time = both_modes(of, p)
    np.testing.assert_allclose(by_p, exact(lambda p: bounced(p, times), p), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(by_p[-1, 0], [-0.02779755, 2.63901336, 0.67555601], rtol=1e-7)
    assert not of_time.any()


def test_lanes_bounce_by_themselves():
    m = model(BALL)
    of = ends(m, [1.0, 1.5], start=lambda p: jnp.stack([p[2], 0.0 * p[0]]))
    p = np.asarray(m.args().p) * np.array([[1.0, 1.0, 1.0], [1.1, 0.9, 1.2], [0.9, 1.1, 0.6]])
    found = jax.jit(jax.vmap(jax.grad(lambda p: of(p)[0][:, 0].sum())))(p)
    wanted = [exact(lambda p: bounced(p, [1.0, 1.5])[:, 0].sum(), row) for row in p]
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


THERMOSTAT = """
model Thermostat
  param Ta = 10
  param tau = 100
  param P = 0.3
  param low = 18
  param high = 22
  var T start 15
  discrete on = 1
equations
  der(T) = (Ta - T)/tau + P*on
  when T > high
    on := 0
  elsewhen T < low
    on := 1
  end
experiment
  time 0..300
end
"""


def switched(p, times):
    Ta, tau, P, low, high = p
    found, t, T, on = [], 0.0, 15.0, True
    for time in times:
        while True:
            rest = Ta + P * tau * on
            goal = high if on else low
            change = t + tau * np.log((T - rest) / (goal - rest))
            if np.real(change) > time:
                break
            t, T, on = change, goal, not on
        found.append(rest + (T - rest) * np.exp(-(time - t) / tau))
    return np.array(found)


@pytest.mark.slow
def test_a_thermostat_switches_when_its_parameters_say():
    times = np.linspace(30, 300, 10)
    m = model(THERMOSTAT)
    p = np.asarray(m.args().p)
    by_p, _ = both_modes(ends(m, times), p)
    np.testing.assert_allclose(by_p[:, 0], exact(lambda p: switched(p, times), p), rtol=1e-8, atol=1e-8)


DOSE = """
model Dose
  param k = 0.5
  param first = 1
  param D = 2
  param empty = 0.3
  var x start 0
  discrete doses = 0
equations
  der(x) = -k*x
  when time >= first
    x := x + D
    doses := doses + 1
  elsewhen x < empty
    stop "washed out"
  end
experiment
  time 0..10
end
"""


def test_a_stop_moves_with_the_dose_before_it():
    m = model(DOSE)
    p = np.asarray(m.args().p)
    k, first, D, empty = p
    by_p, of_time = both_modes(ends(m, [0.5, 2.0, 9.0]), p)
    wanted = np.log(D / empty)
    np.testing.assert_allclose(of_time, [-wanted / k**2, 1.0, 1 / (k * D), -1 / (k * empty)], rtol=1e-8)
    at = D * np.exp(-k * (2 - first))
    np.testing.assert_allclose(by_p[1, 0], [-(2 - first) * at, k * at, at / D, 0.0], rtol=1e-8, atol=1e-12)
    # What was not reached has no derivatives.
    assert np.isnan(by_p[2]).all()
    assert not by_p[0].any()


CIRCUIT = """
model Circuit
  param R = 2
  param limit = 0.6
  param drop = 0.3
  input s = 1
  var q start 0
  var v guess 0
  var w guess 0
equations
  der(q) = (s + 0.2*sin(time) - v)/R
  v = q + 0.1*w^3
  w = q*v - 0.3*sin(time)
  when v > limit*s + 0.05*time
    q := drop*w + 0.1*time*s
  elsewhen w > 10
    q := 0
  end
experiment
  time 0..6
end
"""


def test_algebraic_unknowns_and_inputs_follow_over_events():
    m = model(CIRCUIT)
    times = np.linspace(0.5, 6, 8)
    table = signal(0, 1.0, 0.0, (np.array([0.0, 3.0, 3.0, 6.0]), np.array([1.0, 1.2, 0.9, 1.1])), "s")
    p, values = np.asarray(m.args().p), np.asarray(table.values)

    def of(pv):
        moved = replace(table, values=pv[len(p) :])
        return ends(m, times, 1e-11, (moved,))(pv[: len(p)])

    both = np.concatenate([p, values])
    found, _ = both_modes(of, both)
    np.testing.assert_allclose(found, differences(jax.jit(of), both, 1e-3), rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_the_portable_tier_has_the_same_derivatives():
    m = model(CIRCUIT)
    p, u, y0 = (jnp.asarray(v) for v in (m.args().p, m.args().inputs.constant, m.initial_state()))
    solve = make_solve(m.system(False), "rodas5p", 2_000)

    def portable(p):
        return solve(0.0, 6.0, y0, Args(p, Inputs(u, ())), jnp.array([6.0]), 1e-10, 1e-13).ys

    wanted = jax.jit(jax.jacfwd(portable))(p)
    found = jax.jit(jax.jacfwd(lambda p: ends(m, [6.0])(p)[0]))(p)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


def test_the_time_of_a_stop_is_a_result_with_derivatives():
    solve = stiffdsl.loads(DOSE).solver(outputs=["x"])

    def duration(empty):
        full = solve.full({"empty": empty})
        return full.t, full.success

    slope, success = jax.grad(duration, has_aux=True)(0.4)
    assert success
    assert slope == pytest.approx(-1 / (0.5 * 0.4), rel=1e-5)


PENDULUM = """
model Pendulum
  param e = 0.8
  param at = 0.3
  var x start 0.8
  var y guess -0.6
  var vx start 0
  var vy guess 0
  var pull guess 1
equations
  der(x) = vx
  der(y) = vy
  der(vx) = -pull*x
  der(vy) = -pull*y - 9.81
  x^2 + y^2 = 1
  when x < at
    vx := e*vx
  end
experiment
  time 0..0.6
end
"""


def test_what_constraints_move_behind_an_event_is_differentiated():
    m = model(PENDULUM)
    assert m.program.events.count
    assert len(m.program.invariant_rows)
    of, p = ends(m, [0.6], 1e-9), np.asarray(m.args().p)
    found, _ = both_modes(of, p)
    np.testing.assert_allclose(found, differences(jax.jit(of), p, 1e-3), rtol=1e-5, atol=1e-7)
    assert abs(found[0, 0, 0]) > 0.01
