"""`if` on indices inside reductions and values of arrays; conditions in which parameters cancel."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model

TIERS = ("auto", "fbdf")
REDUCE = {"sum": (np.sum, 0), "prod": (np.prod, 1), "min": (np.min, 100), "max": (np.max, -100)}


@pytest.mark.parametrize("method", TIERS)
@pytest.mark.parametrize("size", [3, 30])
def test_others_than_oneself(size, method):
    model = sd.loads(
        f"model M\n  const N = {size}\n  var p[N] start (i for i in 1..N)\nequations\n  for i in 1..N\n"
        "    der(p[i]) = -p[i] + 3/N*sum(if j == i then 0 else p[j] for j in 1..N)\n  end\nend"
    )
    matrix = 3 / size * (np.ones((size, size)) - np.eye(size)) - np.eye(size)
    wanted = expm(matrix) @ np.arange(1, size + 1)
    found = model.simulate(time=(0, 1), rtol=1e-8, method=method)["p"][-1]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("function", REDUCE)
def test_reductions_of_unknowns_parameters_and_starts(function):
    reduce, neutral = REDUCE[function]
    size = 4
    model = sd.loads(f"""model M
      const N = {size}
      param a = 0.5
      param w[N] = ({function}(if j == i then {neutral} else a*j/N for j in 1..N) for i in 1..N)
      var p[N] start (1 + i/N for i in 1..N)
      var q[N] start (
        {function}(if j == i then {neutral} else if j == i + 1 then 2*w[j] else w[j] for j in 1..N)
        for i in 1..N
      )
    equations
      for i in 1..N
        der(p[i]) = -p[i] + {function}(if j == i then {neutral} else p[j]/2 for j in 1..N)
        der(q[i]) = -w[i]
      end
    end""")
    rows = range(size)
    w = [reduce([neutral if j == i else 0.6 * (j + 1) / size for j in rows]) for i in rows]
    q = [reduce([neutral if j == i else (2 if j == i + 1 else 1) * w[j] for j in rows]) for i in rows]

    def rhs(t, p):
        return [-p[i] + reduce([neutral if j == i else p[j] / 2 for j in rows]) for i in rows]

    p = solve_ivp(rhs, (0, 1), 1 + np.arange(1, size + 1) / size, rtol=1e-9, atol=1e-12).y[:, -1]
    solution = model.simulate(time=(0, 1), rtol=1e-8, params={"a": 0.6})
    np.testing.assert_allclose(solution["q"][0], q, rtol=1e-12)
    np.testing.assert_allclose(solution["q"][-1], np.array(q) - w, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(solution["p"][-1], p, rtol=1e-6)


BODIES = """model Bodies
  const N = {size}
  param m[N] = (i for i in 1..N)
  var x[N] start (cos(2*pi*i/N) for i in 1..N)
  var v[N] start 0
equations
  for i in 1..N
    der(x[i]) = v[i]
    der(v[i]) = sum(if j == i then 0 else m[j]*(x[j] - x[i])/((x[j] - x[i])^2 + 0.01)^1.5 for j in 1..N)
  end
end"""


def test_bodies_stay_one_family():
    for size in (5, 40):
        flat = compile_model(Source("b.sml", BODIES.format(size=size)), stop_after="flat")
        assert len(flat.equations) == 2, size


def test_neighbours_inside_of_a_range():
    """Indices that the choice keeps out of the array are not looked at, not even behind `and`."""
    model = sd.loads("""model M
      const N = 50
      var x[N] start (i/N for i in 1..N)
      var c start 0
    equations
      for i in 1..N
        der(x[i]) = sum(if i + j < 1 or i + j > N then 0 else if j == 0 then -2*x[i] else x[i + j] for j in -1..1)
      end
      der(c) = sum(if i > 1 and x[i - 1] > 0.5 then 1 else 0 for i in 1..N)
    end""")
    matrix = -2 * np.eye(50) + np.eye(50, k=1) + np.eye(50, k=-1)
    solution = model.simulate(time=(0, 1e-3), rtol=1e-9)
    np.testing.assert_allclose(solution["x"][-1], expm(1e-3 * matrix) @ (np.arange(1, 51) / 50), rtol=1e-8)
    assert solution["c"][-1] == pytest.approx(24e-3, rel=1e-3)


@pytest.mark.parametrize("method", TIERS)
@pytest.mark.parametrize("size", [4, 60])
def test_parameters_that_cancel_in_conditions(size, method):
    model = sd.loads(f"""model M
      const N = {size}
      param L = 2
      param w[N] = (max(i*L/L - 2, 0) for i in 1..N)
      param g[N] = (if not (i*L/L > 2 and i*L < 8*L) or i*L == 9*L then 1 else 0 for i in 1..N)
      var x[N] start (if (i - 0.5)*L/4/L < 0.5 then 300 else 400 for i in 1..N)
      var y[N] start 1
    equations
      der(x) = -w*x
      for i in 1..N
        der(y[i]) = -g[i]*y[i] - (if i*L/L < 3 then 2*y[i] else min(y[i], 3*i*L/L))
      end
    end""")
    solution = model.simulate(time=(0, 1), rtol=1e-8, params={"L": 3}, method=method)
    i = np.arange(1, size + 1)
    start = np.where((i - 0.5) / 4 < 0.5, 300.0, 400.0)
    np.testing.assert_allclose(solution["x"][-1], start * np.exp(-np.maximum(i - 2, 0)), rtol=1e-5, atol=1e-6)
    rate = np.where(~((i > 2) & (i < 8)) | (i == 9), 1, 0) + np.where(i < 3, 2, 1)
    np.testing.assert_allclose(solution["y"][-1], np.exp(-rate), rtol=1e-6)
