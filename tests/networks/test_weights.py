"""Weights as parameters: solves, gradients, lanes, files, other packages, modules."""

import importlib.util
import pickle
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import stiffdsl as sd
from tests.networks import own

STIFF = """
network g(x[2]) -> y[2] hidden 40, 30 activation tanh seed 2
model M
  param k[2] = {0.1, 1000}
  var x[2] start {1, 0.5}
equations
  der(x) = g(x) - k*x
end
"""
SMALL = STIFF.replace("hidden 40, 30", "hidden 4")
TIMES = np.linspace(0, 1, 3)


@pytest.fixture(scope="module")
def models():
    return {text: sd.loads(text) for text in (STIFF, SMALL)}


def moved(network, seed=0):
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda w: np.asarray(w) + 0.1 * random.standard_normal(np.shape(w)), network)


@pytest.mark.parametrize("text", [STIFF, SMALL])
def test_a_stiff_solve_is_that_of_scipy(models, text):
    model = models[text]
    g = moved(model.parameters["g"])

    def f(t, x):
        return own.result(g.weights, g.biases, "tanh", x) - np.array([0.1, 1000.0]) * x

    expected = solve_ivp(f, (0, 1), [1, 0.5], "Radau", rtol=1e-10, atol=1e-12).y[:, -1]
    solution = model.simulate(time=(0, 1), params={"g": g}, rtol=1e-9, atol=1e-11)
    assert solution.stats["tier"] == "native"
    assert [solution[f"x[{k}]"][-1] for k in (1, 2)] == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("text", [STIFF, SMALL])
def test_gradients_by_weights_are_those_of_differences(models, text):
    model = models[text]
    solve = model.solver(saveat=TIMES, rtol=1e-9, atol=1e-11)
    g = moved(model.parameters["g"])
    direction = moved(jax.tree.map(np.zeros_like, g), 1)

    def loss(g):
        return jnp.sum(solve({"g": g}) ** 2)

    def along(h):
        return float(loss(jax.tree.map(lambda w, d: w + h * d, g, direction)))

    gradient = jax.grad(loss)(g)
    slope = sum(
        float(np.sum(a * d)) for a, d in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True)
    )
    assert slope == pytest.approx((along(1e-4) - along(-1e-4)) / 2e-4, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("text", [STIFF, SMALL])
def test_forward_mode_agrees_with_reverse_mode(models, text):
    solve = models[text].solver(saveat=TIMES)
    g = moved(models[text].parameters["g"])
    direction = moved(jax.tree.map(np.zeros_like, g), 1)

    def loss(g):
        return jnp.sum(solve({"g": g}) ** 2)

    slope = sum(
        float(np.sum(a * d))
        for a, d in zip(*map(jax.tree.leaves, (jax.grad(loss)(g), direction)), strict=True)
    )
    assert float(jax.jvp(loss, (g,), (direction,))[1]) == pytest.approx(slope, rel=1e-9)


@pytest.mark.slow
def test_the_portable_tier_has_the_same_gradient(models):
    model = models[SMALL]
    g = moved(model.parameters["g"])
    solves = [
        model.solver(saveat=TIMES, rtol=1e-9, atol=1e-11, method=method) for method in ("rodas5p", "kvaerno5")
    ]
    found = [jax.grad(lambda g, i=i: jnp.sum(solves[i]({"g": g})))(g) for i in range(2)]
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), rel=1e-5, abs=1e-8)


def test_lanes_take_weights_of_their_own(models):
    model = models[SMALL]
    several = [moved(model.parameters["g"], k) for k in range(3)]
    lanes = model.ensemble({"g": jax.tree.map(lambda *w: np.stack(w), *several)}, saveat=TIMES)
    for k, g in enumerate(several):
        alone = model.simulate(time=(0, 1), params={"g": g}, saveat=TIMES)
        assert np.asarray(lanes["x[1]"])[k] == pytest.approx(alone["x[1]"], rel=1e-9)


def test_parameters_hold_weights_by_layer(models):
    model = models[STIFF]
    g = model.parameters["g"]
    assert [w.shape for w in g.weights] == [(40, 2), (30, 40), (2, 30)]
    assert g.size == 40 * 3 + 30 * 41 + 2 * 31
    assert model.parameters.names == ["k[1]", "k[2]"]
    assert "2 -> 40 -> 30 -> 2" in repr(model.parameters)
    x = np.array([0.3, -2.0])
    assert np.asarray(g(x)) == pytest.approx(own.result(g.weights, g.biases, "tanh", x), rel=1e-12)
    one = model.args({"g.bias3": [1.0, 2.0]}).p - model.default_parameters
    assert sorted(one[one != 0]) == [1.0, 2.0]
    assert model.report["networks"] == ["g"]


def test_what_is_no_network_is_told(models):
    model = models[STIFF]
    with pytest.raises(ValueError, match="`g` is a network"):
        model.simulate(time=(0, 1), params={"g": 3.0})
    with pytest.raises(ValueError, match="`g` has 3 layers, not 2"):
        model.simulate(time=(0, 1), params={"g": models[SMALL].parameters["g"]})
    with pytest.raises(ValueError, match=r"shape \(40, 2\), not \(2,\)"):
        model.simulate(time=(0, 1), params={"g.weight1": [1.0, 2.0]})
    with pytest.raises(ValueError, match="3 layers"):
        model.parameters["g"].with_arrays([], [])


def test_weights_go_through_files_and_equinox(models, tmp_path):
    g = moved(models[SMALL].parameters["g"])
    g.save(tmp_path / "g.safetensors")
    back = models[SMALL].parameters["g"].loaded(tmp_path / "g.safetensors")
    made = g.to_equinox()
    again = models[SMALL].parameters["g"].from_equinox(made)
    for other in (back, again, pickle.loads(pickle.dumps(g))):
        for a, b in zip(*map(jax.tree.leaves, (g, other)), strict=True):
            assert np.array_equal(a, b)
    x = jnp.array([0.3, -2.0])
    assert np.asarray(made(x)) == pytest.approx(np.asarray(g(x)), rel=1e-6)
    (tmp_path / "wrong").write_text("x")
    with pytest.raises(ValueError, match="no file of safetensors"):
        g.loaded(tmp_path / "wrong")


def test_a_written_module_holds_the_weights(models, tmp_path):
    model = models[SMALL]
    path = model.write(tmp_path)
    spec = importlib.util.spec_from_file_location("written_network", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["written_network"] = module
    spec.loader.exec_module(module)
    p, y = module.parameters(), np.array([0.3, -2.0])
    assert np.array_equal(p, model.default_parameters)
    g = moved(model.parameters["g"])
    p = module.parameters({"g.weight1": g.weights[0], "g.bias2": g.biases[1]})
    expected = model.args({"g.weight1": g.weights[0], "g.bias2": g.biases[1]}).p
    assert np.array_equal(p, expected)
    assert np.asarray(module.rhs(0.0, y, p)) == pytest.approx(
        np.asarray(model.rhs(0.0, y, expected)), rel=1e-14
    )


def test_a_solution_is_checked_against_the_equations_as_written(models):
    model = models[SMALL]
    assert model.simulate(time=(0, 1), params={"g": moved(model.parameters["g"])}, check=True).check.ok
