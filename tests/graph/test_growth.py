"""Small loops that are torn: the rounding of their elimination does not grow, against solutions of the whole system."""

import numpy as np
import pytest

import stiffdsl as sd

FIELD = """model Field
  param k = {k}
  field c(x) over 0..1 cells {n}
equations
  0 = div(grad(c)) - k*c
  c at 0 = 1
  grad(c) at 1 = 0
end
"""
LADDER = """model Ladder
  param R = {R}
  param shunt = {shunt}
  var v[5]
  var i[5]
equations
  i[1] = (1 - v[1])/R
  for k in 2..5
    i[k] = (v[k-1] - v[k])/R
  end
  for k in 1..4
    i[k] - i[k+1] = v[k]/shunt
  end
  i[5] = v[5]/shunt
end
"""


def _values(text: str, name: str) -> np.ndarray:
    model = sd.loads(text)
    p = np.asarray(model.default_parameters)
    y = model.initial_state()
    found = np.asarray(model.interpreted.variables(0.0, y, p, np.zeros(0)))
    block = next(b for b in model.program.system.flat.variables if b.name == name)
    return found[block.offset : block.offset + block.size]


def _chain(n: int, own: float, first: float) -> np.ndarray:
    """`own*c[k] + (c[k] - c[k-1]) + (c[k] - c[k+1]) = 0`, tied to 1 by `first`, to nothing behind the end."""
    matrix = np.diag(np.full(n, own + 2.0)) - np.eye(n, k=1) - np.eye(n, k=-1)
    matrix[0, 0] += first - 1
    matrix[-1, -1] -= 1
    return np.linalg.solve(matrix, np.eye(n)[0] * first)


@pytest.mark.parametrize("n", [3, 6])
@pytest.mark.parametrize("k", [1.0, 1e3, 1e7])
def test_a_steady_field_of_few_cells_is_as_exact_as_one_of_many(n, k):
    right = _chain(n, k / n**2, 2.0)
    assert _values(FIELD.format(k=k, n=n), "c") == pytest.approx(right, rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(("R", "shunt"), [(1, 1), (1e3, 1e-3), (1e-3, 1e3)])
def test_a_ladder_of_resistors(R, shunt):
    right = _chain(5, R / shunt, 1.0)
    assert _values(LADDER.format(R=R, shunt=shunt), "v") == pytest.approx(right, rel=1e-10)
