"""Lanes in chunks of one size, so that one shape is compiled."""

from collections.abc import Iterator

import numpy as np


def chunks(values: np.ndarray, most: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Chunks of the lanes of `values` (k, d): slice and rows, of `most` lanes, or the power of two that holds all. The
    last chunk is filled up with copies of its last lane."""
    size = min(most, 1 << (len(values) - 1).bit_length())
    for begin in range(0, len(values), size):
        rows = np.minimum(np.arange(begin, begin + size), len(values) - 1)
        yield slice(begin, min(begin + size, len(values))), values[rows]
