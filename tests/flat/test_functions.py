"""Functions of several lines: defaults, keyword arguments, arguments taken apart, long ones evaluated as one family."""

import numpy as np
import pytest

from tests.flat.flatten_text import flat, rates

DROP = """
const mu = 1e-3

function drop(v, d, rho = 1000) "pressure drop over a length of one diameter"
  re = rho*v*d/mu                  # Reynolds
  friction = 0.3164/re^0.25
  return friction*rho*v^2/2
end

function weighted(a, w = {1, 2, 3})
  b = 2*a[2..3]
  return a[1]*w[1] + sum(b[i]*w[i + 1] for i in 1..2)
end

model M
  const i = 2
  param reference = drop(1, d = 0.1)
  var y start 2
  var x[3] start {1, 2, 3}
equations
  der(y) = -drop(y, 2)/reference - drop(rho = 900, v = y, d = 1)
  der(x[1]) = weighted(x)
  der(x[2]) = weighted({y, x[1], x[i]^2})
  der(x[3]) = weighted((x[k] + k for k in 1..3), w = 10*x)
end
"""


def test_the_lines_of_a_function_are_its_value():
    def drop(v, d, rho=1000.0):
        return 0.3164 / (rho * v * d / 1e-3) ** 0.25 * rho * v**2 / 2

    found = rates(DROP)
    assert found["y"][0] == pytest.approx(-drop(2, 2) / drop(1, 0.1) - drop(2, 1, 900), rel=1e-13)
    assert found["x"][0] == pytest.approx(1 + 4 * 2 + 6 * 3, rel=1e-13)
    assert found["x"][1] == pytest.approx(2 + 4 * 1 + 6 * 4, rel=1e-13)
    w = 10 * np.array([1.0, 2.0, 3.0])
    assert found["x"][2] == pytest.approx(2 * w[0] + 2 * 4 * w[1] + 2 * 6 * w[2], rel=1e-13)


FIT = """
function fit(T)
  u = T/1000
  h = 1.2 + u*(3.1 - u*(0.7 + u*(1.1 - u*(0.3 + u*(0.01 - 0.002*u)))))
  s = log(u)*2.2 + u*(0.3 + u*(1.7 - u*(0.11 + u*0.03)))
  return h - u*s
end

model M
  var x[40] start (300 + i for i in 1..40)
  var y
equations
  y = {sum}
  for i in 1..40
    der(x[i]) = -x[i]
  end
end
"""


def test_calls_of_a_long_function_in_one_statement_are_one_family():
    calls = "+".join(f"{k}*fit(x[{k}] + {k})" for k in range(1, 41))
    text = FIT.replace("{sum}", calls).replace("var y", "var y start 0").replace("y =", "der(y) =")
    sizes = [f.size for f in flat(text).equations if "log" in str(f.template)]
    assert sizes == [40]
    t = np.arange(301.0, 341.0) + np.arange(1, 41)
    u = t / 1000
    h = 1.2 + u * (3.1 - u * (0.7 + u * (1.1 - u * (0.3 + u * (0.01 - 0.002 * u)))))
    s = np.log(u) * 2.2 + u * (0.3 + u * (1.7 - u * (0.11 + u * 0.03)))
    assert rates(text)["y"][0] == pytest.approx(np.sum(np.arange(1, 41) * (h - u * s)), rel=1e-12)
