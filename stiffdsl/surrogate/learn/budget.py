"""The budget of a training: seconds from its begin until the surrogate is measured."""

import time

from stiffdsl.surrogate.learn.gather import Data

# A round adds half as many samples, and fits to them take about so many times as long.
_SAMPLES, _GROWTH = 0.5, 1.8
# Solves that the end takes: those of slopes, and those that are timed beside the surrogate; seconds of all else there,
# and of each method whose predictions are timed.
_SOLVES, _SECONDS, _EACH = 200, 1.5, 0.7


class Budget:
    """The `seconds` that a training may take, None for any."""

    def __init__(self, seconds: float | None):
        self.seconds, self.begin = seconds, time.perf_counter()

    def until(self, data: Data, methods: int) -> float | None:
        """The time of `time.perf_counter` by which the last fit must be ready, where so many methods are compared."""
        return None if self.seconds is None else self.begin + self.seconds - _rest(data, methods)

    def allows_another(self, data: Data, methods: int, fits: float) -> bool:
        """Whether a further round, of fits that took `fits` seconds before, and what comes after it, would end within
        the budget."""
        until = self.until(data, methods)
        following = _SAMPLES * data.samples * data.seconds + _GROWTH * fits
        return until is None or time.perf_counter() + following <= until


def _rest(data: Data, methods: int) -> float:
    """The seconds that measurements take behind the last fit."""
    return _SECONDS + _SOLVES * data.seconds + (_EACH * methods if methods > 1 else 0.0)


def again(seconds: float) -> float:
    """The seconds that a fit is expected to take on the samples of another round."""
    return _GROWTH * seconds
