"""Calls of a surrogate take texts with units where those of the model do: the same answer to the same call."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.surrogate.core.bindings import Given
from stiffdsl.surrogate.core.task import Drive, Parameter
from stiffdsl.surrogate.of_model.task import task_of

TANK = """
model Tank "is heated, and loses heat to the weather"
  param C = 2000 [J/K]
  param G = 10 [W/K] in 5..20
  input outside = 10 [degC]
  var T [degC] start 20
  output loss [W]
equations
  loss = G*(T - outside)
  C*der(T) = -loss
experiment
  time 0..600, points 25
end
"""


@pytest.fixture(scope="module")
def tank():
    return sd.loads(TANK)


@pytest.fixture(scope="module")
def made(tank):
    """Without inputs: those are read by `Given`, below."""
    return tank.surrogate(
        {"G": ("5 [W/K]", "0.02 [kW/K]"), "T": ("288.15 [K]", "30 [degC]")},
        "rbf",
        12,
        held_out_samples=8,
        params={"C": "2 [kJ/K]"},
        inputs={"outside": "278.15 [K]"},
    )


def test_ranges_and_fixed_values_take_units(tank, made):
    assert made.domain["G"] == pytest.approx((5, 20))
    assert made.domain["T"] == pytest.approx((15, 30))
    assert made.about.fixed == {"C": pytest.approx(2000)}
    drive = task_of(tank, {"outside": ("273.15 [K]", 20)}).drives[0]
    assert drive.range == pytest.approx((0, 20))


def test_a_call_takes_units(tank, made):
    texts = {"params": {"G": "0.012 [kW/K]"}, "initial": {"T": "295.15 [K]"}}
    answer = made.simulate(**texts)
    assert np.array_equal(answer["T"], made.simulate(params={"G": 12.0}, initial={"T": 22.0})["T"])
    truth = tank.simulate(**texts, inputs={"outside": 5.0}, saveat=made.times)
    assert np.abs(answer["T"] - truth["T"]).max() < 0.05
    assert answer["G"][-1] == 12
    lanes = made.ensemble({"G": [8, 12.0]}, initial=texts["initial"], outputs=("T",))
    assert lanes["T"][1] == pytest.approx(answer["T"], abs=1e-6)
    low, high = made.interval(texts["params"], initial=texts["initial"])["T"]
    assert np.all(low <= high)
    with pytest.warns(sd.OutsideDomainWarning, match="G"):
        made.simulate(params={"G": "25 [W/K]"})


def test_inputs_take_units():
    knots = np.linspace(0.0, 1.0, 30)
    given = Given((Parameter("G", 5, 20, 10, "W/K"),), (Drive("outside", 0, 20, 10, "degC"),), knots, {})
    row = given.row({"G": "8"}, None, {"outside": "278.15 [K]"})
    assert row.values[0] == pytest.approx([8, *[5] * 30])
    rows = given.lanes({"G": [8, 9.0]}, None, {"outside": "278.15 [K]"})
    assert np.allclose(rows.values, [[8, *[5] * 30], [9, *[5] * 30]])
    with pytest.raises(ValueError, match=r"\[s\] does not fit `outside`"):
        given.row(None, None, {"outside": "12 [s]"})


def test_wrong_units_are_told_as_by_the_model(tank, made):
    for model in (tank, made):
        with pytest.raises(ValueError, match=r"\[K\] does not fit `G`, which is in \[W/K\]"):
            model.simulate(params={"G": "12 [K]"})
        with pytest.raises(ValueError, match="`G` must be a number, or a text like"):
            model.simulate(params={"G": "much"})
    with pytest.raises(ValueError, match="`C` did not vary in training, and its unit is not known"):
        made.simulate(params={"C": "2 [kJ/K]"})
    with pytest.raises(ValueError, match=r"\[K\] does not fit `G`"):
        tank.surrogate({"G": ("5 [K]", 20)})
