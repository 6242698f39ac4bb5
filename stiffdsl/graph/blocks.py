"""Directed structure of matched equations: which belong together, and in which order they are solved."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def strong_components(size: int, tail: np.ndarray, head: np.ndarray) -> tuple[int, np.ndarray]:
    """Number of strongly connected components of the graph `tail → head`, and the component of every node."""
    if size == 0:
        return 0, np.zeros(0, dtype=np.int64)
    graph = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(size, size))
    count, label = connected_components(graph, directed=True, connection="strong")
    return int(count), label.astype(np.int64)


def cyclic(size: int, tail: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Mask of the nodes that lie on a cycle (an edge to itself is one)."""
    _, label = strong_components(size, tail, head)
    result = np.bincount(label, minlength=1)[label] > 1
    result[tail[tail == head]] = True
    return result


def levels(size: int, tail: np.ndarray, head: np.ndarray, most: int | None = None) -> np.ndarray:
    """The longest path to every node: 0 without predecessor. Nodes beyond level `most` keep -1."""
    order = np.argsort(tail, kind="stable")
    followers = head[order]
    start = np.searchsorted(tail[order], np.arange(size + 1))
    waiting = np.bincount(head, minlength=size)
    level = np.full(size, -1, dtype=np.int64)
    front = np.flatnonzero(waiting == 0)
    depth = 0
    while len(front) and (most is None or depth <= most):
        level[front] = depth
        reached = followers[spans(start[front], start[front + 1])]
        np.subtract.at(waiting, reached, 1)
        front = np.unique(reached[waiting[reached] == 0])
        depth += 1
    return level


def spans(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """`first[0]..last[0], first[1]..last[1], …` one after another, ends exclusive."""
    length = last - first
    total = int(length.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    return np.repeat(first - np.concatenate([[0], np.cumsum(length)[:-1]]), length) + np.arange(total)
