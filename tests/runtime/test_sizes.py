"""`nominal`, `min` and `max`, tolerances by state, and quadratures outside of the error norm."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.syntax.format import format_source
from stiffdsl.syntax.parse import parse
from stiffdsl.syntax.show import show

TIERS = ("auto", "fbdf")

ROOM = """model Room
  param C [J/K] = 1e6 min 1e3 max 1e9
  const big = 400
  var T [degC] start 20 nominal 10 min -40 max 60
  var x[3] start 1 nominal (10^i for i in 1..3) min 0 max big
  input u [kW] = 0 min 0 max 2
  output p [kW] = u nominal 1 max 1.5
equations
  der(T) = u/C
  der(x) = -x
end
model M
  part r[2] : Room(T min 0, T start 25, u max {1, 2}, C nominal 2e6)
  part s : Room(x max (100*i for i in 1..3))
equations
  r.u = 500
  s.u = 0
end
"""


def test_sizes_are_read_in_declared_units_and_survive_the_printer():
    module = parse(Source("m.sml", ROOM))
    assert parse(Source("m.sml", show(module))) == module
    assert format_source(Source("m.sml", ROOM)) == ROOM
    blocks = {b.name: b.sizes for b in sd.loads(ROOM).program.system.flat.variables}
    np.testing.assert_allclose(blocks["r.T"]["min"], [273.15] * 2)
    np.testing.assert_allclose(blocks["r.T"]["max"], [333.15] * 2)
    np.testing.assert_allclose(blocks["r.T"]["nominal"], [10] * 2)  # a size, not a temperature
    np.testing.assert_allclose(blocks["r.u"]["max"], [1000, 2000])
    np.testing.assert_allclose(blocks["s.x"]["max"], [100, 200, 300])
    np.testing.assert_allclose(blocks["s.x"]["nominal"], [10, 100, 1000])


OUTSIDE = {
    "var x [degC] start 200 max 100": "the start of `x` is above its `max`: 200 [degC] for 100 [degC]",
    "var x [K] guess 5 min 10": "the guess of `x` is below its `min`: 5 [K] for 10 [K]",
    "var x start 1\n  param k = -1 [kW] min 0": "the value of `k` is below its `min`: -1 [kW] for 0 [kW]",
    "var x start 1\n  param a = 2\n  param k = 3*a max 5": "the value of `k` is above its `max`: 6 for 5",
    "var x start 1\n  input u = 3 max 2": "the default of `u` is above its `max`: 3 for 2",
}


@pytest.mark.parametrize("declared", OUTSIDE)
def test_what_begins_outside_is_an_error(declared):
    with pytest.raises(ModelError) as caught:
        sd.loads(f"model M\n  {declared}\nequations\n  der(x) = 0*x\nend")
    (told,) = caught.value.diagnostics
    assert told.code == "E0315"
    assert told.title == OUTSIDE[declared]


LIMITED = """model M
  var x start 1 min 0 max 2
  var y max 1.5
  param k = 1 min 0 max 10
  param q = 2*k max 15
  input u = 1 [kW] min 0
equations
  der(x) = -k*x - 1 + 0*u
  y = x + 1
