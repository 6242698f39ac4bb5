"""The parts of the method: reservoirs, projections, radial functions, scalings."""

import numpy as np
import pytest

from stiffdsl.surrogate.core import scaling
from stiffdsl.surrogate.core.intervals import LEVELS, Scores, calibrated, coverage, half_widths
from stiffdsl.surrogate.core.task import Parameter
from stiffdsl.surrogate.learn.validation import beside, errors, summary
from stiffdsl.surrogate.methods.expansion import reservoir
from stiffdsl.surrogate.regression import projection, radial
from stiffdsl.surrogate.regression.compression import output_modes
from stiffdsl.surrogate.regression.timebasis import spline


def test_the_spectral_radius_is_one():
    A = reservoir.recurrent(60, np.random.default_rng(0))
    assert np.abs(np.linalg.eigvals(A.toarray())).max() == pytest.approx(1.0)
    assert A.nnz == 60 * reservoir.CONNECTIONS


def test_a_reservoir_obeys_its_equation():
    s = np.linspace(-1, 1, 50)
    nodes, positions = reservoir.nodes_between(s)
    assert np.array_equal(nodes[positions], s)
    (driven,) = reservoir.run((reservoir.Design(size=20),), s, np.sin(3 * s)[:, None], nodes, 0)
    difference = (driven.states[2:] - driven.states[:-2]) / (nodes[2:] - nodes[:-2])[:, None]
    assert np.allclose(difference, driven.slopes[1:-1], atol=5e-3)
    # It starts where a constant drive would leave it.
    assert np.abs(driven.slopes[0]).max() < 1e-10


def test_a_projection_is_orthonormal_and_fits():
    s = np.linspace(-1, 1, 40)
    functions = spline(s, np.stack([s**k for k in range(5)] + [np.exp(k * s) for k in range(1, 9)], axis=1))
    fitted = projection.orthonormal(functions, np.arange(40), s[:, None] ** 3, preferred=5)
    assert np.allclose(fitted.at_times @ (fitted.at_times.T @ s**3), s**3, atol=1e-8)
    assert np.allclose(fitted.at_times.T @ fitted.at_times, np.eye(fitted.rank), atol=1e-10)
    assert np.allclose(fitted.basis.at(s), fitted.at_times, atol=1e-6)


@pytest.mark.parametrize("kernel", radial.KERNELS)
def test_every_kernel_interpolates_and_reproduces_its_tail(kernel):
    rng = np.random.default_rng(1)
    z = rng.uniform(-1, 1, (25, 2))
    values = np.stack([1 + z[:, 0] - 2 * z[:, 1], np.exp(z[:, 0] * z[:, 1])], 1)
    made = radial.solve(radial.Choice(kernel, (0.8, 0.8), 2), z, values)
    assert np.allclose(made(np, z), values, atol=1e-7)
    at = rng.uniform(-1, 1, (9, 2))
    assert np.allclose(made(np, at)[:, 0], 1 + at[:, 0] - 2 * at[:, 1], atol=1e-6)


def test_widths_follow_the_parameters():
    z = np.random.default_rng(2).uniform(-1, 1, (60, 2))
    values = np.sin(4 * z[:, :1]) + 0.1 * z[:, 1:]
    made, error = radial.fit(z, values, 0)
    assert error < 0.02
    at = np.random.default_rng(3).uniform(-0.9, 0.9, (50, 2))
    assert np.abs(made(np, at) - np.sin(4 * at[:, :1]) - 0.1 * at[:, 1:]).max() < 0.02


def test_scalings_are_undone():
    x = np.stack([np.geomspace(1e-8, 1, 20), -np.geomspace(1e-8, 1, 20), np.linspace(-1, 1, 20) ** 3], 1)[
        None
    ]
    for made in scaling.scalings(x).values():
        assert np.allclose(made.unscale(made.scale(x), np.arange(3)), x, rtol=1e-12, atol=1e-15)
        assert np.allclose(made.unscale(made.scale(x)[..., 1:2], np.array([1])), x[..., 1:2], rtol=1e-12)
    assert scaling.scalings(x)["log"].kind.tolist() == [1, 1, 0]
    assert scaling.scalings(x)["asinh"].kind.tolist() == [0, 0, 2]


def test_ten_thousand_outputs_are_few_shapes():
    rng = np.random.default_rng(4)
    shapes = rng.normal(size=(3, 2000))
    scaled = rng.normal(size=(6, 20, 3)) @ shapes
    modes = output_modes(scaled, 0)
    assert modes is not None
    assert modes.shape == (2000, 3)
    assert np.allclose(scaled @ modes @ modes.T, scaled, atol=1e-5)
    assert output_modes(scaled[..., :10], 0) is None


def test_both_sets_held_out_make_the_intervals():
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(200):
        widths, told = calibrated(*(Scores(e, np.zeros(100)) for e in rng.normal(size=(2, 100, 1, 1))))
        assert told["levels"] == list(LEVELS)
        missed.append(np.mean(np.abs(rng.normal(size=2000)) > widths.at_knots[LEVELS.index(0.95)]))
    assert abs(np.mean(missed) - 0.05) < 0.005
    # One set of a hundred alone would spread by 0.022.
    assert np.std(missed) < 0.018


def test_an_interval_needs_enough_samples():
    errors = np.arange(1.0, 11.0)[:, None, None]
    widths = half_widths(Scores(errors, np.zeros(10))).at_knots[:, 0, 0]
    assert np.allclose(widths, [5.5, 8.8, 9.9, np.inf])


def test_inputs_that_bend_between_knots_have_intervals_of_their_own():
    rng = np.random.default_rng(1)

    def scores(count: int) -> Scores:
        hidden = np.where(np.arange(count) % 2, rng.uniform(0.05, 1.0, count), 0.0)
        return Scores(rng.normal(size=(count, 1, 1)) * (1 + 5 * hidden)[:, None, None], hidden)

    widths, told = calibrated(scores(2000), scores(2000))
    fresh = scores(4000)
    for kind in (fresh.hidden > 0, fresh.hidden == 0):
        own = Scores(fresh.errors[kind], fresh.hidden[kind])
        assert abs(coverage(own, widths)["measured"][-1] - 0.95) < 0.015
    assert abs(told["measured"][-1] - 0.95) < 0.02


def test_a_front_that_is_one_step_late_is_right_within_a_step():
    truth = np.where(np.arange(20) < 10, 1.0, 5.0)[None, :, None]
    late = np.roll(truth, 1, axis=1)
    late[:, 0] = truth[:, 0]
    one = np.ones_like(truth)
    assert summary(errors(truth, late, one))["worst"] == 4.0
    assert summary(beside(truth, late, one))["worst"] == 0.0
    assert summary(beside(truth, late + 0.25, one))["worst"] == 0.25


def test_a_range_must_ascend():
    with pytest.raises(ValueError, match=r"range of `k` must be finite and ascend, not 2\.\.1"):
        Parameter("k", 2.0, 1.0, 1.5)
