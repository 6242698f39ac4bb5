"""One form for the dense output of every method.

On a step from y0 to y1, with theta in [0, 1] and rows K_1 ... K_r:

    y(theta) = (1 - theta) y0 + theta (y1 + (1 - theta) (K_1 + theta (K_2 + theta (K_3 + ...))))

Rosenbrock methods give their K directly (Steinebach 2023). Any polynomial of degree r + 1 through both ends can
be written so: that of Tsit5 and that of BDF are converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def value_at(y0: Any, y1: Any, K: Sequence[Any], theta: Any, rest: Any) -> Any:
    """The polynomial above, of arrays or of a kernel's registers (`native/ir/registers.py`); `rest` is 1 - theta."""
    inner = K[-1]
    for row in reversed(K[:-1]):
        inner = row + theta * inner
    return rest * y0 + theta * (y1 + rest * inner)


def interpolate(
    y0: Float[Array, " n"], y1: Float[Array, " n"], K: Float[Array, "r n"], theta: Float[Array, ""]
) -> Float[Array, " n"]:
    """The value at `theta` of the step."""
    return value_at(y0, y1, [K[k] for k in range(K.shape[0])], theta, 1 - theta)


def rows_at(nodes: np.ndarray) -> np.ndarray:
    """The matrix that turns values of K_1 + theta K_2 + ... at `nodes` into the rows K."""
    return np.linalg.inv(np.vander(nodes, len(nodes), increasing=True))


def interpolate_many(y0: np.ndarray, y1: np.ndarray, K: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """`interpolate` over arrays of steps: y0, y1 (m, n), K (m, r, n), theta (m,), with NumPy."""
    theta = theta[:, None]
    return value_at(y0, y1, [K[:, k] for k in range(K.shape[1])], theta, 1 - theta)


def rows_of_powers(weights: np.ndarray) -> np.ndarray:
    """The matrix that gives K_1 ... K_r from stages k_i, where `y(theta) = y0 + h sum_i sum_q w_iq theta^q k_i` for q
    from one on: `w_i(theta) - theta w_i(1)` is divisible by `theta (1 - theta)`."""
    columns = []
    for w in weights:
        polynomial = np.r_[w[::-1], 0.0]
        polynomial[-2] -= w.sum()
        columns.append(np.polydiv(polynomial, [-1.0, 1.0, 0.0])[0][::-1])
    return np.array(columns).T
