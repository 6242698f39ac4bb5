"""Points where a slope is infinite or two slopes meet: right answers by every way to solve, or none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import stiffdsl as sd


def model(text: str):
    return sd.loads(f"model M\n{text}\nend\n")


# Right values: closed forms, or explicit steps of high order.
SLOPES = {
    "root": ("var x start 0\nequations\nder(x) = 1 - sqrt(x)", 2.0, {"x": 0.7079634858}),
    "power by a parameter": (
        "param n = 0.5\nvar h start 0\nequations\nder(h) = 0.1 - 0.2*h^n",
        10.0,
        {"h": 0.2244537029},
    ),
    "behind a jump": (
        "var h start 0\nequations\nder(h) = (if time < 1 then 0 else 0.1) - 0.2*sqrt(h)",
        11.0,
        {"h": 0.2244537029},
    ),
    "emptied and filled again": (
        "var h start 1\nequations\nder(h) = (if time < 20 then 0 else 0.1) - 0.2*sqrt(max(h, 0))",
        30.0,
        {"h": 0.2244537029},
    ),
    "two unknowns": (
        "var x start 0\nvar y start 0\nequations\nder(x) = 1 - x - y\n"
        "der(y) = (x/0.2)^0.5/(1 + (x/0.2)^0.5) - y",
        10.0,
        {"x": 0.4108872658, "y": 0.5890482995},
    ),
    "only read": ("var x start 0\nvar y start 0\nequations\nder(x) = 1\nder(y) = sqrt(x)", 1.0, {"y": 2 / 3}),
    "of time": ("var x start 0\nequations\nder(x) = sqrt(time) - x", 1.0, {"x": 0.4619204923}),
    "beside time": ("var x start 0\nequations\nder(x) = time - sqrt(x)", 1.0, {"x": 0.25}),
    "inverse sine": ("var x start 1\nequations\nder(x) = -asin(x)", 1.0, {"x": 0.3342890}),
    "algebraic": (
        "var x start 0\nvar y guess 0.1\nequations\nder(x) = 1\ny + sqrt(y) = x",
        2.0,
        {"y": 1.0},
    ),
}
METHODS = ("auto", "radau5", "rodas4pw", "kvaerno5", "fbdf")


@pytest.mark.parametrize("name", SLOPES)
def test_an_infinite_slope(name):
    text, end, right = SLOPES[name]
    found = model(text).simulate(time=(0, end), saveat=[end], rtol=1e-8, atol=1e-10)
    assert found.success
    assert found.stats["tier"] == "native"
    for variable, value in right.items():
        np.testing.assert_allclose(found[variable][-1], value, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("name", ["root", "two unknowns"])
def test_an_infinite_slope_by_other_methods(name, method):
    text, end, right = SLOPES[name]
    found = model(text).simulate(time=(0, end), saveat=[end], rtol=1e-8, atol=1e-10, method=method)
    assert found.success
    for variable, value in right.items():
        np.testing.assert_allclose(found[variable][-1], value, rtol=1e-6)


def test_an_infinite_slope_in_lanes_and_with_derivatives():
    root = model("param a = 1\nparam x0 = 0\nvar x start x0\nequations\nder(x) = a - sqrt(x)")
    solve = root.solver(time=(0, 2), saveat=[2.0], outputs=("x",), rtol=1e-9, atol=1e-12)
    a = np.array([0.5, 1.0, 2.0])
    alone = [float(root.simulate(params={"a": v}, time=(0, 2), rtol=1e-9, atol=1e-12)["x"][-1]) for v in a]
    np.testing.assert_allclose(jax.vmap(lambda a: solve({"a": a})[0, 0])(jnp.asarray(a)), alone, rtol=1e-9)
    batch = root.ensemble({"a": a}, time=(0, 2), saveat=[2.0], outputs=("x",), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(batch["x"][:, 0], alone, rtol=1e-9)

    def end(a):
        return solve({"a": a})[0, 0]

    known = (end(1.0 + 1e-4) - end(1.0 - 1e-4)) / 2e-4
    np.testing.assert_allclose(jax.grad(end)(1.0), known, rtol=1e-6)
    np.testing.assert_allclose(jax.jacfwd(end)(1.0), known, rtol=1e-6)


# Solutions that cross an infinite slope, and what they move by with k: differences of LSODA at 1e-13, extrapolated.
CROSSINGS = {
    "follows": (
        "var x start 0\nequations\nder(x) = k*sign(sin(2*time) - x)*sqrt(abs(sin(2*time) - x))",
        -0.4396116,
    ),
    "orifice": (
        "var x start 2\nvar y start 1\nequations\nder(x) = sin(3*time) - k*sign(x - y)*sqrt(abs(x - y))\n"
        "der(y) = k*sign(x - y)*sqrt(abs(x - y))",
        0.0977854,
    ),
}


@pytest.mark.parametrize("method", ["auto", pytest.param("tsit5", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CROSSINGS)
def test_derivatives_across_an_infinite_slope(name, method):
    text, right = CROSSINGS[name]
    solve = model("param k = 1\n" + text).solver(
        time=(0, 6), saveat=[6.0], outputs=("x",), rtol=1e-8, atol=1e-8, method=method
    )
    slope = jax.grad(lambda k: solve({"k": k})[0, 0])(1.0)
    np.testing.assert_allclose(slope, right, rtol=5e-5)


START = {
    "root": ("var y\nequations\ny + sqrt(y) = 2", {"y": 1.0}),
    "nested": (
        "var y1\nvar y2\nvar u\nequations\ny2 = 1\ny1 = u^3 + sin(u)\ny2 = sqrt(y1) + sin(1e-6*u)",
        {"u": 0.705693},
    ),
    "coupled": ("var y\nvar z\nequations\ny + z^0.5 = 3\ny*z + y = 2", {"y": 0.230708, "z": 7.66898}),
    "valves": (
        "var p guess 1e5\nvar q\nequations\nq = 1e-5*sqrt(2e5 - p)\nq = 2e-5*sqrt(p - 1e5)",
        {"p": 1.2e5},
    ),
    "logarithm": ("var y\nequations\nlog(y) = 1 - y", {"y": 1.0}),
    "quotient": ("var y\nequations\n1/y = y + 1.5", {"y": 0.5}),
    "inverse sine": ("var y guess 1\nequations\nasin(y) + y = 1", {"y": 0.4890265706}),
    "up and down": (
        "var x guess 0\nvar z guess 1\nequations\nsqrt(x) + asin(z) = 1.2\nx + z = 0.9",
        {"x": 0.01098547, "z": 0.88901453},
    ),
    "a root at the point itself": ("var y\nequations\nasin(y) = 1.5707963267948966", {"y": 1.0}),
    "nearly there": ("var y guess 1e-40\nequations\ny + sqrt(y) = 2", {"y": 1.0}),
    "initial": ("var x\nequations\nder(x) = 1 - x\ninitial\nx + sqrt(x) = 2", {"x": 1.0}),
}


@pytest.mark.parametrize("name", START)
def test_a_start_at_an_infinite_slope(name):
    text, right = START[name]
    found = model(text).simulate(time=(0, 1), saveat=[0.0])
    assert found.success
    for variable, value in right.items():
        np.testing.assert_allclose(found[variable][0], value, rtol=1e-5)


def test_a_start_at_an_infinite_slope_inside_jit():
    solve = model("param a = 2\nvar y\nequations\ny + sqrt(y) = a").solver(time=(0, 1), saveat=[0.0])
    np.testing.assert_allclose(solve({"a": 2.0})[0, 0], 1.0, rtol=1e-9)
    np.testing.assert_allclose(jax.grad(lambda a: solve({"a": a})[0, 0])(2.0), 1 / 1.5, rtol=1e-9)


@pytest.mark.parametrize("first_step", [None, 1e-3])
@pytest.mark.parametrize("method", ["auto", "fbdf"])
def test_no_solution_begins_where_a_slope_is_infinite(method, first_step):
    steep = model("var x start 0\nequations\nder(x) = 1/sqrt(x)")
    found = steep.simulate(time=(0, 1), method=method, first_step=first_step)
    assert found.status == sd.Status.NON_FINITE
    assert "der(x)" in found.reason
    assert np.isnan(steep.solver(time=(0, 1), saveat=[1.0], method=method, first_step=first_step)({}))


DIODE = "function d(v) = if v < 0 then 1e-5*v else 1e5*v\n"
HALF_WAVE = (
    DIODE
    + """model M
  var v start 0
  var vd
