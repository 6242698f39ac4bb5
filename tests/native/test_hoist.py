"""Operations on parameters alone are done once for a solve, with the same numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

import stiffdsl as sd
from benchmarks import once
from stiffdsl.native.functions.hoist import is_looped
from stiffdsl.native.host import engine
from stiffdsl.program import interpret
from stiffdsl.program.hoist import Hoisted

# The model of `benchmarks once`, with a choice on a parameter in every rate.
CHAIN = once.CHAIN.format(
    parameters=f"{once.ARRHENIUS}\n  param cold = 1",
    rate="a[i]*exp(-E[i]/(8.314*T))*(if cold > 0 then 1 else 2)",
)


def chain(n: int):
    return sd.loads(CHAIN, constants={"N": n})


def once_of(model):
    program = model.program
    functions = [(program.by_name[name], program.tables) for name in ("rhs", "jacobian")]
    return Hoisted(functions, len(model.default_parameters), is_looped)


@pytest.mark.parametrize("n", [3, 200])
def test_no_exponential_stays_where_the_steps_are(n):
    hoisted = once_of(chain(n))
    names = {op.name for f in hoisted.functions for op in f.ops}
    assert not names & {"exp", "div"}
    assert hoisted.prepare is not None
    assert "exp" in {op.name for op in hoisted.prepare.ops}


@pytest.mark.parametrize("n", [3, 200])
@pytest.mark.parametrize("cold", [1.0, -1.0])
def test_the_numbers_are_the_same(n, cold):
    model = chain(n)
    hoisted = once_of(model)
    p, y = model.parameter_vector({"cold": cold}), np.linspace(0.1, 2, n)
    prepared = SimpleNamespace(by_name={"prepare": hoisted.prepare}, tables=hoisted.tables)
    whole = np.r_[p, interpret.run(prepared, "prepare", p)]
    assert len(whole) == hoisted.parameters
    for function in hoisted.functions:
        prepared.by_name[function.name] = function
        expected = interpret.run(model.program, function.name, 0.0, y, p, np.zeros(0))
        assert np.array_equal(interpret.run(prepared, function.name, 0.0, y, whole, np.zeros(0)), expected)


@pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")
def test_all_parameters_may_be_one_vector():
    model = sd.loads("""
model M
  const N = 100
  param k[N] = (0.1*i for i in 1..N)
  var x[N] start 1
equations
  for i in 1..N
    der(x[i]) = -k[i]*x[i]^2
  end
end
""")
    hoisted = once_of(model)
    assert hoisted.prepare is not None
    found = model.simulate(time=(0, 1), saveat=[1.0], rtol=1e-8, atol=1e-10)
    assert found.stats["tier"] == "native"
    assert np.allclose(found["x"][0], 1 / (1 + 0.1 * np.arange(1, 101)), rtol=1e-6)


def test_nothing_is_prepared_where_parameters_are_used_as_they_are():
    model = sd.loads("model M\n  param k = 2\n  var x start 1\nequations\n  der(x) = -k*x\nend\n")
    assert once_of(model).prepare is None


@pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")
def test_every_lane_has_its_own():
    """Also where lanes share vectors, and where solves follow one another in the same memory."""
    model = chain(4)
    temperatures = np.linspace(330, 370, 37)
    given = {"saveat": [10.0], "rtol": 1e-8, "atol": 1e-12}
    lanes = model.ensemble({"T": temperatures}, outputs=["x"], **given)
    for k in (0, 17, 36):
        alone = model.simulate(params={"T": temperatures[k]}, method="radau5", **given)
        assert np.allclose(lanes["x"][k], alone["x"], rtol=1e-5)


CARRIED = """
model Carried
  const n = 40
  field c(r) over 1..2 cells n cylindrical start 0
equations
  der(c) = -div(upwind(1/c.r, c)) - c
  c at 1 = 1
end
"""


def test_a_jacobian_that_is_all_prepared():
    """df/dy is one prepared vector as it is: a function whose result is its argument."""
    sol = sd.loads(CARRIED).simulate((0, 20))
    r = 1 + (np.arange(40) + 0.5) / 40
    assert np.allclose(sol["c"][-1], np.exp((1 - r**2) / 2), atol=0.02)
