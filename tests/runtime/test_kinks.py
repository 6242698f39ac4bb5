"""Conditions on unknowns that change inside of steps: thermostats, rectifiers, saturated controllers."""

from functools import cache

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import stiffdsl as sd

DAY = 86400.0
END = 7 * DAY
TIMES = np.arange(0, END + 1, 3600.0)
ROOM = """\
model Room
  param k = 2e3
  var T start 18
  var Tout
  var Q
  var E start 0
equations
  Tout = 15 + 8*sin(6.283185307179586*time/86400) + 6*sin(6.283185307179586*time/604800 + 1)
  HEATER
  5e6*der(T) = Q - 150*(T - Tout)
  der(E) = Q/1e6
end
"""
EXPLICIT = ROOM.replace("HEATER", "Q = k*max(0, 20 - T)")
# The power follows from an equation that is not solved for it.
IMPLICIT = ROOM.replace("HEATER", "Q + 1e-3*Q*abs(Q) = k*(if T < 20 then 20 - T else 0)")


def outside(t):
    return 15 + 8 * np.sin(2 * np.pi * t / DAY) + 6 * np.sin(2 * np.pi * t / (7 * DAY) + 1)


def power(k, T, implicit):
    given = k * (20 - T)
    return (np.sqrt(1 + 4e-3 * given) - 1) / 2e-3 if implicit else given


@cache
def exact(k: float, implicit: bool = False) -> np.ndarray:
    """T and E at `TIMES`: pieces between the times at which the heater goes on or off, by SciPy."""
    found = np.full((len(TIMES), 2), np.nan)
    t, y, on = 0.0, np.array([18.0, 0.0]), True
    while t < END:

        def slopes(t, y, on=on):
            Q = power(k, y[0], implicit) if on else 0.0
            return [(Q - 150 * (y[0] - outside(t))) / 5e6, Q / 1e6]

        def meets(t, y):
            return y[0] - 20

        meets.terminal, meets.direction = True, 1 if on else -1
        later = TIMES[np.searchsorted(TIMES, t) :]
        solved = solve_ivp(slopes, (t, END), y, "Radau", later, events=meets, rtol=1e-10, atol=1e-12)
        place = np.searchsorted(TIMES, t)
        found[place : place + len(solved.t)] = solved.y.T
        if solved.status == 0:
            break
        t, y, on = solved.t_events[0][0], solved.y_events[0][0], not on
    return found


def off(solution, k, rtol, implicit=False):
    """The largest error of T in tolerances."""
    return np.max(np.abs(solution["T"] - exact(k, implicit)[:, 0])) / (20 * rtol)


@pytest.mark.parametrize(
    ("method", "allowed"), [("rodas5p", 6), ("rodas4pw", 4), ("radau5", 6), ("kvaerno5", 6), ("fbdf", 12)]
)
@pytest.mark.parametrize("k", [50.0, 2e3, 1e5])
def test_thermostats_are_right_to_a_few_tolerances(method, allowed, k):
    model = sd.loads(EXPLICIT)
    for rtol in (1e-5, 1e-7):
        # Where in a step a kink lies is chance, and one unlucky step is not what a method does.
        tried = [rtol * part for part in (0.9, 1.0, 1.1)]
        found = [model.simulate((0, END), {"k": k}, method=method, rtol=r, saveat=TIMES) for r in tried]
        assert all(f.success for f in found)
        errors = [off(f, k, r) for f, r in zip(found, tried, strict=True)]
        assert np.median(errors) < allowed, errors
        assert max(errors) < 2 * allowed, errors


OTHERS = [pytest.param(m, marks=pytest.mark.slow) for m in ("rodas4pw", "kvaerno5")]


@pytest.mark.parametrize("method", ["rodas5p", *OTHERS])
def test_kinks_in_algebraic_equations_matter_by_what_they_do_to_states(method):
    model = sd.loads(IMPLICIT)
    assert not np.all(model.program.mass)
    found = model.simulate((0, END), {"k": 2e3}, method=method, rtol=1e-6, saveat=TIMES)
    assert off(found, 2e3, 1e-6, True) < 8


def test_lanes_are_the_solves_alone():
    model = sd.loads(EXPLICIT)
    k = np.repeat([50.0, 2e3, 1e5], 5)
    found = model.ensemble({"k": k}, saveat=TIMES, time=(0, END), rtol=1e-6, outputs=("T",))
    for lane in range(len(k)):
        # Steps of the steepest are as long as without kinks: between their ends, 9 tolerances.
        assert np.max(np.abs(found["T"][lane] - exact(k[lane])[:, 0])) < 10 * 20e-6
    alone = model.simulate((0, END), {"k": 1e5}, method="rodas5p", rtol=1e-6, saveat=TIMES, outputs=("T",))
    assert np.array_equal(found["T"][-1], alone["T"])


