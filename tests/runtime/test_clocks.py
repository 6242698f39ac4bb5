"""Narrow pulses of states that are functions of time, of trains and of other shapes, which no sample of time sees."""

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.program.time.forcing import forcing

PULSES = """model Pulses "a hundredth of a second wide, in a hundred"
  const N = 3
  param w = 0.01
  param rate[N] = (i for i in 1..N)
  input late = 70
  var c[N] start (3*i for i in 1..N)
  var height start 2
  var x[N] start 0
  var lorentz start 0
  var steps start 0
  var sharp start 0
  var window start 0
  var triangle start 0
  var train start 0
  var by_input start 0
equations
  der(height) = 0
  for i in 1..N
    der(c[i]) = rate[i]
    der(x[i]) = height*exp(-((c[i] - 50)/w)^2)
  end
  der(lorentz) = 1/(1 + ((c[1] - 60)/w)^2)
  der(steps) = smooth_step(time - 20, w) - smooth_step(time - 20.02, w)
  der(sharp) = exp(-abs((c[1] - 30)/w))
  der(window) = if c[2] > 50 and c[2] < 50 + w then 100 else 0
  der(triangle) = max(0, 1 - abs((c[1] - 40)/w))
  der(train) = exp(-((mod(time, 10) - 5)/w)^2)
  der(by_input) = exp(-((time - late)/w)^2)
experiment
  time 0..100, atol 1e-8
end
"""
W, AREA = 0.01, 0.01 * np.sqrt(np.pi)
RIGHT = {
    **{f"x[{i}]": 2 * AREA / i for i in (1, 2, 3)},
    "lorentz": W * (np.arctan(43 / W) + np.arctan(57 / W)),
    "steps": 2 * W,
    "sharp": 2 * W,
    "window": 100 * W / 2,
    "triangle": W,
    "train": 10 * AREA,
    "by_input": AREA,
}


@pytest.fixture(scope="module")
def pulses():
    return sd.loads(PULSES)


@pytest.mark.parametrize("method", ["auto", pytest.param("fbdf", marks=pytest.mark.slow)])
def test_each_shape_is_seen(pulses, method):
    found = pulses.simulate(method=method, saveat=[100.0])
    for name, right in RIGHT.items():
        assert found[name][0] == pytest.approx(right, rel=1e-4), name


def test_clocks_in_every_call():
    model = sd.loads(
        "model M\n  param r = 1\n  param w = 0.01\n  var c start 3\n  var x start 0\nequations\n  der(c) = r\n"
        "  der(x) = exp(-((c - 50)/w)^2)\nexperiment\n  time 0..100, atol 1e-8\nend"
    )
    solve = model.solver(saveat=[100.0], outputs=["x"])
    assert solve(initial={"c": 10})[0, 0] == pytest.approx(AREA, rel=1e-5)
    assert jax.grad(lambda w: solve({"w": w})[0, 0])(0.01) == pytest.approx(np.sqrt(np.pi), rel=1e-4)
    batch = model.ensemble({"r": [1.0, 2.0, 3.0]}, saveat=[100.0], outputs=["x"])
    np.testing.assert_allclose(batch["x"].ravel(), AREA / np.array([1, 2, 3]), rtol=1e-4)
    back = model.simulate(time=(100, 0), initial={"c": 90})
    assert back["x"][-1] == pytest.approx(-AREA, rel=1e-5)


def test_states_that_follow_unknowns_or_driven_inputs_are_no_clocks():
    text = "model M\n  input u = 1\n  var c start 0\n  var x start 0\nequations\n  der(c) = {}\n"
    text += "  der(x) = exp(-(c - 1)^2)\nend"
    assert forcing(sd.loads(text.format("u")).program).clocks.tolist() == [0]
    assert forcing(sd.loads(text.format("u")).program, driven=(0,)) is None
    assert forcing(sd.loads(text.format("1 - c")).program) is None
