"""`delay(x, tau)` by the method of steps: closed forms, and Mackey and Glass' equation by SciPy piece by piece."""

from math import factorial, floor
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError
from stiffdsl.runtime.delayed.delays import _breaks

MODEL = """
model Delays
  param tau = 1 [s]
  param lags[2] = {0.5, 1}
  var x start 1
  var w[2] start 1
  var glass start 1.2
  var power
  var ramp start 0
  output before = delay(x, tau)
equations
  der(x) = -delay(x, tau)
  for i in 1..2
    der(w[i]) = -delay(w[i], lags[i])
  end
  der(glass) = 0.2*delay(glass, 2)/(1 + delay(power, 2)) - 0.1*glass
  power = glass^10
  der(ramp) = delay(time, 1)
experiment
  time 0..7, rtol 1e-9, atol 1e-12
end
"""


def powers(t: float, tau: float) -> float:
    """x' = -x(t - tau) from x = 1: the sum of (-1)^k (t - (k - 1) tau)^k/k! while that is positive."""
    return sum((-1) ** k * (t - (k - 1) * tau) ** k / factorial(k) for k in range(floor(t / tau) + 2))


def mackey_glass(end: float, tau: float) -> float:
    """x' = 0.2 x(t - tau)/(1 + x(t - tau)^10) - 0.1 x from 1.2, piece by piece of one lag."""

    def past(t):
        return 1.2

    y, t = 1.2, 0.0
    while t < end:
        to = min(t + tau, end)

        def slope(t, y, past=past):
            back = past(t - tau)
            return [0.2 * back / (1 + back**10) - 0.1 * y[0]]

        piece = solve_ivp(slope, (t, to), [y], "DOP853", rtol=1e-12, atol=1e-14, dense_output=True)

        def past(t, piece=piece):
            return piece.sol(t)[0]

        y, t = piece.y[0, -1], to
    return y


@pytest.fixture(scope="module")
def model():
    return sd.loads(MODEL)


def test_delays_follow_their_closed_forms(model):
    times = np.array([0.5, 1.0, 1.7, 2.4, 3.9, 5.5, 7.0])
    solution = model.simulate(saveat=times)
    assert solution.success, solution.reason
    for name, tau in (("x", 1.0), ("w[1]", 0.5), ("w[2]", 1.0)):
        assert solution[name] == pytest.approx([powers(t, tau) for t in times], abs=1e-9), name
    # Before the run, x is what it is at its beginning, and so is time.
    back = [powers(t - 1, 1.0) if t > 1 else 1.0 for t in times]
    assert solution["before"] == pytest.approx(back, abs=1e-9)
    assert solution["ramp"] == pytest.approx(np.maximum(times - 1, 0) ** 2 / 2, abs=1e-9)
    assert solution["glass"][-1] == pytest.approx(mackey_glass(7.0, 2.0), rel=1e-8)
    assert [row.name for row in model.inputs] == []
    # Another lag, and dense output, without another compilation.
    solution = model.simulate(time=(0, 3), params={"tau": 0.8})
    assert solution(np.array([2.9]))["x"][0] == pytest.approx(powers(2.9, 0.8), abs=1e-8)


def test_lanes_have_lags_and_starts_of_their_own(model):
    taus, told = np.array([0.8, 1.0, 1.7]), []
    times = np.array([1.5, 3.0])
    batch = model.ensemble(
        {"tau": taus}, times, ["x", "w[2]"], initial={"w": [[1, 1], [1, 2], [1, 3]]}, progress=told.append
    )
    assert batch.success.all()
    assert told[-1] == 1.0
    assert batch["x"] == pytest.approx(np.array([[powers(t, tau) for t in times] for tau in taus]), abs=1e-8)
    first = np.array([powers(t, 1.0) for t in times])
    assert batch["w[2]"] == pytest.approx(np.array([first, 2 * first, 3 * first]), abs=1e-8)
    stopped = model.ensemble({"tau": taus}, times, ["x"], max_steps=3)
    assert not stopped.success.any()
    assert np.isnan(stopped["x"][:, -1]).all()
    assert "the greatest number of steps" in repr(stopped.details)


def test_what_does_not_look_back_refuses_by_name(model, tmp_path):
    for call in (
        lambda: model.surrogate(),
        lambda: model.write(tmp_path),
        lambda: model.simulate(check=True),
    ):
        with pytest.raises(ValueError, match=r"a model with `delay` \(line 10\) yet: `model.simulate` and"):
            call()
    with pytest.raises(ValueError, match="must be positive, not 0 s"):
        model.simulate(params={"tau": 0})
    with pytest.raises(ValueError, match="runs forward in time"):
        model.simulate(time=(1, 0))


def test_a_derivative_of_what_is_delayed_is_missed_by_its_name():
    text = "model M\n var x\n var y\n var z start 1\nequations\n der(x) = y\n x = delay(z, 1)\n der(z) = -z\nend\n"
    with pytest.raises(ModelError, match=r"`delay\(z, 1\)`"):
        sd.loads(text)


def test_events_beside_a_delay_are_refused_by_name():
    text = "model M\n var x start 1\nequations\n der(x) = -delay(x, 1)\n when x < 0.5\n  x := 1\n end\nend\n"
    with pytest.raises(ValueError, match=r"`delay` beside events .* \(line 5\)"):
        sd.loads(text).simulate(time=(0, 1))


def test_lags_of_next_to_nothing_are_refused_and_many_lags_have_few_kinks(model):
    with pytest.raises(ValueError, match=r"is 1e-09 s, too short for a run of 7 s"):
        model.simulate(params={"tau": 1e-9})
    # Sums of six out of a hundred lags are 1.6e9.
    lags = 1 + np.sqrt(np.arange(1, 101)) / 7
    kinks = _breaks(SimpleNamespace(lags=lags, least=lags.min()), 0.0, 100.0)  # type: ignore[arg-type]
    assert len(kinks) == 100
