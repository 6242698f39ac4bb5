"""Signals at the connectors of a part that its surrogate is trained on, beside those that the whole gave it.

In the whole the part and its surroundings answer one another, so that its runs show little of what either does alone.
A surrogate that has seen these only may be right on them and unstable in the loop."""

import numpy as np

from stiffdsl.surrogate.core.signals import drawn

# How far beyond what was seen signals go, as a share of the range; how much of a drawn signal is mixed in.
_BEYOND = 0.1
_FOREIGN = 0.3
_UNTOUCHED = 0.25


def enriched(times: np.ndarray, seen: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, m, s) signals around those that were seen (n, m, s), and which of those each one is nearest to.

    Each is a blend of two that were seen, three quarters of them with a smooth, stepped or periodic signal added.
    """
    rng = np.random.default_rng([seed, 30])
    low, high = seen.min((0, 1)), seen.max((0, 1))
    span = high - low
    # A signal drawn over logarithmic times turns as often in each decade.
    knots = np.arange(len(times), dtype=float)
    found, nearest = [], []
    for _ in range(count):
        first, second = rng.integers(len(seen), size=2)
        share = rng.uniform(0.0, 0.5)
        signal = (1 - share) * seen[first] + share * seen[second]
        for j in range(seen.shape[2]):
            if span[j] > 0 and rng.random() > _UNTOUCHED:
                size = _FOREIGN * span[j] * rng.random()
                signal[:, j] += drawn(knots, -size, size, rng)
        found.append(np.clip(signal, low - _BEYOND * span, high + _BEYOND * span))
        nearest.append(int(first))
    return np.array(found).reshape(count, len(times), seen.shape[2]), np.array(nearest, dtype=np.int64)
