"""Lanes in chunks of one size, so that one shape is compiled."""

from collections.abc import Iterator

import numpy as np


def chunks(count: int, most: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Chunks of `count` lanes: a slice, and the numbers of `most` lanes, or the power of two that holds all. The last
    chunk is filled up with its last lane."""
    size = min(most, 1 << (count - 1).bit_length())
    for begin in range(0, count, size):
        lanes = np.minimum(np.arange(begin, begin + size), count - 1)
        yield slice(begin, min(begin + size, count)), lanes