def test_both_tiers_take_the_same_steps(monkeypatch):
    model = sd.loads(EXPLICIT)
    by_kernel = model.simulate((0, 2 * DAY), method="rodas5p", rtol=1e-6, atol=1e-9)
    assert by_kernel.stats["tier"] == "native"
    monkeypatch.setattr("stiffdsl.runtime.tier.kernel", lambda *_: None)
    by_loop = model.simulate((0, 2 * DAY), method="rodas5p", rtol=1e-6, atol=1e-9)
    assert by_loop.stats["tier"] == "portable"
    assert by_loop.stats["accepted"] == by_kernel.stats["accepted"]
    assert np.allclose(by_loop.t, by_kernel.t, rtol=1e-3)


@pytest.mark.parametrize("method", ["rodas5p", pytest.param("kvaerno5", marks=pytest.mark.slow)])
def test_derivatives_are_those_of_the_solution(method):
    solve = sd.loads(EXPLICIT).solver(
        time=(0, 2 * DAY), method=method, rtol=1e-8, outputs=("E",), saveat=[2 * DAY]
    )

    def energy(k):
        return solve({"k": k})[-1, 0]

    slope = (energy(2020.0) - energy(1980.0)) / 40
    assert abs(jax.grad(energy)(2000.0) / slope - 1) < 1e-3


RECTIFIER = """\
model Rectifier
  var v start 0
equations
  0.1*der(v) = DIODE - v/1000
end
"""
DIODES = {
    "ideal": ("10*max(0, 5*sin(time) - v - 0.6)", lambda x: 10 * np.maximum(0, x - 0.6)),
    "exponential": ("1e-9*(exp((5*sin(time) - v)/0.05) - 1)", lambda x: 1e-9 * np.expm1(x / 0.05)),
}


@cache
def rectified(kind: str, end: float) -> float:
    current = DIODES[kind][1]
    slopes = lambda t, y: (current(5 * np.sin(t) - y) - y / 1000) / 0.1  # noqa: E731
    return solve_ivp(slopes, (0, end), [0.0], "Radau", rtol=1e-9, atol=1e-11, max_step=0.05).y[0, -1]


@pytest.mark.parametrize("method", ["rodas5p", pytest.param("fbdf", marks=pytest.mark.slow), "tsit5"])
@pytest.mark.parametrize("kind", DIODES)
def test_no_pulse_of_a_rectifier_is_stepped_over(kind, method):
    end = 40.0
    model = sd.loads(RECTIFIER.replace("DIODE", DIODES[kind][0]))
    for rtol in (1e-4, 1e-6, 1e-8):
        found = model.simulate((0, end), method=method, rtol=rtol)
        assert abs(found["v"][-1] / rectified(kind, end) - 1) < 10 * rtol


def test_a_touch_between_looks_is_seen():
    """A spring that is met for a moment: the solution is a throw, x = x0 + t - t^2/2, up to x = 0.99."""
    text = """\
    model Throw
      var x start 0.5
      var v start 1
    equations
      der(x) = v
      der(v) = -1 - 1e6*max(0, x - 0.99)
    end
    """
    met = brentq(lambda t: 0.5 + t - t**2 / 2 - 0.99, 0, 1)
    slopes = lambda t, y: [y[1], -1 - 1e6 * max(0.0, y[0] - 0.99)]  # noqa: E731
    begun = [0.99, 1 - met]
    right = solve_ivp(slopes, (met, 1.5), begun, "DOP853", rtol=1e-11, atol=1e-13, max_step=1e-4).y[0, -1]
    for method in ("rodas5p", "tsit5"):
        found = sd.loads(text).simulate((0, 1.5), method=method, rtol=1e-7, first_step=0.5)
        assert abs(found["x"][-1] - right) < 1e-5


def test_conditions_that_do_not_matter_cost_no_steps():
    text = """\
    model Weak
      var x start 1
      var y start 0
    equations
      der(x) = y
      der(y) = -x + SMALL*abs(x)
    end
    """
    without, beside = (
        sd.loads(text.replace("SMALL", size)).simulate((0, 20), rtol=1e-6, method="rodas5p")
        for size in ("0", "1e-12")
    )
    # The error estimates of the first steps are rounding, which differs from processor to processor.
    assert beside.stats == without.stats
    np.testing.assert_allclose(beside.t, without.t, rtol=1e-4)
