"""Derivatives in kernels where several times move with parameters: doses, infusions and lags, as closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl
from stiffdsl.native.host import engine
from tests.native.test_saltation import both_modes, ends, exact, model

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

INFUSION = """
model Infusion
  param on = 0.5
  param R = 3
  param k = 0.3
  var c start 0
  discrete rate = 0
equations
  der(c) = -k*c + rate
  when time >= on
    rate := R
  end
experiment
  time 0..10
end
"""


def test_a_rate_that_an_event_sets_is_followed():
    """No event of it is looked for within steps."""
    m, times = model(INFUSION), np.array([1.0, 1.9])

    def infused(p):
        on, R, k = p
        return np.array([R / k * (1 - np.exp(-k * (t - on))) for t in times])

    p = np.asarray(m.args().p)
    # Arrays of an earlier solve hold other numbers.
    for _ in range(2):
        by_p, _ = both_modes(ends(m, times), p)
        np.testing.assert_allclose(by_p[:, 0], exact(infused, p), rtol=1e-8, atol=1e-10)


MEETING = """
model Meeting "a dose by mouth, a bolus, the end of an infusion and the begin of another at one time"
  param t_oral = 2
  param t_bolus = 2
  param on = 0.5
  param off = 2
  param again = 2
  param until = 5
  param D = 10
  param B = 4
  param R = 3
  param ka = 1.1
  param ke = 0.3
  var depot start 0
  var c start 0
  var cp guess 0
  discrete rate = 0
equations
  der(depot) = -ka*depot
  der(c) = ka*depot - ke*cp + rate + (if time >= again and time < until then 2*R else 0)
  cp^3 + cp = c^3 + c
  when time >= t_oral
    depot := depot + D
  end
  when time >= t_bolus
    c := c + B
  end
  when time >= on
    rate := R
  end
  when time >= off
    rate := 0
  end
experiment
  time 0..10
end
"""


def infused(t, begin, end, rate, k):
    if t <= np.real(begin):
        return 0.0
    return rate / k * ((np.exp(-k * (t - end)) if t > np.real(end) else 1) - np.exp(-k * (t - begin)))


def meeting(p, times):
    t_oral, t_bolus, on, off, again, until, D, B, R, ka, ke = p
    found = []
    for t in times:
        depot, c = 0.0, infused(t, on, off, R, ke) + infused(t, again, until, 2 * R, ke)
        if t > np.real(t_oral):
            depot = D * np.exp(-ka * (t - t_oral))
            c = c + D * ka / (ka - ke) * (np.exp(-ke * (t - t_oral)) - np.exp(-ka * (t - t_oral)))
        if t > np.real(t_bolus):
            c = c + B * np.exp(-ke * (t - t_bolus))
        found.append([depot, c])
    return np.array(found)


def test_what_happens_at_one_time_moves_apart():
    m, times = model(MEETING), np.array([1.0, 1.9, 2.1, 3.0, 6.0, 9.0])
    assert not np.all(m.program.mass)
    of, p = ends(m, times, 1e-11), np.asarray(m.args().p)
    by_p, _ = both_modes(of, p)
    np.testing.assert_allclose(by_p[:, :2], exact(lambda p: meeting(p, times), p), rtol=1e-8, atol=1e-9)


TROUGH = """
model Trough "what there was before the second dose, and what all is after it"
  param first = 1
  param tau = 2
  param at = 3
  param D = 4
  param k = 0.5
  var x start 2
  discrete trough = 0
equations
  der(x) = -k*x
  for i in 1..2
    when time >= first + (i - 1)*tau
      x := x + D
    end
  end
  when time >= {when}
    trough := x
  end
experiment
  time 0..6
end
"""


def test_what_happens_together_is_no_sequence():
    """A reading at the time of a dose has derivatives by both times where these are one; else by all others."""

    def exactly(p):
        first, tau, _, D, k = p
        trough = 2 * np.exp(-k * (first + tau)) + D * np.exp(-k * tau)
        return np.array([(trough + D) * np.exp(-k * (5 - first - tau)), trough])

    for when, apart in (("first + tau", False), ("at", True)):
        m = model(TROUGH.format(when=when))
        of, p = ends(m, [5.0], 1e-11), np.asarray(m.args().p)
        np.testing.assert_allclose(of(p)[0][0], exactly(p), rtol=1e-8)
        found, wanted = jax.jit(jax.jacrev(lambda p, of=of: of(p)[0][0]))(p), exact(exactly, p)
        assert np.isnan(found[:, :3]).all() == apart
        known = slice(3 if apart else 0, None)
        np.testing.assert_allclose(found[:, known], wanted[:, known], rtol=1e-8, atol=1e-9)


TRAIN = """
model Train
  const n = {n}
  param first = 0.25
  param lag = 0.25
  param tau = 0.75
  param D = 2
  param k = 0.4
  var x start 1
equations
  der(x) = -k*x
  for i in 1..n
    when time >= first + lag + (i - 1)*tau
      x := x + D
    end
  end
experiment
  time 0..{end}
end
"""


def trained(p, times, n):
    first, lag, tau, D, k = p
    doses = first + lag + np.arange(n) * tau
    return np.array(
        [np.exp(-k * t) + sum(D * np.exp(-k * (t - d)) for d in doses if t > d.real) for t in times]
    )


def test_a_train_of_a_hundred_doses_costs_a_few_solves():
    n = 100
    times = np.array([0.4, 10.0, 40.0, 74.9])
    names, p = ("first", "lag", "tau", "D", "k"), np.array([0.25, 0.25, 0.75, 2.0, 0.4])
    solve = stiffdsl.loads(TRAIN.format(n=n, end=75)).solver(times, outputs=["x"], rtol=1e-8, atol=1e-10)

    def total(p):
        return jnp.sum(solve(dict(zip(names, p, strict=True))))

    gradient = jax.jit(jax.grad(total))
    found = gradient(jnp.asarray(p))
    np.testing.assert_allclose(found, exact(lambda p: trained(p, times, n).sum(), p), rtol=1e-5)
