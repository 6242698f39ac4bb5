"""The verdict that a report opens with, and what its headline is summed up over."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.report.page import page
from stiffdsl.surrogate.core.verdict import times, verdict
from stiffdsl.surrogate.learn.validation import headline

SPEED = {"one": {"ratio": 3.0}, "batch": {"ratio": 40.0}}


def measured(p95: float, coverage: float) -> dict:
    return {"p95": p95, "coverage": {"levels": [0.95], "measured": [coverage]}}


def test_a_good_one_is_told_with_its_error_and_speed():
    found = verdict(measured(0.001, 0.95), SPEED)
    assert found.good
    assert found.sentence == (
        "good: 95 % of its values are within 0.1 %; one run is 3 times faster than the model, "
        "a run of a batch 40 times faster"
    )


@pytest.mark.parametrize(
    ("found", "speed", "told", "tried"),
    [
        (measured(0.2, 0.95), SPEED, "5 % of its values are more than 20 % off", "more samples"),
        (measured(np.inf, 0.95), SPEED, "no good", "another method"),
        (measured(0.01, 0.9), SPEED, "intervals hold 90 % of the values", "more samples held out"),
        (
            measured(0.01, 0.95),
            {"one": {"ratio": 0.5}, "batch": {"ratio": 0.25}},
            "it is 4 times slower than the model itself",
            "the model itself",
        ),
        (
            measured(0.01, 0.95) | {"method": "rbf"},
            {"one": {"ratio": 0.9}, "batch": {"ratio": 1.02}},
            "it is no faster than the model itself",
            "a faster method, such as lpctesn",
        ),
    ],
)
def test_one_that_is_no_good_says_so_first_and_what_to_try(found, speed, told, tried):
    judged = verdict(found, speed)
    assert not judged.good
    assert judged.sentence.startswith("no good as it is: ")
    assert told in judged.sentence
    assert any(tried in way for way in judged.advice)


def test_one_that_pays_in_batches_only():
    slow_alone = {"one": {"ratio": 0.6}, "batch": {"ratio": 4.0}}
    assert verdict(measured(0.01, 0.95), slow_alone).sentence.startswith("good for batches only")


def test_slopes_are_told_and_those_that_are_off_make_it_good_for_values_only():
    close = verdict(measured(0.001, 0.95) | {"slopes": {"p95": 0.05}}, SPEED)
    assert "95 % of its values are within 0.1 %, of its slopes within 5 %" in close.sentence
    off = verdict(measured(0.001, 0.95) | {"slopes": {"p95": 1.13}}, SPEED)
    assert off.sentence.startswith("good for values, not for slopes: ")
    assert off.sentence.endswith("5 % of its slopes are more than 113 % off")
    assert "for slopes (optimisation, fits) more samples" in off.advice
    both = verdict(measured(0.2, 0.95) | {"slopes": {"p95": 1.13}}, SPEED)
    assert "5 % of its slopes are more than 113 % off" in both.sentence


def test_methods_that_were_compared_are_not_advised():
    compared = {"tried": [{"method": "rbf"}, {"method": "lpctesn"}], "method": "rbf"}
    slow = {"one": {"ratio": 0.5}, "batch": {"ratio": 0.25}}
    assert "another method" in " ".join(verdict(measured(0.2, 0.95), slow).advice)
    assert "method" not in " ".join(verdict(measured(0.2, 0.95) | compared, slow).advice)


def test_one_that_pays_alone_only():
    slow_batch = {"one": {"ratio": 4.0}, "batch": {"ratio": 0.5}}
    assert verdict(measured(0.01, 0.95), slow_batch).sentence.startswith("good for single runs only")


def test_times_in_words():
    assert [times(r) for r in (85.0, 1.0, 0.321)] == ["85 times faster", "as fast", "3.12 times slower"]


def test_a_headline_leaves_out_constants():
    trajectories = np.zeros((3, 4, 3))
    trajectories[..., 1] = np.arange(4)
    assert headline(("a", "b", "c"), (), trajectories).tolist() == [1]
    assert headline(("a", "b", "c"), ("c",), trajectories).tolist() == [2]


def test_declared_outputs_are_the_headline_and_open_the_page():
    text = """
model Room
  param k = 1 in 0.5..1.5
  var T start 1
  var twin
  output warm = 2*T
equations
  der(T) = -k*T
  twin = T
experiment
  time 0..1, points 20
end
"""
    trained = sd.loads(text).surrogate(samples=8, method="rbf")
    assert trained.validation["headline"] == ["warm"]
    made = page(trained)
    assert made.index("class='verdict") < made.index("<table>")
    assert "Made on" in made
    assert "radial basis functions" in made
