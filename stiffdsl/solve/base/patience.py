"""End of a solve that has no limit on its steps and makes no progress."""

# So many attempts must bring a solve on by that part of the whole time.
ATTEMPTS, PART = 100_000, 1e-3


class Patience:
    """Watches the time of one solve from t0 to t1; with `most` it is given up after so many attempts all the same."""

    def __init__(self, t0: float, t1: float, most: int | None):
        self.most, self.least = most, PART * abs(t1 - t0)
        self.t, self.attempts = t0, 0

    def spent(self, t: float, attempts: int) -> bool:
        """Whether to give up at t, after so many attempts."""
        if self.most is not None:
            return attempts >= self.most
        if abs(t - self.t) >= self.least:
            self.t, self.attempts = t, attempts
        return attempts - self.attempts >= ATTEMPTS
