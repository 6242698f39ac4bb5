"""One form for the dense output of every method.

On a step from y0 to y1, with theta in [0, 1] and rows K_1 ... K_r:

    y(theta) = (1 - theta) y0 + theta (y1 + (1 - theta) (K_1 + theta (K_2 + theta (K_3 + ...))))

Rosenbrock methods give their K directly (Steinebach 2023). Any polynomial of degree r + 1 through both ends can
be written so: that of Tsit5 and that of BDF are converted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def interpolate(
    y0: Float[Array, " n"], y1: Float[Array, " n"], K: Float[Array, "r n"], theta: Float[Array, ""]
) -> Float[Array, " n"]:
    """The value at `theta` of the step."""
    inner = K[-1]
    for k in range(K.shape[0] - 2, -1, -1):
        inner = K[k] + theta * inner
    return (1 - theta) * y0 + theta * (y1 + (1 - theta) * inner)


def rows_at(nodes: np.ndarray) -> np.ndarray:
    """The matrix that turns values of K_1 + theta K_2 + ... at `nodes` into the rows K."""
    return np.linalg.inv(np.vander(nodes, len(nodes), increasing=True))


def interpolate_many(y0: np.ndarray, y1: np.ndarray, K: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """`interpolate` over arrays of steps: y0, y1 (m, n), K (m, r, n), theta (m,), with NumPy."""
    theta = theta[:, None]
    inner = K[:, -1]
    for k in range(K.shape[1] - 2, -1, -1):
        inner = K[:, k] + theta * inner
    return (1 - theta) * y0 + theta * (y1 + (1 - theta) * inner)


def rows_of_powers(weights: np.ndarray) -> np.ndarray:
    """The matrix that gives K_1 ... K_r from stages k_i, where `y(theta) = y0 + h sum_i sum_q w_iq theta^q k_i` for q
    from one on: `w_i(theta) - theta w_i(1)` is divisible by `theta (1 - theta)`."""
    columns = []
    for w in weights:
        polynomial = np.r_[w[::-1], 0.0]
        polynomial[-2] -= w.sum()
        columns.append(np.polydiv(polynomial, [-1.0, 1.0, 0.0])[0][::-1])
    return np.array(columns).T