equations
  (5*sin(2*pi*time) - vd - v)/0.1 = d(vd)
  der(v) = d(vd) - v/2
end
"""
)
BRIDGE = (
    DIODE
    + """model M
  var v start 0
  var a
  var b
  var i
equations
  a - b = 5*sin(2*pi*time) - 0.1*i
  i = d(a - v) - d(-a)
  d(a - v) + d(b - v) = der(v) + v/2
  d(-a) + d(-b) = der(v) + v/2
end
"""
)


def half_wave(t, y):
    over = 5 * np.sin(2 * np.pi * t) - y[0]
    return [over / (0.1 + (1e-5 if over > 0 else 1e5)) - y[0] / 2]


def bridge(t, y):
    """By symmetry, one pair of diodes conducts or none."""
    source, v = abs(5 * np.sin(2 * np.pi * t)), y[0]
    for on in (1e5, 1e-5):
        matrix = [[1 + 0.1 * (on + 1e-5), -1], [on + 1e-5, on + 1e-5]]
        a, b = np.linalg.solve(matrix, [source + 0.1 * on * v, (on + 1e-5) * v])
        if a > v:
            break
    return [on * (a - v) + 1e-5 * (b - v) - v / 2]


@pytest.mark.parametrize(("text", "equations"), [(HALF_WAVE, half_wave), (BRIDGE, bridge)])
@pytest.mark.parametrize("rtol", [1e-7, 1e-9])
def test_a_rectifier(text, equations, rtol):
    known = solve_ivp(equations, (0, 2.3), [0.0], rtol=1e-9, atol=1e-10, max_step=2e-3).y[0, -1]
    found = sd.loads(text).simulate(time=(0, 2.3), rtol=rtol, atol=0.01 * rtol)
    assert found.success
    assert found.stats["tier"] == "native"
    np.testing.assert_allclose(found["v"][-1], known, rtol=500 * rtol)


DOUBLER = (
    DIODE
    + """model M
  param amplitude = 5
  var c start 0
  var v start 0
  var n
  var i
