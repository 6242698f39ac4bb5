"""Processes that were forked after JAX had started its threads: what would wait for these is refused at once.

Only the thread that forks goes on in the child. XLA hands its work to threads that are not there, and waits for ever.
"""

import os

from jax._src import xla_bridge

_forked = False


def _in_child() -> None:
    global _forked
    _forked = _forked or xla_bridge.backends_are_initialized()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def check_threads() -> None:
    """Raises `RuntimeError` in a process that was forked after JAX had run."""
    if _forked:
        raise RuntimeError(
            "this process was forked after JAX had run, whose threads it does not have: this call would wait for ever. "
            'Start processes by `multiprocessing.get_context("spawn")` (or "forkserver"), also in pools: '
            '`ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))`'
        )
