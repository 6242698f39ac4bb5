"""Parameters that remove a state are named with their values, before a step divides by them."""

import pytest

import stiffdsl as sd
from stiffdsl.solve.base.status import Status

INDUCTORS = """
model Coupled
  param L1 = 1
  param L2 = 2
  param M = 1
  var i1 start 0
  var i2 start 0
equations
  L1*der(i1) + M*der(i2) = 1 - i1
  M*der(i1) + L2*der(i2) = 2 - i2
end
"""
LAGS = """
model Lags
  const N = 3
  param tau[N] = (i/10 for i in 1..N)
  param scale = 1
  var x[N] start 0
  output half
equations
  for i in 1..N
    tau[i]*der(x[i]) = 1 - x[i]
  end
  half = x[1]/scale
end
"""


def test_the_determinant_of_a_loop():
    model = sd.loads(INDUCTORS)
    assert model.simulate(time=(0, 1)).success
    found = model.simulate((0, 1), {"L1": 0.3, "L2": 0.3, "M": 0.3})
    assert found.status is Status.INITIAL
    for part in ("`der(i1)` and `der(i2)`", "L1 = 0.3, L2 = 0.3, M = 0.3"):
        assert part in found.reason
    # Other values again.
    assert model.simulate(time=(0, 1)).success


def test_a_time_constant_of_zero_in_one_member():
    model = sd.loads(LAGS)
    found = model.simulate((0, 1), {"tau": [0.1, 0.0, 0.3]})
    assert "`der(x[2])`" in found.reason
    assert "tau[2] = 0" in found.reason


def test_what_the_solve_does_not_need_is_no_reason():
    found = sd.loads(LAGS).simulate((0, 1), {"scale": 0.0})
    assert found.success


def test_a_branch_guards_its_divisor():
    text = "model G\n param R = 0\n var x start 1\nequations\n der(x) = if R > 0 then -x/R else -x\nend"
    assert sd.loads(text).simulate(time=(0, 1))["x"][-1] == pytest.approx(0.36787944, rel=1e-5)


@pytest.mark.parametrize(
    ("equation", "done"),
    [
        ("1/(x - 1)", "divides by 0"),
        ("log(x - 2)", "takes the logarithm of -1"),
        ("sqrt(x - 2)", "takes the root of -1"),
        ("(x - 2)^p", "raises -1 to the power 0.3"),
    ],
)
def test_the_term_that_has_no_value_is_named(equation, done):
    text = f"model T\n param p = 0.3\n var x start 1\n var q\nequations\n q = {equation}\n der(x) = q\nend"
    found = sd.loads(text).simulate(time=(0, 1), method="rodas5p")
    assert found.status is Status.NON_FINITE
    assert f"`q = {equation}` {done}" in found.reason
