"""Facts about kernels in a solution and a report: whether one served, and why not."""

import jax
import numpy as np
import pytest

import stiffdsl as sd
from benchmarks.texts import mass_action, sizes
from stiffdsl.native.host import engine
from stiffdsl.runtime import tier
from stiffdsl.runtime.mild import is_mild
from stiffdsl.runtime.run.arguments import run_arguments
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.integrate.solution import repivoted_text

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

COOLED = """\
model Cooled
  input T_out = 20
  var T start 90
equations
  der(T) = -0.1*(T - T_out)
experiment
  time 0..10
end
"""


def test_why_there_is_no_kernel_is_told():
    model = sd.loads(COOLED)
    assert "no_kernel" not in model.simulate().stats
    driven = model.simulate(inputs={"T_out": lambda t: 20.0 + 0.0 * t})
    assert driven.stats["no_kernel"] == "the input `T_out` is a function of time: kernels take tables"
    assert "klu" in model.simulate(method="rodas5p", linear="klu").stats["no_kernel"]
    assert model.report["no_kernel"] is None


def test_the_start_says_what_it_took():
    start = sd.loads(COOLED).simulate().start
    assert 0 < start.seconds < 60
    assert start.to_dict()["seconds"] == start.seconds


def test_many_bad_pivots_are_told():
    counts = {"accepted": 90, "rejected": 10}
    assert repivoted_text(counts) == ""
    assert repivoted_text(counts | {"repivoted": 10}) == ""
    assert repivoted_text(counts | {"repivoted": 60}).startswith("60 of 100 steps needed other pivots")


@pytest.mark.parametrize("cells", [150, 1000])
def test_algebraic_equations_are_no_reason(cells):
    """A rod whose end is held by an algebraic equation: many unknowns, little work."""
    text = f"""\
model Rod
  const N = {cells}
  var T[N] start 20
  var q[N] guess 0
equations
  for i in 1..N
    q[i] + 0.1*q[i]^3 = N*((if i == 1 then 100 else T[max(i - 1, 1)]) - T[i])
    der(T[i]) = N*(q[i] - (if i == N then 0 else q[min(i + 1, N)]))
  end
experiment
  time 0..1
end
"""
    model = sd.loads(text)
    assert model.program.size == 2 * cells
    solution = model.simulate(time=(0, 1e-4), rtol=1e-4, saveat=np.array([0.0, 1e-4]))
    assert solution.success
    assert solution.stats["tier"] == "native"
    assert solution.stats["method"] == "rodas5p"
    assert "no_kernel" not in solution.stats


@pytest.mark.parametrize("linear", ["auto", "dense"])
def test_auto_holds_tight_tolerances_between_steps(linear):
    """`radau9` takes less time without a kernel, but is off by 4e-7 at such times."""
    rtol = 1e-11
    text = "model Fast\n  var x start 1\nequations\n  der(x) = -1e3*(x - cos(time)) - sin(time)\nend\n"
    solution = sd.loads(text).simulate(time=(0, 5), rtol=rtol, atol=rtol, linear=linear, saveat=[1.0, 5.0])
    assert solution.stats["method"] == "rodas5p"
    assert np.allclose(solution["x"], np.cos([1.0, 5.0]), rtol=0, atol=10 * rtol)


@pytest.fixture(scope="module")
def network():
    return sd.loads(mass_action(400, 6_000))


def test_auto_steps_explicitly_where_factors_fill_and_little_is_stiff(network):
    model = network
    found = model.simulate(time=(0, 2), points=3)
    assert found.success
    assert found.stats["method"] == "switching"
    assert found.stats["factorizations"] < 10
    # Reactions keep the number of monomers.
    total = sum(size * found[f"S{k + 1}"] for k, size in enumerate(sizes(400)))
    np.testing.assert_allclose(total, total[0], rtol=1e-9)
    # A long interval is stiff.
    args, y0 = (
        run_arguments(model, model.bindings.params(None), *model.bindings.driven(None)),
        model.initial_state(),
    )
    assert is_mild(model, args, 0.0, 2.0, y0)
    assert not is_mild(model, args, 0.0, 1e3, y0)


def test_solvers_and_ensembles_take_explicit_steps_there_too(network):
    model = network
    solve = model.solver(time=(0, 2), saveat=[2.0], outputs=["S1"])
    rate = next(iter(model.parameters.names))
    value = model.parameters[rate].value
    # The choice is made while the first call is traced.
    traced = jax.jit(lambda k: solve.full({rate: k}))(value)
    assert traced.success
    assert int(traced.stats["factorizations"]) < 10
    batch = model.ensemble({rate: [value, 1.1 * value]}, time=(0, 2), saveat=[2.0], outputs=["S1"])
    assert batch.stats["factorizations"] < 20
    known = model.simulate(time=(0, 2), saveat=[2.0], rtol=1e-8, method="switching")["S1"][0]
    np.testing.assert_allclose([traced.values[0, 0], batch["S1"][0, 0]], known, rtol=1e-5)
    assert tier.expected(model, Options(), (), 0.0, 2.0).method == "switching"
    assert tier.expected(model, Options(), (), 0.0, 1e3).method == "auto"
