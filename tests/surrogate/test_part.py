"""A part of a model is replaced by its surrogate: the connectors stay, and the whole compiles with a Jacobian."""

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.check.text import text
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model
from stiffdsl.solve.integrate.solution import OutsideDomainWarning
from stiffdsl.sources import located, read
from stiffdsl.surrogate.part.runs import task_with

HOUSE = """
connector HeatPort
  potential T [K]
  flow Q [W]
end

model Wall "a slab of n cells"
  const n = 20
  port a : HeatPort
  port b : HeatPort
  param R = 0.05 [K/W]
  param C = 2e6 [J/K]
  var T[n] [degC] start 20
  output stored [MJ] = C/n*sum(T[i] - 273.15 [K] for i in 1..n)
equations
  a.Q = (a.T - T[1])*2*n/R
  b.Q = (b.T - T[n])*2*n/R
  C/n*der(T[1]) = a.Q - (T[1] - T[2])*n/R
  for i in 2..n-1
    C/n*der(T[i]) = (T[i-1] - 2*T[i] + T[i+1])*n/R
  end
  C/n*der(T[n]) = b.Q + (T[n-1] - T[n])*n/R
end

model Shell "a wall further inside"
  port a : HeatPort
  port b : HeatPort
  part wall : Wall
equations
  connect a, wall.a
  connect b, wall.b
end

model Room
  port port : HeatPort
  param C = 4e5 [J/K]
  var T [degC] start 20
equations
  port.T = T
  C*der(T) = port.Q
end

model Weather
  port port : HeatPort
  param mean = 5 [degC] in -5..15
equations
  port.T = mean + 6 [K]*sin(2*pi*time/24 [h])
end

model Heater
  port port : HeatPort
  param gain = 300 [W/K] in 100..600
  param T_set = 20 [degC]
equations
  port.Q = -gain*(T_set - port.T)
end

model House
  part room : Room
  part shell : Shell
  part sky : Weather
  part heater : Heater
  part many[2] : Room
  output stored [MJ] = shell.wall.stored
equations
  connect room.port, shell.a, heater.port
  connect shell.b, sky.port
experiment
  time 0..1 [d], rtol 1e-6, atol 1e-6, points 60
end
"""


@pytest.fixture(scope="module")
def house():
    return sd.loads(HOUSE)


@pytest.fixture(scope="module")
def replaced(house):
    return house.surrogate(part="shell.wall", samples=8, held_out_samples=20)


def test_the_whole_with_a_part_replaced_does_what_the_whole_does(house, replaced):
    # What is worst are flows at the first instant, where the states that were left out would still move.
    assert replaced.validation["p95"] < 1e-4
    assert replaced.validation["worst"] < 0.02
    assert replaced.validation["states"]["surrogate"] < replaced.validation["states"]["part"]
    params = {"heater.gain": 500, "sky.mean": 10}
    truth, found = (m.simulate(params=params) for m in (house, replaced))
    for name in ("room.T", "shell.wall.a.Q", "stored"):
        assert np.max(np.abs(found[name] - truth[name])[1:]) < 1e-3 * np.ptp(truth[name])


@pytest.mark.slow
def test_a_goal_is_met_with_fewer_states(house, replaced):
    smaller = house.surrogate(part="shell.wall", samples=8, held_out_samples=20, goal=0.2)
    assert smaller.validation["goal"] == {"worst": 0.2, "met": True}
    assert replaced.validation["worst"] < smaller.validation["worst"] <= 0.2
    assert smaller.validation["states"]["surrogate"] < replaced.validation["states"]["surrogate"]
    with pytest.raises(ValueError, match="above zero"):
        house.surrogate(part="shell.wall", goal=-1.0)


def test_it_has_a_jacobian_and_gradients(house, replaced):
    model = replaced.model
    y, p = model.initial_state(), model.default_parameters
    exact = np.zeros((len(y), len(y)))
    pattern = model.jacobian_pattern
    exact[pattern.row, pattern.col] = model.jacobian(0.0, y, p)
    assert np.allclose(exact, jax.jacfwd(lambda y: model.rhs(0.0, y, p))(y), atol=1e-9)
    slopes = [
        jax.grad(lambda g, m=m: m.solver(saveat=[4e4], outputs=("room.T",))({"heater.gain": g})[0, 0])(300.0)
        for m in (house, replaced)
    ]
    assert float(slopes[1]) == pytest.approx(float(slopes[0]), rel=1e-2)


def test_its_text_compiles_as_any_model(replaced, tmp_path):
    replaced.save(tmp_path)
    again = sd.load(tmp_path / "House.sml")
    assert np.allclose(again.simulate()["room.T"], replaced.model.simulate()["room.T"], rtol=1e-9)
    loaded = sd.load_surrogate(tmp_path)
    assert loaded.validation["worst"] == replaced.validation["worst"]
    low, high = loaded.interval({"heater.gain": 200})["room.T"]
    assert np.all(low <= high)


def test_it_warns_outside_of_what_it_has_learnt(house, replaced):
    with pytest.warns(OutsideDomainWarning, match=r"sky\.mean.*shell\.wall\.b\.T"):
        replaced.simulate(params={"sky.mean": 40})
    assert replaced.simulate(params={"sky.mean": 40}, fallback=True)["room.T"].size
    assert replaced.counts["fallback"] == 1


def test_what_was_inside_is_told(replaced):
    with pytest.raises(
        KeyError, match=r"surrogate of `shell\.wall` has no variable `shell\.wall\.T\[3\]`; it kept"
    ):
        replaced.model.solver(outputs=("shell.wall.T[3]",))({})


def test_a_part_whose_parameters_have_the_names_of_matrices_in_a_model_without_ranges():
    text = """
from thermal import HeatCapacitor, ThermalConductor, FixedTemperature
model Site
  part room : HeatCapacitor(C = 1e5, T start 290)
  part loss : ThermalConductor(G = 40)
  part out : FixedTemperature(T = 300)
equations
  connect room.port, loss.a
  connect loss.b, out.port
experiment
  time 0..7200, points 40
end
"""
    site = sd.loads(text)
    replaced = site.surrogate(part="room", method="balanced")
    assert replaced.validation["causality"]["imposed"] == ["room.port.Q"]
    assert np.allclose(replaced.simulate()["loss.Q"], site.simulate(points=40)["loss.Q"], atol=1e-2)


def test_what_varies_by_default_is_around_the_part(house):
    given = dict.fromkeys(("params", "inputs", "initial", "time", "times", "outputs", "rtol", "atol"))
    assert [p.name for p in task_with(house, "shell.wall", (), None, given).parameters] == [
        "sky.mean",
        "heater.gain",
    ]
    assert [p.name for p in task_with(house, "heater", (), None, given).parameters] == ["sky.mean"]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("shel", "did you mean `shell`"),
        ("many", "array of parts"),
        ("shell.a", "is a port"),
        ("shell.wall.R", "declared with `param`"),
    ],
)
def test_what_cannot_be_replaced_is_told(house, part, told):
    with pytest.raises(ValueError, match=told):
        house.surrogate(part=part)


@pytest.mark.parametrize("name", ["examples.building", "examples.rc_circuit", "mechanics.slider_crank"])
def test_a_checked_model_is_written_so_that_it_reads_back(name):
    source = read(located(name))
    checked = compile_model(source, stop_after="check")
    written = text(checked)
    again = compile_model(Source("<text>", written), stop_after="check")
    assert text(again) == written
    assert again.warnings == ()
