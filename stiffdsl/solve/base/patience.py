"""End of a solve that has no limit on its steps and makes no progress, or slides along a condition."""

from collections.abc import Callable

import numpy as np

# So many attempts must bring a solve on by that part of the whole time.
ATTEMPTS, PART = 100_000, 1e-3
# After so many attempts each time it is looked at whether the solution slides; so often in a row, it does.
BETWEEN_LOOKS, LOOKS = 25_000, 4

# `slides(t, y, h)`: whether both sides of a condition push the solution back to it at (t, y), where steps are about h.
Slides = Callable[[float, np.ndarray, float], bool]


class Patience:
    """Watches the time of one solve from t0 to t1; with `most` it is given up after so many attempts all the same."""

    def __init__(self, t0: float, t1: float, most: int | None, slides: Slides | None = None):
        self.most, self.least, self.slides = most, PART * abs(t1 - t0), slides
        self.t, self.attempts = t0, 0
        self._looked, self._found = (t0, 0), 0

    def spent(self, t: float, attempts: int, y: Callable[[], np.ndarray]) -> bool:
        """Whether to give up at t, where the state is `y()`, after so many attempts."""
        if self.most is not None:
            return attempts >= self.most
        if abs(t - self.t) >= self.least:
            self.t, self.attempts = t, attempts
        return attempts - self.attempts >= ATTEMPTS or self._is_sliding(t, attempts, y)

    def _is_sliding(self, t: float, attempts: int, y: Callable[[], np.ndarray]) -> bool:
        before, count = self._looked[0], attempts - self._looked[1]
        if self.slides is None or count < BETWEEN_LOOKS:
            return False
        self._looked = t, attempts
        self._found = self._found + 1 if self.slides(t, y(), (t - before) / count) else 0
        return self._found >= LOOKS