end"""


def test_values_outside_are_refused_by_name():
    model = sd.loads(LIMITED)
    span = {"time": (0, 1)}
    ks = np.array([1, 2, 30.0])
    for run, told in (
        (lambda: model.simulate(params={"k": 20}, **span), "parameter `k` is above its `max`: 20 for 10"),
        (lambda: model.simulate(params={"k": 8}, **span), "parameter `q` is above its `max`: 16 for 15"),
        (
            lambda: model.simulate(initial={"x": 3}, **span),
            "initial value of `x` is above its `max`: 3 for 2",
        ),
        (
            lambda: model.simulate(inputs={"u": -3}, **span),
            "input `u` is below its `min`: -3 [kW] for 0 [kW]",
        ),
        (lambda: model.simulate(inputs={"u": ([0, 1], [1, -3])}, **span), "input `u` is below its `min`"),
        (
            lambda: model.ensemble(params={"k": ks}, **span),
            "parameter `k` is above its `max`: 30 for 10 in lane 2",
        ),
        (
            lambda: model.ensemble(params={"k": ks[:2]}, initial={"x": np.array([1, -1.0])}, **span),
            "initial value of `x` is below its `min`: -1 for 0 in lane 1",
        ),
        (lambda: model.solver(**span)(params={"k": 20}), "parameter `k` is above its `max`"),
    ):
        with pytest.raises(ValueError, match="`") as caught:
            run()
        assert told in str(caught.value)


@pytest.mark.parametrize("method", TIERS)
def test_a_run_outside_is_told(method):
    below, above = sd.loads(LIMITED).simulate(time=(0, 5), method=method).notes
    assert below.startswith("`x` is below its `min`: -0.98652")
    assert above.startswith("`y` is above its `max`: 2 for 1.5, at time 0")
    assert sd.loads(LIMITED).simulate(time=(0, 0.1), method=method).notes == (above,)


@pytest.mark.parametrize("method", [*TIERS, "radau5"])
def test_quantities_below_atol(method):
    model = sd.loads(
        "model M\n  var a start 1e-12\n  var b start 0\nequations\n  der(a) = -1e12*a*a\n  der(b) = 1e12*a*a - b\nend"
    )
    wanted = solve_ivp(
        lambda t, y: [-(y[0] ** 2), y[0] ** 2 - y[1]], (0, 5), [1, 0], rtol=1e-10, atol=1e-13
    ).y[:, -1]
    solution = model.simulate(time=(0, 5), method=method)
    assert solution["a"][-1] == pytest.approx(1e-12 * wanted[0], rel=1e-4)
    assert solution["b"][-1] == pytest.approx(1e-12 * wanted[1], rel=1e-3)
    assert solution.notes[0].startswith("`b` never exceeded `atol`: 2.8")
    values = model.solver(saveat=[5.0], outputs=["a", "b"], method=method)()
    np.testing.assert_allclose(values[0], 1e-12 * wanted, rtol=1e-3)


@pytest.mark.parametrize("method", TIERS)
def test_nominal_scales_the_absolute_tolerance(method):
    text = "model M\n  var a start 0{}\n  var b start 0\nequations\n  der(a) = 1e-12*cos(time) - a\n  der(b) = -b\nend"
    wanted = 0.5e-12 * (np.sin(5) + np.cos(5) - np.exp(-5))
    plain = sd.loads(text.format("")).simulate(time=(0, 5), method=method, max_step=5)
    declared = sd.loads(text.format(" nominal 1e-12")).simulate(time=(0, 5), method=method)
    assert declared["a"][-1] == pytest.approx(wanted, rel=1e-5)
    assert declared.stats["accepted"] > plain.stats["accepted"]
    assert plain.notes
    assert not declared.notes


def test_tolerances_by_state():
    model = sd.loads(
        "model M\n  var x start 0\n  var y [km] start 0\nequations\n  der(x) = 1e-12*cos(time) - x\n"
        "  der(y) = (1 [km]*sin(time) - y)/(1 [s])\nend"
    )
    wanted = 0.5e-12 * (np.sin(5) + np.cos(5) - np.exp(-5))
    span = {"time": (0, 5), "saveat": [5.0]}
    for atol in ({"x": 1e-21}, [1e-21, 1e-9], np.array([1e-21, 1e-9])):
        assert model.simulate(atol=atol, **span)["x"][-1] == pytest.approx(wanted, rel=1e-5)
        lanes = model.ensemble(params={}, initial={"x": np.zeros(2)}, atol=atol, **span)
        np.testing.assert_allclose(lanes["x"][:, -1], wanted, rtol=1e-5)
        assert model.solver(outputs="x", atol=atol, **span)()[0, 0] == pytest.approx(wanted, rel=1e-5)
        assert model.solver(outputs="x", **span)(atol=atol)[0, 0] == pytest.approx(wanted, rel=1e-5)
    lanes = jax.vmap(lambda a: model.solver(outputs="x", **span)(atol={"x": a}))(np.array([1e-21, 1e-22]))
    np.testing.assert_allclose(np.ravel(lanes), wanted, rtol=1e-5)
    with pytest.raises(ValueError, match="one entry for each of the 2"):
        model.simulate(atol=[1.0], **span)
    with pytest.raises(KeyError, match="no variable `z`"):
        model.simulate(atol={"z": 1.0}, **span)
    with pytest.raises(ValueError, match="negative"):
        model.simulate(atol={"x": -1.0}, **span)


METER = """model M
  var x start 1
  var y start 0
  var E [J] start 0
  var clock start 0
  var drive start 0
  output mean = E/10
  input u = 1
equations
  der(x) = -50*(x - y)
  der(y) = 1 - y
  der(E) = x^2
  der(clock) = sin(time)
  der(drive) = if x > 0.5 then 1 else 0
experiment
  time 0..10{}
end"""


def test_quadratures_are_found():
    model = sd.loads(METER.format(""))
    names = [row.name for row in model.states]
    assert [n for n, outside in zip(names, model.program.quadratures, strict=False) if outside] == ["E"]
    # What everything would be is left inside.
    alone = sd.loads("model M\n  var x start 0\n  param k = 2\nequations\n  der(x) = k\nend")
    assert not np.any(alone.program.quadratures)


@pytest.mark.parametrize("method", [TIERS[0], pytest.param(TIERS[1], marks=pytest.mark.slow)])
def test_quadratures_are_as_right_outside_of_the_norm(method):
    model = sd.loads(METER.format(""))
    wanted = solve_ivp(
        lambda t, s: [-50 * (s[0] - s[1]), 1 - s[1], s[0] ** 2], (0, 10), [1, 0, 0], rtol=1e-11, atol=1e-13,
        method="LSODA",
    ).y[2, -1]  # fmt: skip
    outside = model.simulate(method=method)
    inside = model.simulate(method=method, include_quadratures=True)
    for solution in (outside, inside):
        assert solution["E"][-1] == pytest.approx(wanted, rel=2e-5)
        assert solution["clock"][-1] == pytest.approx(1 - np.cos(10), rel=1e-4)
    said = sd.loads(METER.format(", include quadratures")).simulate(method=method)
    assert said.stats["accepted"] == inside.stats["accepted"]
    named = model.simulate(method=method, atol={"E": 1e-9})
    assert named.stats["accepted"] == inside.stats["accepted"]
    # The norm is that of the same model without a meter.
    bare = METER.format("").replace("  var E [J] start 0\n", "").replace("  der(E) = x^2\n", "")
    bare = bare.replace("  output mean = E/10\n", "")
    assert outside.stats["accepted"] == sd.loads(bare).simulate(method=method).stats["accepted"]


LEFT_OUT = """model M
  var x start 0.6
  var y start -0.8
  var vx start 0
  var vy start 0
  var T
  var z start 0
  var E start 0
