"""Growth of rounding errors in a torn loop, at declared values.

With its tears known, a loop is solved equation by equation: an elimination whose pivots were chosen by structure alone.
Down a chain whose cells hold on to their own value far more than to their neighbours' (`0 = div(grad(c)) - 1e5*c`),
each step multiplies what was rounded before by the ratio of the two; six of them leave nothing of a number.
"""

from collections.abc import Collection, Sequence

import numpy as np
import sympy as sp

from stiffdsl.flat.derive import derivative
from stiffdsl.flat.model import TIME, slot, total
from stiffdsl.flat.numpy_printer import compiled
from stiffdsl.flat.template import substitute, symbols_of

# So many times the rounding of a loop as it stands may that of its elimination be.
MOST = 1e4
# Equal loops that are looked at, spread over all of them.
LOOKED_AT = 16
_SCALINGS = 3


def is_chain(uses: Sequence[Collection], tears: Sequence[int]) -> bool:
    """Whether several unknowns each follow from two others of their loop or more: fewer multiply nothing."""
    return sum(len(own) > 2 for p, own in enumerate(uses) if p not in tears) > 1


def growth(
    templates: Sequence[sp.Expr],
    unknowns: Sequence[sp.Symbol],
    order: Sequence[int],
    tears: Sequence[int],
    values: Sequence[np.ndarray],
    sums: int,
    around: np.ndarray,
) -> float:
    """The growth of the elimination of `unknowns` in `order`, the `tears` last: the greatest of some equal loops.

    `values`: of each slot, in each loop; `around`: of each unknown; what is not known counts as one.
    """
    columns = [np.nan_to_num(v, nan=1.0) for v in (*values, *around.T)]
    columns += [np.ones(len(around)) for _ in range(sums)]
    names = [TIME, *(slot(k) for k in range(len(columns)))]
    known = len(values)
    named: dict[sp.Expr, sp.Expr] = {x: slot(known + q) for q, x in enumerate(unknowns)}
    named |= {total(k): slot(known + len(unknowns) + k) for k in range(sums)}
    matrix = np.zeros((len(around), len(templates), len(unknowns)))
    for p, template in enumerate(templates):
        for q, x in enumerate(unknowns):
            if x not in symbols_of(template):
                continue
            slope = substitute(derivative(template, x), named)
            try:
                with np.errstate(all="ignore"):
                    matrix[:, p, q] = compiled(names, slope)(0.0, *columns)
            except NotImplementedError:
                return 1.0
    at = [*order, *tears]
    return max(_of_elimination(each[np.ix_(at, at)]) for each in matrix)


def _of_elimination(matrix: np.ndarray) -> float:
    """The greatest entry of |L||U| without a choice of pivots, of a matrix whose rows and columns are scaled to one."""
    left = np.abs(matrix)
    for _ in range(_SCALINGS):
        for axis in (0, 1):
            size = np.max(left, axis=axis, keepdims=True)
            if not np.all(np.isfinite(size)) or not np.all(size > 0):
                return 1.0
            matrix, left = matrix / size, left / size
    upper, lower = matrix.copy(), np.eye(len(matrix))
    for k in range(len(matrix) - 1):
        if upper[k, k] == 0:
            return 1.0
        lower[k + 1 :, k] = upper[k + 1 :, k] / upper[k, k]
        upper[k + 1 :] -= np.outer(lower[k + 1 :, k], upper[k])
    return float(np.max(np.abs(lower) @ np.abs(upper)))
