"""Room for large trees."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def large_trees(recursion_limit: int = 40_000) -> Iterator[None]:
    """Room for deeply nested expressions, and no search for garbage.

    Frames of pure Python do not use the C stack. Trees hold no cycles: searching the nodes of a large model
    for some takes as long as the walk itself.
    """
    before, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(before, recursion_limit))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
        if collecting:
            gc.enable()
