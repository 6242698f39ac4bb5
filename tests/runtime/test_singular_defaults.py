"""Declared values that remove a state: the reduced model is compiled, and other values take the whole one."""

import copy
import pickle

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.cli.check import check_file
from stiffdsl.diagnostics import Source

LAG = """model Lag
  param tau = 0
  var x start 0
  var y start 1
equations
  tau*der(x) = y - x
  der(y) = -y
experiment
  time 0..3
end
"""

COILS = """model Coils
  param L1 = 1
  param L2 = 1
  param M = 1
  param R = 1
  var i1 start 0
  var i2 start 0
equations
  L1*der(i1) + M*der(i2) = 1 - R*i1
  M*der(i1) + L2*der(i2) = -R*i2
experiment
  time 0..3, rtol 1e-8
end
"""

CELLS = """model Cell
  param C = 0
  var v start 5
  input u
equations
  C*der(v) = u - v
end

model Cells
  const N = 4
  part cell[N] : Cell
  var x start 1
equations
  der(x) = -x
  for i in 1..N
    cell[i].u = i*x
  end
experiment
  time 0..1
end
"""


def test_a_lag_without_a_time_constant_follows():
    model = sd.loads(LAG)
    solution = model.simulate()
    assert solution.success
    assert solution["x"] == pytest.approx(np.exp(-np.asarray(solution.t)), rel=1e-5)
    assert "W0403" in str(model.report["warnings"])


def test_other_values_take_the_whole_model():
    model = sd.loads(LAG)
    found = model.simulate(params={"tau": 2.0}, saveat=[3.0], rtol=1e-9)
    # der(x) = (e^-t - x)/2, x(0) = 0
    assert found["x"][-1] == pytest.approx(np.exp(-1.5) - np.exp(-3.0), rel=1e-6)
    assert model.simulate(params={"tau": 0.0}).success
    batch = model.ensemble({"tau": np.array([1.5, 2.0])}, saveat=[3.0], outputs=["x"], rtol=1e-9)
    assert np.asarray(batch.values)[1, 0, 0] == pytest.approx(found["x"][-1], rel=1e-6)
    with pytest.raises(ValueError, match="unreduced"):
        model.solver(saveat=[3.0])({"tau": 2.0})


def test_coils_without_leakage_keep_one_state():
    solution = sd.loads(COILS).simulate(saveat=[3.0])
    # i1 - i2 = 1 and s = i1 + i2: s' = (1 - s)/2 with s = -1 where i1 = 0
    s = 1 - 2 * np.exp(-1.5)
    assert solution["i1"][-1] == pytest.approx((s + 1) / 2, rel=1e-6)
    assert solution["i2"][-1] == pytest.approx((s - 1) / 2, rel=1e-6)


def test_members_of_an_array_of_parts():
    solution = sd.loads(CELLS).simulate(saveat=[1.0])
    assert solution["cell[3].v"][-1] == pytest.approx(3 * np.exp(-1), rel=1e-5)


def test_copies():
    model = sd.loads(LAG)
    again = pickle.loads(pickle.dumps(model.unreduced))
    assert again.simulate(params={"tau": 2.0}).success
    assert copy.deepcopy(model).simulate().success


# `Cells` holds two models that can stand alone.
@pytest.mark.parametrize(("text", "count"), [(LAG, 1), (CELLS, 2), (LAG.replace("tau = 0", "tau = 2"), 0)])
def test_check_tells_as_compile_does(text, count):
    assert [d.code for d in check_file(Source("model.sml", text))[1]] == ["W0403"] * count


DIVISORS = {
    "min(atan(k), 2)": np.arctan(2.5),
    "max(k, 0.5)": 2.5,
    "abs(k - 3)": 0.5,
    "floor(k + 0.5)": 3.0,
    "ceil(k)": 3.0,
    "mod(k, 2)": 0.5,
    "sign(k)": 1.0,
    "(if k > 1 then k else 2)": 2.5,
    "(if k > 1 and k < 5 then k else 2)": 2.5,
    "atan2(k, 1)": np.arctan(2.5),
    "acosh(1 + k)": np.arccosh(3.5),
    "smooth_step(k, 0.5)": (1 + np.tanh(5)) / 2,
    "log10(k)": np.log10(2.5),
    "min(v[i] for i in 1..2)": 1.0,
}


@pytest.mark.parametrize("divisor", DIVISORS)
def test_divisors_of_every_function_of_parameters(divisor):
    text = f"""\
    model Quotient
      param k = 2.5
      param v[2] = {{1, 2}}
      var x start 1
    equations
      {divisor}*der(x) = -x
    end
    """
    found = sd.loads(text).simulate((0, 1), rtol=1e-9, atol=1e-12)
    assert found["x"][-1] == pytest.approx(np.exp(-1 / DIVISORS[divisor]), rel=1e-7)


@pytest.mark.parametrize(
    ("divisor", "value"), [("tab(k)", 2), ("tab(k)*k", 2), ("(g(k, k) - g(k, k) + 3*k)", 3)]
)
def test_divisors_of_tables_and_networks_of_parameters_compile(divisor, value):
    """Neither can be evaluated where parameters alone are known to be zero or not (found by the fuzzer)."""
    text = "table tab = {(0, 1), (1, 2), (2, 3)}\nnetwork g(a, b) -> rate hidden 4\nmodel M\n  param k = 1\n"
    text += f"  var x start 1\n  var z\nequations\n  der(x) = -x\n  z*{divisor} = x\nend\n"
    found = sd.loads(text).simulate((0, 1), rtol=1e-8)
    assert found["z"][-1] == pytest.approx(np.exp(-1) / value, rel=1e-6)
