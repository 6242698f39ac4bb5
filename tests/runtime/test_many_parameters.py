"""Gradients by many parameters: what XLA is given does not grow with their number."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd

COUNT = 60


@pytest.fixture(scope="module")
def model():
    lines = [f"  param k{i} [1/min] = {1 + i}" for i in range(COUNT)]
    rate = " + ".join(f"k{i}" for i in range(COUNT))
    return sd.loads(
        "model Many\n"
        + "\n".join(lines)
        + f"\n  var x[4] start 1\nequations\n  for i in 1..4\n    der(x[i]) = -x[i]*i*("
        f"{rate})/{COUNT}\n  end\nend\n"
    )


def given(count):
    return {f"k{i}": 1.0 + 0.1 * i for i in range(count)}


def operations(function, *arguments):
    return len(re.findall(r"stablehlo\.\w+", jax.jit(function).lower(*arguments).as_text()))


def test_the_program_does_not_grow(model):
    def total(params):
        return (model.bindings.params(params).values ** 2).sum()

    few, many = (operations(jax.grad(total), given(n)) for n in (3, COUNT))
    assert many <= few + 2
    starts = {f"x[{i}]": 1.0 for i in (1, 2, 3, 4)}
    by_starts = jax.grad(lambda s: (model.bindings.initial(s).values ** 2).sum())
    assert operations(by_starts, starts) <= operations(by_starts, {"x[1]": 1.0}) + 2


def test_derivatives_are_those_of_the_units(model):
    def values(params):
        return model.bindings.params(params).values

    params = given(5)
    minute = np.full(5, 1 / 60)
    found = jax.jit(jax.jacrev(values))(params)
    forward = jax.jacfwd(values)(params)
    for i, name in enumerate(params):
        expected = np.zeros(COUNT)
        expected[i] = minute[i]
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)
        np.testing.assert_allclose(forward[name], expected, rtol=1e-12)
    second = jax.grad(lambda k: jax.grad(lambda k: (values({"k0": k, "k1": 2.0 * k}) ** 3).sum())(k))(3.0)
    assert float(second) == pytest.approx(6 * 3.0 * (1 + 8) / 60**3, rel=1e-12)


def test_lanes_and_whole_arrays(model):
    batch = jax.vmap(lambda a, b: model.bindings.params({"k1": a, "k3": b, "k2": 7.0}).values, (0, None))
    found = batch(jnp.array([1.0, 2.0]), 5.0)
    expected = np.zeros((2, COUNT))
    expected[:, 1], expected[:, 2], expected[:, 3] = [1 / 60, 2 / 60], 7 / 60, 5 / 60
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    both = jax.jit(lambda a, x: model.bindings.initial({"x[2]": x, "x": a}).values)(jnp.arange(4.0), 9.0)
    np.testing.assert_allclose(both, [0, 1, 2, 3])
    both = jax.jit(lambda a, x: model.bindings.initial({"x": a, "x[2]": x}).values)(
        jnp.arange(4.0), jnp.float32(9.0)
    )
    np.testing.assert_allclose(both, [0, 9, 2, 3])
