"""The kernel that looks for the start of a solve: the same start and derivatives as by the method in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.model import CompiledModel
from stiffdsl.native import Form
from stiffdsl.runtime.initialization import start_kernel, start_search
from stiffdsl.runtime.initialization.initial_state import anchor
from stiffdsl.runtime.thresholds import Thresholds

TEXT = """
model Loop
  param a = 2
  param b = 1
  input w = 0
  var x start 1
  var y guess 0.1
  var z guess 0.1
equations
  der(x) = -x
  y^3 + y*z = a*x + w
  exp(z) + y + z = b + 3
end
"""


def _starts(a, b):
    """y and z at x = 1 by bisection in z: y = b + 3 - z - exp(z)."""
    low, high = -3.0, 3.0
    for _ in range(200):
        z = 0.5 * (low + high)
        y = b + 3 - z - np.exp(z)
        low, high = (z, high) if y**3 + y * z > a else (low, z)
    return np.array([b + 3 - z - np.exp(z), z])


# After one iteration nothing is found: the host goes on.
FORMS = [Form(), Form(search_iterations=1)]


@pytest.fixture(params=[FORMS[0], pytest.param(FORMS[1], marks=pytest.mark.slow)], ids=["kernel", "host"])
def model(request):
    model = CompiledModel(sd.loads(TEXT).program, thresholds=Thresholds(start_kernel=0, form=request.param))
    assert start_search.searched(model) is not None
    return model


def test_values_lanes_and_derivatives(model):
    solve = model.solver(saveat=[0.0], time=(0, 1), outputs=["y", "z"])

    def start(a, b):
        return solve({"a": a, "b": b})[0]

    assert np.allclose(start(2.0, 1.5), _starts(2.0, 1.5), rtol=1e-10)
    lanes = np.array([0.5, 2.0, 8.0])
    found = jax.vmap(start, in_axes=(0, None))(lanes, 1.0)
    assert np.allclose(found, [_starts(a, 1.0) for a in lanes], rtol=1e-10)
    forward, backward = jax.jacfwd(start)(3.0, 1.0), jax.jacrev(start)(3.0, 1.0)
    differences = (_starts(3.0 + 1e-5, 1.0) - _starts(3.0 - 1e-5, 1.0)) / 2e-5
    assert np.allclose(forward, differences, rtol=1e-6)
    assert np.allclose(backward, forward, rtol=1e-12)


def test_ensembles(model):
    lanes = np.array([0.5, 2.0, 8.0])
    found = model.ensemble({"a": lanes}, saveat=[0.0], time=(0, 1), outputs=["y", "z"])
    assert np.allclose(found.values[:, 0], [_starts(a, 1.0) for a in lanes], rtol=1e-10)


def test_no_start_is_a_status(model):
    solve = model.solver(saveat=[0.0], time=(0, 1), outputs=["y"])
    found = jax.jit(lambda a: solve.full({"a": a}))(jnp.nan)
    assert not bool(found.success)
    assert np.isnan(found.values).all()
    assert jnp.isnan(jax.grad(lambda a: solve({"a": a}).sum())(jnp.nan))


def test_steps_from_the_declared_start_on_the_host(model):
    known = anchor(model)
    changed = model.args({"a": 50.0})
    p, u = np.asarray(changed.p), np.asarray(changed.inputs.constant)
    found = start_search._walked(model, known, 0.0, known.y, p, u, known.start)
    assert found is not None
    y = np.array(known.y)
    y[model.program.system.initial.free] = found
    values = model.interpreted.variables(0.0, y, p, u)
    names = [v.name for v in model.variables]
    assert np.allclose([values[names.index(n)] for n in "yz"], _starts(50.0, 1.0), rtol=1e-9)


@pytest.mark.parametrize("form", FORMS, ids=["kernel", "numpy"])
def test_runs_on_the_host_begin_by_the_kernel_where_it_finds_a_start(form):
    model = CompiledModel(sd.loads(TEXT).program, thresholds=Thresholds(host_start_kernel=0, form=form))
    for a in (0.5, 3.0):
        solution = model.simulate(time=(0, 1), points=2, params={"a": a})
        assert solution.start.how == "Newton"
        assert solution.start.iterations > 1
        assert np.allclose([solution["y"][0], solution["z"][0]], _starts(a, 1.0), rtol=1e-10)
    assert start_kernel.search_kernel.is_made(model)
