"""The budget of a training: seconds from its begin until the surrogate is measured."""

import time

from stiffdsl.surrogate.learn.gather import Data

# The first round takes about so much of what all before it did, since samples grow by a half.
_FIRST = 0.5
# How many times as long as the one before a round takes, as far as is known, and at least and at most.
_GROWTH, _LEAST, _MOST = 1.7, 1.3, 3.0
# Solves that the end takes: those of slopes, and those that are timed beside the surrogate; seconds of all else there,
# and of each further method that is compared.
_SOLVES, _SECONDS, _EACH = 200, 1.5, 0.5


class Budget:
    """The `seconds` that a training may take, None for any; `rounds` are those that its rounds took."""

    def __init__(self, seconds: float | None):
        self.seconds, self.begin = seconds, time.perf_counter()
        self.rounds: list[float] = []
        self._since = self.begin

    def until(self) -> float | None:
        """The time of `time.perf_counter` by which the last fit must be ready."""
        return None if self.seconds is None else self.begin + self.seconds

    def ended(self) -> None:
        """Notes that a round has ended."""
        now = time.perf_counter()
        self.rounds.append(now - self._since)
        self._since = now

    def allows_another(self, data: Data, methods: int) -> bool:
        """Whether a further round, and what comes after it, would end within the budget."""
        if self.seconds is None:
            return True
        spent = time.perf_counter() - self.begin
        rest = _SECONDS + _SOLVES * data.seconds + _EACH * (methods - 1)
        return spent + self._next() + rest <= self.seconds

    def _next(self) -> float:
        """The seconds that the next round is expected to take."""
        if len(self.rounds) < 2:
            return _FIRST * sum(self.rounds)
        if len(self.rounds) == 2:
            return _GROWTH * self.rounds[-1]
        return self.rounds[-1] * min(_MOST, max(_LEAST, self.rounds[-1] / max(self.rounds[-2], 1e-9)))
