"""Gaussian processes, kernel ridge regression and networks over parameters: right numbers, and answers where
interpolation is led astray.

`python -m pytest -m slow tests/surrogate/test_kernel_methods.py` compares `auto` with scikit-learn on the hard cases of
`benchmarks/baselines/hard` (minutes)."""

import jax
import numpy as np
import pytest

from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.learn.validation import errors, summary
from stiffdsl.surrogate.methods.gp import fit as gp
from stiffdsl.surrogate.methods.gp.posterior import PosteriorMean
from stiffdsl.surrogate.methods.kernel_ridge import fit as ridge
from stiffdsl.surrogate.regression import neural, radial
from stiffdsl.surrogate.storage import load

from . import tasks


@pytest.fixture
def points() -> tuple[np.ndarray, np.ndarray]:
    z = np.random.default_rng(0).uniform(-1, 1, (40, 2))
    values = np.stack([np.sin(2 * z[:, 0]) + z[:, 1], np.tanh(4 * z[:, 0] * z[:, 1]), z[:, 0] ** 2], axis=1)
    return z, values - values.mean(0)


def test_the_gradient_of_the_likelihood(points):
    z, y = points
    apart = (z[:, None] - z) ** 2
    x = np.log([0.7, 0.4, 1.3, 0.2, 0.05])
    value, slope = gp.unlikelihood(x, z, apart, y)
    for k in range(len(x)):
        step = 1e-5 * np.eye(len(x))[k]
        moved = [gp.unlikelihood(x + sign * step, z, apart, y)[0] for sign in (1, -1)]
        assert slope[k] == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-5, abs=1e-6)
    assert value < gp.unlikelihood(x + np.array([3, 3, 0, 0, 0]), z, apart, y)[0]


def test_a_process_is_its_posterior_mean(points):
    """Against the textbook's formula, with the hyperparameters found."""
    z, y = points
    made, error, _ = gp.regress(z, y[:, :1], 0)
    own = gp.likeliest(z, y[:, :1] / np.sqrt(np.mean(y[:, 0] ** 2)), None)
    new = np.random.default_rng(1).uniform(-1, 1, (5, 2))
    both = own.covariance(np.concatenate([new, z]))
    expected = both[:5, 5:] @ np.linalg.solve(own.covariance(z), y[:, :1])
    assert np.allclose(made(np, new), expected, atol=1e-8)
    assert np.abs(made(np, new)[:, 0] - np.sin(2 * new[:, 0]) - new[:, 1] + 0).std() < 1e-2
    assert error < 0.05


def test_errors_left_out_are_those_of_fits_to_the_others(points):
    z, y = points
    made, error, _ = gp.regress(z, y[:, :1], 0)
    assert isinstance(made, PosteriorMean)
    choice = radial.Choice("matern", (1.0, 0.5), -1)
    _, least, ridges = ridge.ridged(choice, z, y[:, 1:2])
    kernel = radial.features(np, choice, z, z)
    left = []
    for k in range(len(z)):
        inside = np.arange(len(z)) != k
        weights = np.linalg.solve(
            kernel[np.ix_(inside, inside)] + ridges[0] * np.eye(len(z) - 1), y[inside, 1]
        )
        left.append(y[k, 1] - kernel[k, inside] @ weights)
    assert least == pytest.approx(np.mean(np.array(left) ** 4) ** 0.25, rel=1e-6)
    assert 0 < error < 0.1


@pytest.mark.parametrize("method", ["gp", "kernel_ridge"])
def test_what_every_method_promises(method, tmp_path):
    task = tasks.six()
    made = train(task, method, samples=64)
    assert made.method == method
    assert made.validation["p95"] < 0.04
    assert made.validation["coverage"]["measured"][-1] == pytest.approx(0.95, abs=0.04)
    again = load(made.save(tmp_path))
    rows = made.held_out["values"]
    assert np.array_equal(again.predict(rows), made.predict(rows))
    solve = made.solver(saveat=[1.0], outputs=("s",))
    slope = float(jax.grad(lambda k: solve({"k[1]": k})[0, 0])(0.9))
    moved = [float(solve({"k[1]": k})[0, 0]) for k in (0.901, 0.899)]
    assert slope == pytest.approx((moved[0] - moved[1]) / 2e-3, rel=1e-4)
    assert slope == pytest.approx(np.exp(-1.0), abs=0.05)


def test_fewer_scores_are_the_first_ones(points):
    z, y = points
    many = np.concatenate([y * size for size in (1, 0.1, 0.01, 1e-3, 1e-4)], axis=1)
    made, _, _ = gp.regress(z, many, 0)
    assert len(made.counts) == 11
    for count in (2, 10, 12):
        assert np.allclose(made.leading(count)(np, z), made(np, z)[:, :count], atol=1e-12)


def test_where_the_course_changes_several_networks_stand_together():
    z = np.random.default_rng(0).uniform(-1, 1, (100, 3))
    side = np.sign(z @ [1, 0.6, -0.4])[:, None]
    values = np.concatenate([3 * side, side * z[:, :1]], axis=1)
    made, error = neural.fit(z[:80], values[:80], 0, most=80)
    assert made.members == 6
    rest = np.linalg.norm(made(np, z[80:]) - values[80:], axis=1)
    plain, _ = radial.fit(z[:80], values[:80], 0)
    beside = np.linalg.norm(plain(np, z[80:]) - values[80:], axis=1)
    assert np.mean(rest) < 0.5 * np.mean(beside)
    assert 0 < error < 3
    smooth = np.stack([np.sin(z[:, 0]), z[:, 1] * z[:, 2]], axis=1)
    assert neural.fit(z, smooth, 0, most=80)[0].members == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["disposition", "genes", "switch", "oscillator"])
def test_auto_is_no_worse_than_others_on_hard_cases(name):
    """Of 128 samples, 95 % of the errors: at most five per cent more than the best of scikit-learn's, by chance."""
    pytest.importorskip("sklearn")
    case = pytest.importorskip("benchmarks.baselines.case")
    run = pytest.importorskip("benchmarks.baselines.run")
    made = case.make(name, 128)
    test = made.data.test

    def high(label: str) -> float:
        found = run.BASELINES[label](made, 60.0, 0)(test.values)
        return summary(errors(test.trajectories, found, made.denominator))["p95"]

    ours = train(made.task, "auto", 128).predict(test.values)
    own = summary(errors(test.trajectories, ours, made.denominator))["p95"]
    assert own <= 1.05 * min(map(high, ("Gaussian processes", "kernel ridge", "small network")))
