"""The unknowns whose errors steer the steps; the norm is the mean over these.

The others follow from them: a quadrature adds up what is held; the error of a derivative that stays an unknown is that
of its variable, and where states tied by their derivatives move fast its rounding would be taken for an error; discrete
variables change at events alone.
"""

import numpy as np


def counted(is_variable: np.ndarray, still: np.ndarray, quadratures: np.ndarray | None) -> np.ndarray:
    """Mask of the entries of y that count; all of them where none would. `is_variable`: those that are no derivatives;
    `still`: those that change at events alone; `quadratures`: those that are, where they do not count."""
    found = is_variable & ~still
    if quadratures is not None:
        found = found & ~quadratures
    return found if np.any(found) else np.ones_like(found)
