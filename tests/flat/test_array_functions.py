"""`matmul`, `transpose`, `dot`, `join`, slices and literals of arrays, against NumPy; large arrays are few families."""

import numpy as np

import stiffdsl as sd
from tests.flat.flatten_text import flat, rates

ARRAYS = """
model M
  const N = 12
  const K[2, 2] = matmul({{1, 2}, {3, 4}}, {{1, 0}, {1, 1}})
  param A[2, N] = ((i + 2*j)/7 for i in 1..2, j in 1..N)
  param B[N, 2] = transpose(A)
  param C[2, 2] = matmul(A, B)
  var x[N] start (1/i for i in 1..N)
  var y[2] start {1, -2}
  var z[3, 2] start {{1, 2}, {3, 4}, {5, 6}}
  var w[N + 2] start join(0, (i^2 for i in 1..N), 3)
  var s start 0
equations
  der(x) = join(-x[1], x[1..N-1] - x[2..N])
  der(y) = matmul(K, y) + matmul(A, sin(x)) + matmul(y, C)
  der(z) = join({y}, matmul(z[1..2, 1..2], matmul(C, matmul(C, K))))
  der(w) = -w*join(y, x)
  der(s) = dot(x, 2*x) + sum(join(x, 1, y)) + max(join(y, x))
    + sum({y[1], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], y[2]})
end
"""


def test_functions_of_arrays_are_those_of_numpy():
    n = 12
    i, j = np.arange(1, 3)[:, None], np.arange(1, n + 1)[None, :]
    k = np.array([[1.0, 2], [3, 4]]) @ np.array([[1.0, 0], [1, 1]])
    a = (i + 2 * j) / 7
    c = a @ a.T
    x, y, z = 1 / np.arange(1.0, n + 1), np.array([1.0, -2]), np.arange(1.0, 7).reshape(3, 2)
    found = rates(ARRAYS)
    np.testing.assert_allclose(found["x"], np.r_[-x[0], x[:-1] - x[1:]], rtol=1e-12)
    np.testing.assert_allclose(found["y"], k @ y + a @ np.sin(x) + y @ c, rtol=1e-12)
    np.testing.assert_allclose(
        found["z"].reshape(3, 2), np.concatenate([y[None], z[:2] @ (c @ (c @ k))]), rtol=1e-12
    )
    np.testing.assert_allclose(found["w"], -np.r_[0, np.arange(1.0, n + 1) ** 2, 3] * np.r_[y, x], rtol=1e-12)
    s = 2 * x @ x + x.sum() + 1 + y.sum() + y.sum() + x[:8].sum() + max(y.max(), x.max())
    np.testing.assert_allclose(found["s"], [s], rtol=1e-12)


def test_shifted_arrays_of_any_length_are_few_families():
    text = """
model M
  const N = 100000
  var T[N] start 1
  var q
equations
  der(T) = join(0, T[1..N-1]) - 2*T + join(T[2..N], 1)
  q = dot(T, T) + sum(join(T, 0))
end
"""
    assert sorted(f.size for f in flat(text).equations) == [1, 1, 1, 99998]


def test_a_literal_of_sums_in_a_product():
    """Its elements are expanded each by itself: a product of a matrix and a literal of which one element is a sum."""
    model = sd.loads(
        "model M\n  param A[2, 2] = {{1, 2}, {3, 4}}\n  param k = 2\n  var x start 1\n"
        "  output y = matmul(A, {sum(x*i for i in 1..3), k})[2]\n"
        "  output z[2] = matmul(A, {(if x > 0 then 2*x else 1), k})\nequations\n  der(x) = 0\nend\n"
    )
    solution = model.simulate(time=(0, 1))
    assert solution["y"][-1] == 3 * 6 + 4 * 2
    assert solution["z"][-1].tolist() == [2 + 2 * 2, 3 * 2 + 4 * 2]


def test_constants_choose_by_index():
    """What a comprehension of a `const` chooses differs between its elements; it was an internal error."""
    model = sd.loads("""
model M
  const n = 3
  const A[n, n] = (if i < j then i else if i == j then 0 else -j for i in 1..n, j in 1..n)
  const w[n] = join((if i > 1 then 5 else 2 for i in 1..2), 7)
  var x start 1
  output y[n] = matmul(A, w)
equations
  der(x) = -x*A[1, 2]
experiment
  time 0..1
end
""")
    A = np.array([[0, 1, 1], [-1, 0, 2], [-1, -2, 0]])
    assert np.allclose(model.simulate(saveat=[0.0])["y"][0], A @ [2, 5, 7])
