"""Products of matrices in programs by NumPy: those of networks, for many calls at once.

matmul(A, X)    Y[d, r, b] = sum_c A[b % groups, r, c] X[d, c, b];  `transposed`: X[d, r, b] and Y[d, c, b]
outer(X, Y)     A[g, r, c] = sum_{d, b % groups = g} X[d, r, b] Y[d, c, b]
"""

from typing import Any

import numpy as np


def matmul(
    a: Any, x: Any, times: int, rows: int, columns: int, batch: int, groups: int, transposed: bool
) -> Any:
    """Products of matrices and vectors, as the module says."""
    a = np.reshape(a, (groups, rows, columns))
    inner = rows if transposed else columns
    x = np.reshape(x, (times, inner, batch))
    if groups == 1:
        return np.ravel((a[0].T if transposed else a[0]) @ x)
    a = np.tile(a, (batch // groups, 1, 1))
    return np.ravel(np.einsum("bcr,dcb->drb" if transposed else "brc,dcb->drb", a, x))


def outer(x: Any, y: Any, times: int, rows: int, columns: int, batch: int, groups: int) -> Any:
    """Sums of outer products, as the module says."""
    x, y = np.reshape(x, (times, rows, batch)), np.reshape(y, (times, columns, batch))
    if groups == 1:
        return np.ravel(np.einsum("drb,dcb->rc", x, y))
    x = np.reshape(x, (times, rows, batch // groups, groups))
    y = np.reshape(y, (times, columns, batch // groups, groups))
    return np.ravel(np.einsum("drng,dcng->grc", x, y))