equations
  der(x) = vx
  der(y) = vy
  der(vx) = -T*x
  der(vy) = -T*y - 9.81
  x^2 + y^2 = 1
  der(z) + der(z)^3 = x
  der(E) = z^2
end"""


@pytest.mark.parametrize("method", [*TIERS, "kvaerno5"])
def test_unknowns_that_do_not_count_are_left_out_by_a_mask(method):
    model = sd.loads(LEFT_OUT)
    names = np.array(model.states.names)
    assert names[~model.program.counted].tolist() == ["der(z)"]
    solution = model.simulate(time=(0, 3), method=method)
    # The way back to the constraint weighs unknowns by their tolerances.
    assert np.max(np.abs(solution["x"] ** 2 + solution["y"] ** 2 - 1)) < 1e-14
    # In angles, by SciPy.
    slopes = np.polynomial.Polynomial([0, 1, 0, 1])

    def f(t, s):
        roots = (slopes - np.sin(s[0])).roots()
        rate = roots[np.abs(roots.imag) < 1e-9].real[0]
        return [s[1], -9.81 * np.sin(s[0]), rate, s[2] ** 2]

    wanted = solve_ivp(f, (0, 3), [np.arcsin(0.6), 0, 0, 0], rtol=1e-10, atol=1e-12).y[:, -1]
    found = [solution[n][-1] for n in ("x", "z", "E")]
    np.testing.assert_allclose(found, [np.sin(wanted[0]), *wanted[2:]], rtol=2e-4)


@pytest.mark.parametrize("method", [*TIERS, "radau5", "kvaerno5", "tsit5"])
def test_what_does_not_count_must_be_finite(method):
    # A quadrature of a cube that leaves the numbers.
    text = "model M\n  var x start 1e101\n  var E start 0\nequations\n  der(x) = x\n  der(E) = x^3\nend"
    model = sd.loads(text)
    assert model.program.counted.tolist() == [True, False]
    solution = model.simulate(time=(0, 10), method=method)
    assert not solution.success
    assert np.all(np.isfinite(solution.y))


def test_tolerances_are_finite():
    model = sd.loads(METER.format(""))
    with pytest.raises(ValueError, match="`atol` must be finite"):
        model.simulate(atol={"E": np.inf})


@pytest.mark.parametrize(("rtol", "told"), [(1e-3, True), (1e-6, False)])
def test_a_temperature_that_moves_by_a_few_tolerances(rtol, told):
    house = sd.loads(
        "model House\n var T [degC] start 20\n var S [degC] start 30\nequations\n"
        " der(T) = (1 [K] + 1 [K]*sin(time/1 [s]))/1 [s] - 0.1 [1/s]*(T - 20 [degC])\n der(S) = 0 [K/s]\nend"
    )
    notes = house.simulate(time=(0, 3), rtol=rtol).notes
    assert any("`T` moved by" in note and "relative to absolute zero" in note for note in notes) == told
    assert not any("`S`" in note for note in notes)


HEATED = """model H
  var T [degC] start 15{nominal}
  var E [J] start 0
equations
  1e5*der(T) = 2e4*max(0, min(1, (20 [degC] - T)/0.5 [K])) - 50*(T - 5 [degC])*(1 + 0.5*sin(time/3000))
  der(E) = 2e4*max(0, min(1, (20 [degC] - T)/0.5 [K]))
experiment
  time 0..1e5, rtol 1e-3
end
"""


def test_rtol_counts_relative_to_what_a_temperature_declares_to_matter():
    """A steep heater turns 0.3 K, a thousandth of 288 K, into kilowatts."""
    right = sd.loads(HEATED.format(nominal="")).simulate(rtol=1e-9, saveat=[1e5])["E"][0]
    found = {}
    for nominal in ("", " nominal 300", " nominal 1"):
        model = sd.loads(HEATED.format(nominal=nominal))
        solution = model.simulate(saveat=[1e5])
        found[nominal] = solution.stats["accepted"], abs(solution["E"][0] / right - 1)
        assert not solution.notes
    assert found[""] == pytest.approx(found[" nominal 300"], rel=0.05)
    assert found[" nominal 1"][1] < 1e-5 < 1e-4 < found[""][1]
    full = model.solver(saveat=[1e5], outputs=["E"]).full()
    assert int(full.steps) == found[" nominal 1"][0]
