"""Exact laws of a model hold in its surrogate: conserved totals, linear equations, signs."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.surrogate.core.task import Relations
from stiffdsl.surrogate.learn.laws_fit import fitted, saturated
from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.of_model.task import task_of

from . import tasks

BODIES = """
model Bodies
  param C1 = 2 [J/K] in 1..3
  param C2 = 3 [J/K]
  param G = 1 [W/K] in 0.5..2
  var T1 [degC] start 80
  var T2 [degC] start 20
  var q [W]
  var middle [degC]
equations
  C1*der(T1) = -q
  C2*der(T2) = q
  q = G*(T1 - T2)
  2*middle = T1 + T2
experiment
  time 0..8, points 30
end
"""


@pytest.fixture(scope="module")
def bodies():
    return sd.loads(BODIES).surrogate(
        vary={"C1": (1, 3), "G": (0.5, 2), "T1": (60, 90)}, samples=24, method="rbf"
    )


def test_laws_hold_to_rounding_for_other_parameters_and_starts(bodies):
    sol = bodies.simulate(params={"C1": 1.5}, initial={"T1": 70})
    heat = 1.5 * (sol["T1"] + 273.15) + 3 * (sol["T2"] + 273.15)
    assert np.allclose(heat, 1.5 * 343.15 + 3 * 293.15, rtol=1e-15, atol=0)
    assert np.allclose(2 * sol["middle"], sol["T1"] + sol["T2"], rtol=1e-14)
    rows = bodies.validation["kept"]["laws"]
    assert [row["law"] for row in rows] == ["C1*T1 + C2*T2", "q = G*(T1 - T2)", "2*middle = T1 + T2"]
    assert all(row["after"] < 1e-15 < 1e-6 < row["before"] for row in rows)


def test_a_model_without_its_conserved_states_has_the_same_laws():
    values = np.array([[1.5, 0.7, 70.0], [2.5, 1.2, 85.0]])
    numbers = []
    for reduced in (False, True):
        model = sd.loads(BODIES, eliminate_conserved=reduced)
        task = task_of(model, {"C1": (1, 3), "G": (0.5, 2), "T1": (60, 90)})
        assert task.relations is not None
        relations = task.relations()
        assert relations.texts[0] == "C1*T1 + C2*T2"
        numbers.append([a[:, : len(relations.texts)] for a in relations.numbers(values)])
    for full, without in zip(*numbers, strict=True):
        np.testing.assert_allclose(without, full, rtol=1e-14)


def test_an_output_alone_is_the_same_and_has_the_right_gradient(bodies):
    whole = bodies.simulate(params={"C1": 1.5}, initial={"T1": 70})
    solve = bodies.solver(outputs=("T2",))
    given = {"C1": 1.5}
    assert np.allclose(solve(given, {"T1": 70.0})[:, 0], whole["T2"], rtol=1e-12)
    slope = jax.grad(lambda c: solve({"C1": c}, {"T1": 70.0})[-1, 0])(1.5)
    ends = [solve({"C1": 1.5 + h}, {"T1": 70.0})[-1, 0] for h in (1e-5, -1e-5)]
    assert float(slope) == pytest.approx(float(ends[0] - ends[1]) / 2e-5, rel=1e-5)


def test_laws_are_stored(bodies, tmp_path):
    again = sd.load_surrogate(bodies.save(tmp_path))
    assert np.array_equal(bodies.predict([[1.2, 0.7, 66.0]]), again.predict([[1.2, 0.7, 66.0]]))


def test_intervals_hold_what_is_predicted(bodies):
    sol = bodies.simulate(params={"C1": 1.5})
    for name, (low, high) in bodies.interval({"C1": 1.5}).items():
        assert np.all((low <= sol[name]) & (sol[name] <= high))


def closed() -> Relations:
    """A + B + C = 1 of `tasks.chain`, but for what its C drifts by."""
    one = np.ones((1, 3))
    return Relations(
        ("A + B + C",),
        np.zeros(3, int),
        np.arange(3),
        lambda v: (np.repeat(one, len(v), 0), np.ones((len(v), 1))),
    )


def test_trace_species_keep_their_digits():
    free = train(tasks.chain(), "rbf", samples=12)
    made = train(tasks.chain(relations=closed), "rbf", samples=12)
    x = made.predict(made.held_out["values"])
    assert np.abs(x.sum(-1) - 1).max() < 3e-16
    assert x.min() >= 0
    for name in ("A", "B", "C"):
        before, after = (s.validation["outputs"][name]["worst"] for s in (free, made))
        assert after < 1.5 * before


def test_nothing_becomes_negative_where_the_formula_does():
    def front(t, a):
        return [1e-3 + np.maximum(0.0, np.tanh(8 * (t - a)))]

    task = tasks.task(
        {"a": (0.2, 0.8, 0.5)}, ("x",), np.linspace(0, 1, 40), lambda t, a: [front(t, a)[0] - 1e-3]
    )
    made = train(task, "rbf", samples=12)
    signed = made.validation["kept"]["not_negative"]
    assert signed["outputs"] == ["x"]
    assert signed["before"] > 10
    assert signed["after"] == 0
    shifted = train(replace(task, physical=(False,)), "rbf", samples=12)
    assert shifted.predict(made.held_out["values"]).min() < 0


def test_totals_that_cannot_be_followed_are_said_to_be_lost():
    text = BODIES.replace(
        "var T1 [degC] start 80", "param a = 1 in 0.1..2\n  var T1 [degC] start 80*sin(3*a)"
    )
    made = sd.loads(text).surrogate(vary={"a": (0.1, 2)}, samples=24, method="rbf")
    lost = made.validation["kept"]["lost"]
    assert lost == [{"law": "C1*T1 + C2*T2", "reason": "its numbers are no polynomial of what varies"}]
    assert [row["law"] for row in made.validation["kept"]["laws"]] == [
        "q = G*(T1 - T2)",
        "2*middle = T1 + T2",
    ]


def test_numbers_are_followed_exactly_or_not_at_all():
    values = np.random.default_rng(0).uniform(1, 2, (40, 2))
    x, y = values.T
    numbers = np.stack([x * 0 + 0.1, 3 * x - 2 * y, x * y**2, np.exp(x)], axis=1)
    found, good = fitted(np.ones(2), 2 * np.ones(2), values, numbers)
    assert good.tolist() == [True, True, True, False]
    assert np.allclose(found(np, np.array([[1.3, 1.9]]))[0, :3], [0.1, 0.1, 1.3 * 1.9**2], rtol=1e-13)


def test_what_saturates_in_many_runs_is_bounded_and_what_begins_at_its_greatest_is_not():
    t = np.linspace(0, 1, 50)
    rates = np.random.default_rng(0).uniform(1, 3, 40)[:, None]
    capped, decaying, peaked = np.minimum(1.0, rates * t), np.exp(-rates * t), np.sin(rates * t)
    starts = np.where(t < 0.2, 1.0, decaying)
    found = saturated([np.stack([capped, decaying, peaked, starts], axis=2)])
    assert found.tolist() == [1.0, np.inf, np.inf, np.inf]
    assert saturated([np.ones((40, 50, 1))]).tolist() == [np.inf]


def test_predictions_stay_below_where_an_output_saturates():
    def solution(t, k):
        return [np.minimum(1.0, k * t), np.exp(-k * t)]

    names = {"k": (1.2, 3.0, 2.0)}
    made = train(tasks.task(names, ("x", "y"), np.linspace(0, 1, 40), solution), "rbf", samples=16)
    assert made.laws is not None
    assert made.laws.upper.tolist() == [1.0, np.inf]
    x = made.ensemble({"k": np.linspace(1.2, 3, 50)})["x"]
    assert x.max() == 1.0
    _, high = made.interval({"k": 2.0})["x"]
    assert high.max() <= 1.0
