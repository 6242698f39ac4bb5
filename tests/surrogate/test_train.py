"""Promises of training: small errors on held-out samples, honest reports, one surrogate from one seed."""

import re

import numpy as np
import pytest

from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.methods.registry import METHODS

from . import quick, tasks


def arrays(surrogate) -> list[np.ndarray]:
    expansion = surrogate.expansion
    return [
        expansion.mean,
        expansion.modes,
        expansion.coefficients.weights,
        expansion.basis.values,
        surrogate.widths.at_knots,
        surrogate.widths.between,
    ]


def test_a_stiff_chain_is_learnt_over_all_decades(chain):
    rows = chain.validation["outputs"]
    assert chain.validation["worst"] < 1e-4
    assert chain.validation["median"] < 1e-7
    assert {row["relative_to"] for row in rows.values()} == {"value"}
    assert (rows["B"]["scaling"], rows["C"]["scaling"]) == ("log", "log")


def test_every_kind_of_output(mixed):
    rows = mixed.validation["outputs"]
    assert rows["constant"]["worst"] < 1e-13
    assert rows["zero"]["worst_absolute"] < 1e-13
    assert rows["x"]["relative_to"] == "range"
    assert rows["small"]["scaling"] == "log"
    assert rows["wide"]["scaling"] == "asinh"
    assert mixed.validation["worst"] < 1e-3
    assert rows["T"]["unit"] == "mol"


def test_more_samples_err_less():
    errors = [train(tasks.chain(), "rbf", samples=n).validation["p95"] for n in (8, 32)]
    assert errors[1] < 0.05 * errors[0]


def test_one_parameter():
    surrogate = train(tasks.decay(), samples=8, held_out_samples=40)
    assert surrogate.validation["worst"] < 1e-6
    assert np.allclose(surrogate.simulate(params={"k": 2.5})["x"], np.exp(-2.5 * surrogate.times), rtol=1e-6)


def test_six_parameters(six):
    assert six.validation["median"] < 0.01
    assert six.validation["worst"] < 0.3


def test_nonlinear_projection():
    surrogate = train(tasks.chain(), "npctesn", samples=30)
    assert surrogate.validation["worst"] < 1e-3
    assert surrogate.validation["chosen"]["centres"] > 10


def test_network():
    surrogate = train(tasks.decay(), quick.neural(60), samples=24)
    assert surrogate.validation["worst"] < 1e-2


def test_same_seed_same_surrogate_to_the_bit():
    first, second = (train(tasks.mixed(), samples=10, seed=3) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(arrays(first), arrays(second), strict=True))
    assert first.validation == second.validation
    assert not np.array_equal(
        first.region.solved, train(tasks.mixed(), "rbf", samples=10, seed=4).region.solved
    )


def test_intervals_cover_what_they_state():
    coverage = train(tasks.chain(), "rbf", samples=30, held_out_samples=400).validation["coverage"]
    assert coverage["levels"][-1] == 0.95
    assert 0.93 < coverage["measured"][-1] < 0.97
    assert abs(coverage["measured"][0] - 0.5) < 0.06


def test_failed_samples_are_left_out_and_reported():
    task = tasks.chain(fails=lambda values: values[0] > 0.14)
    surrogate = train(task, "rbf", samples=40)
    failed, counts = surrogate.validation["failed"], surrogate.validation["samples"]
    assert counts["failed"] > 0
    assert counts["training"] + counts["calibration"] + counts["test"] + counts["failed"] == 120
    assert failed["region"]["slow"][0] > 0.14
    assert failed["reasons"] == {"the step size shrank to nothing": counts["failed"]}
    with pytest.warns(match="the full model failed at the nearest sample"):
        surrogate.simulate(params={"slow": 0.149})


def test_too_few_good_samples_are_an_error():
    with pytest.raises(ValueError, match=r"needs at least 4 samples that can be solved; .* failed"):
        train(tasks.chain(fails=lambda values: values[0] > 0.051), "rbf", samples=8)


def test_samples_are_added_until_the_goal_is_met():
    surrogate = train(tasks.chain(), "rbf", samples=8, goal=1e-3)
    assert surrogate.validation["tried"][0]["worst"] < 1e-3
    assert surrogate.validation["samples"]["training"] > 8


def test_auto_keeps_the_best():
    every = [quick.neural(60) if m.name == "neural" else m for m in METHODS if not m.inputs]
    surrogate = train(tasks.decay(), every, samples=12)
    found = surrogate.validation
    tried = {row["method"]: row["worst"] * row["p95"] for row in found["tried"]}
    assert tried[surrogate.method] == min(tried.values())
    assert {*tried, *found["skipped"]} == {m.name for m in METHODS if not m.inputs}
    # Exact already: what takes long, and cannot be as exact, is not tried.
    assert found["skipped"]["regression"] == "another one is more exact than this can be"
    assert (
        set(surrogate.speed["prediction_seconds"]) == set(surrogate.speed["training_seconds"]) == set(tried)
    )


def test_auto_spends_no_more_than_its_budget():
    found = train(tasks.front(), "auto", samples=12, budget=0.01, max_samples=12).validation
    assert [row["method"] for row in found["tried"]] == ["rbf"]
    assert set(found["skipped"].values()) == {"the budget is spent"}


def test_auto_stops_at_the_goal():
    found = train(tasks.mixed(), "auto", samples=30, goal=0.05).validation
    assert found["goal"]["met"]
    assert set(found["skipped"].values()) == {"another one meets the goal"}


def test_progress_ascends_to_the_end():
    told: list[float] = []
    train(tasks.decay(), "rbf", samples=8, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "lpctsen"}, "no surrogate method `lpctsen`; did you mean `lpctesn`?"),
        ({"samples": 3}, "at least 4 samples, not 3"),
    ],
)
def test_arguments_that_make_no_sense(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        train(tasks.decay(), **change)


def test_speed_is_measured(chain):
    for way in ("one", "batch"):
        assert chain.speed[way]["surrogate"] > 0
        assert chain.speed[way]["ratio"] == pytest.approx(
            chain.speed[way]["full"] / chain.speed[way]["surrogate"]
        )


def test_held_out_arrays_are_for_pictures(chain):
    held, n, m = chain.held_out, 40, len(chain.times)
    assert held["values"].shape == (n, 2)
    assert held["truth"].shape == held["predicted"].shape == (3, m, 3)
    assert held["error_median"].shape == held["error_worst"].shape == (m, 3)
    best, middle, worst = held["worst"][held["shown"].astype(int)]
    assert best <= middle <= worst == held["worst"].max()
    assert held["scatter_truth"].shape == held["scatter_predicted"].shape
