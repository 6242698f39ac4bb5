"""Large sparse linear systems: KLU (Davis and Palamadai Natarajan, ACM TOMS 37:36, 2010) through `klujax`.

The pattern is analysed once; a step refactors in place with the pivots of the analysis, and every factorization is
checked: where those pivots lose accuracy, the system is solved with fresh pivots instead.
"""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# A solve whose residual is above this share of its terms used bad pivots.
BAD_PIVOTS = 1e-9


class Sparse:
    """`alpha M - J` by KLU."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray):
        self.n = n = len(mass)
        rows, columns = rows.astype(np.int64), columns.astype(np.int64)
        diagonal = np.flatnonzero(mass)
        entries = np.unique(np.concatenate([rows * n + columns, diagonal * n + diagonal]))
        self.row, self.column = (entries // n).astype(np.int32), (entries % n).astype(np.int32)
        self.count = len(entries)
        self.place = np.searchsorted(entries, rows * n + columns)
        self.diagonal = np.searchsorted(entries, diagonal * n + diagonal)
        self.mass = mass[diagonal]
        self._handles: tuple[Any, Any] | None = None