equations
  i = (amplitude*sin(2*pi*time) - c - n)/0.1
  der(c) = i
  i + d(-n) = d(n - v)
  der(v) = d(n - v) - v/20
end
"""
)


# By SciPy's RK45 at rtol 1e-11, with the node between the diodes solved for in closed form, piece by piece.
DOUBLED = 7.2177791

OTHERS = {
    "fbdf": (BRIDGE, DOUBLER),
    "kvaerno5": (DOUBLER, BRIDGE),
    "radau5": (DOUBLER, BRIDGE),
    "rodas4pw": (BRIDGE, DOUBLER),
}


@pytest.mark.parametrize(
    ("method", "text"),
    # The loops of each method take XLA 20 s.
    [pytest.param(m, OTHERS[m][0], marks=pytest.mark.slow) for m in OTHERS]
    + [pytest.param(m, OTHERS[m][1], marks=() if m == "rodas4pw" else pytest.mark.slow) for m in OTHERS],
)
def test_a_rectifier_by_other_methods(method, text):
    # A method without iterations crosses kinks by the slopes of one side.
    known, bound = DOUBLED, 200 if method == "rodas4pw" else 50
    if text is BRIDGE:
        known = solve_ivp(bridge, (0, 2.3), [0.0], rtol=1e-9, atol=1e-10, max_step=2e-3).y[0, -1]
    circuit = sd.loads(text)
    for rtol in (1e-6, 1e-8):
        found = circuit.simulate(time=(0, 2.3), rtol=rtol, atol=0.01 * rtol, method=method)
        assert found.success
        assert found.stats["accepted"] < 5_000
        np.testing.assert_allclose(found["v"][-1], known, rtol=bound * rtol + 1e-7)


@pytest.mark.slow
def test_a_rectifier_by_another_method_with_derivatives():
    solve = sd.loads(DOUBLER).solver(
        time=(0, 2.3), saveat=[2.3], outputs=("v",), method="kvaerno5", rtol=1e-7
    )

    def end(amplitude):
        return solve({"amplitude": amplitude})[0, 0]

    known = (end(5.001) - end(4.999)) / 2e-3
    np.testing.assert_allclose(jax.grad(end)(5.0), known, rtol=1e-3)


@pytest.mark.parametrize("method", [*METHODS, "tsit5"])
def test_no_absolute_tolerance(method):
    integral = model(
        "var x start 1\nvar R start 0\nvar z start 0\nequations\nder(x) = -x\nder(R) = x\nder(z) = -z"
    )
    for begin, atol in ((1.0, 0.0), (0.0, 0.0), (1.0, 1e-30)):
        found = integral.simulate(time=(begin, begin + 1), atol=atol, rtol=1e-6, method=method)
        assert found.success
        # A quadrature: outside of the error norm, it follows x to a few tolerances.
        np.testing.assert_allclose(found["R"][-1], 1 - np.exp(-1), rtol=2e-6)
        assert found["z"][-1] == 0


TWO_TANKS = """model M
  param h0 = 1
  param k = 0.2
  var h start h0
  var g start 0
equations
  der(h) = -k*sqrt(max(h, 0))
  der(g) = k*sqrt(max(h, 0)) - 0.1*sqrt(max(g, 0))
experiment
  time 0..60
end"""


@pytest.mark.parametrize("method", ["auto", pytest.param("rodas4pw", marks=pytest.mark.slow)])
def test_nothing_is_left_of_what_an_empty_tank_held(method):
    """sqrt(h) = 1 - 0.1 t: both tanks are empty at 60, and were so the whole time since, whatever they began with."""
    solve = sd.loads(TWO_TANKS).solver(saveat=[5.0, 20.0, 60.0], outputs=["h", "g"], method=method)
    by_start = np.asarray(jax.jacrev(lambda h0: solve({"h0": h0}))(1.0))
    assert by_start[0, 0] == pytest.approx(0.5, rel=1e-5)
    assert np.abs(by_start[[1, 2, 2], [0, 0, 1]]).max() < 1e-8
    by_k = np.asarray(jax.jacfwd(lambda k: solve({"k": k}))(0.2))
    assert by_k[0, 0] == pytest.approx(-2.5, rel=1e-5)
    assert np.abs(by_k[[1, 2, 2], [0, 0, 1]]).max() < 1e-7
