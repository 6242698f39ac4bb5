"""Forcing, in equations and as functions for inputs: narrow pulses are seen before a step can pass over them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import stiffdsl as sd
from stiffdsl.program.interpret import at_times
from stiffdsl.program.time.forcing import forcing
from stiffdsl.runtime.emit import function


def model(slope, end, declared=""):
    text = f"  var y start 0\n  {declared}\nequations\n  der(y) = {slope}\nexperiment\n  time 0..{end}"
    return sd.loads(f"model M\n{text}\nend")


@pytest.fixture(scope="module")
def narrow():
    return model("1 + 100*abs(sin(time/1000)^1000)", 5000)


@pytest.mark.parametrize("method", ["rodas5p", "fbdf", "tsit5", "kvaerno5", "radau5"])
def test_narrow_forcing_is_seen(narrow, method):
    found = narrow.simulate(saveat=[5000.0], method=method, rtol=1e-7)
    right = 5000 + 100 * sum(
        quad(lambda t: np.sin(t / 1000) ** 1000, a, a + 600, epsabs=1e-12)[0] for a in (1270, 4412)
    )
    assert right == pytest.approx(20849.35, abs=0.01)
    assert found["y"][0] == pytest.approx(right, rel=1e-5)


def test_a_pulse_of_parameters_in_every_call():
    pulse = model("a*exp(-((time - 50)/w)^2) - 0.01*y", 1e4, "param a = 1\n  param w = 0.5")

    def right(w):
        return quad(lambda t: np.exp(-(((t - 50) / w) ** 2) - 0.01 * (60 - t)), 20, 60, points=[50])[0]

    assert pulse.simulate(saveat=[60.0])["y"][0] == pytest.approx(right(0.5), rel=1e-5)
    solve = pulse.solver([60.0], ["y"], rtol=1e-8)
    by_a = jax.grad(lambda a: solve({"a": a})[0, 0])(3.0)
    assert by_a == pytest.approx(right(0.5), rel=1e-6)
    batch = pulse.ensemble({"w": [0.5, 1.0, 5.0]}, [60.0], ["y"])
    np.testing.assert_allclose(batch["y"].ravel(), [right(w) for w in (0.5, 1.0, 5.0)], rtol=1e-5)


def test_backward_and_late():
    pulse = model("exp(-((time - 9000)/3)^2)", 1e4)
    area = 3 * np.sqrt(np.pi)
    assert pulse.simulate((0, 1e4), saveat=[1e4])["y"][0] == pytest.approx(area, rel=1e-5)
    assert pulse.simulate((1e4, 0), saveat=[0.0])["y"][0] == pytest.approx(-area, rel=1e-5)
    # Soon after the start of a long time.
    early = model("exp(-((time - 3)/0.5)^2)", 1e6)
    assert early.simulate(saveat=[1e6])["y"][0] == pytest.approx(0.5 * np.sqrt(np.pi), rel=1e-5)


@pytest.mark.parametrize(
    "given", [lambda t: np.exp(-(((float(t) - 700) / 2) ** 2)), lambda t: jnp.exp(-(((t - 700) / 2) ** 2))]
)
def test_functions_of_time_as_inputs(given):
    lag = model("u - y", 1000, "input u = 0")
    right = quad(lambda t: np.exp(-(((t - 700) / 2) ** 2) - (702 - t)), 680, 702)[0]
    assert lag.simulate(inputs={"u": given}, saveat=[702.0])["y"][0] == pytest.approx(right, rel=1e-5)


def test_functions_of_time_in_a_solver():
    lag = model("u - y", 1000, "input u = 0")
    solve = lag.solver([702.0], ["y"])
    value = solve(inputs={"u": lambda t: jnp.exp(-(((t - 700) / 2) ** 2))})
    right = quad(lambda t: np.exp(-(((t - 700) / 2) ** 2) - (702 - t)), 680, 702)[0]
    assert value[0, 0] == pytest.approx(right, rel=1e-5)


def test_only_what_may_rest_is_looked_at():
    for slope in ("sin(3*time) - y", "exp(-2*time)*y + time^2", "1/(1 + y)", "cos(time)*sin(2*time)^2"):
        assert forcing(model(slope, 1).program) is None
    for slope in ("exp(-time^2)", "max(0, sin(time))*y", "1/(1 + time^4)", "sin(time)^100", "sin(exp(time))"):
        assert forcing(model(slope, 1).program) is not None


def test_many_times_at_once_are_each_of_them():
    wide = sd.loads(
        "model M\n  const N = 5\n  param w = 2\n  var y[N] start 0\nequations\n"
        "  for i in 1..N\n    der(y[i]) = exp(-(i*time - w)^2)*y[i] + max(0, sin(i*time/w))\n  end\nend"
    )
    found = forcing(wide.program)
    assert found is not None
    t, p = np.linspace(0, 3, 7), np.array([2.0])
    at_once = at_times(found.function, found.tables, t, p)
    one = function(found.function, found.tables)
    np.testing.assert_allclose(at_once, [one(s, p, None, None) for s in t], rtol=1e-13, atol=1e-300)


PULSES = """model Pulses "much narrower than the times that functions of time are looked at"
  param w = 2e-4
  var s
  var x start 0
  var z start 0
equations
  s = sin(0.01*time)
  der(x) = exp(-((s - 0.5)/w)^2)
  der(z) = exp(-((time - 617.3)/1e-4)^2)
experiment
  time 0..1000
end
"""


@pytest.mark.parametrize("method", ["auto", "fbdf", "tsit5"])
def test_pulses_that_no_look_sees_are_found_by_their_exponents(method):
    # Near a crossing at t_k, s - 0.5 = c (t - t_k) with c = 0.01 cos(0.01 t_k); sin reaches 0.5 four times (to 2e-6).
    crossings = 2 * 2e-4 / (0.01 * np.sqrt(0.75)) * np.sqrt(np.pi)
    solution = sd.loads(PULSES).simulate(method=method)
    count = np.sum((100 * (np.arcsin(0.5) + 2 * np.pi * np.arange(3))) < 1000)
    count += np.sum((100 * (np.pi - np.arcsin(0.5) + 2 * np.pi * np.arange(3))) < 1000)
    assert solution["x"][-1] == pytest.approx(crossings * count / 2, rel=1e-4)
    # z is 2e-4, the absolute tolerance 1e-6.
    assert solution["z"][-1] == pytest.approx(1e-4 * np.sqrt(np.pi), abs=1e-7)


def test_such_pulses_in_a_solver_and_backward():
    model = sd.loads(PULSES)
    solve = model.solver(saveat=[1000.0], outputs=["z"])
    assert np.ravel(jax.jit(lambda w: solve({"w": w})[1])(2e-4))[-1] == pytest.approx(
        1e-4 * np.sqrt(np.pi), rel=1e-4
    )
    backward = model.simulate(time=(1000, 0))
    assert backward["z"][-1] == pytest.approx(-1e-4 * np.sqrt(np.pi), rel=1e-4)


# Source, inductance, diode, capacitor, load: while the diode blocks, its voltage alone follows the source.
RECTIFIER = """\
model Rectifier
  param Is = 1e-12
  var i start 0
  var vc start 0
  var vd
equations
  10*sin(100*pi*time) = 10*i + 1e-3*der(i) + vd + vc
  i = Is*(exp(vd/0.02585) - 1)
  1e-3*der(vc) = i - vc/100
end
"""


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_no_half_wave_of_a_source_before_a_diode_is_stepped_over(rtol):
    """The value is what rodas5p at rtol 1e-8 with `max_step` 1e-4, fbdf and kencarp47 agree on."""
    found = sd.loads(RECTIFIER).simulate((0, 0.1), rtol=rtol)
    assert found["vc"][-1] == pytest.approx(5.53798, rel=1e-4)
