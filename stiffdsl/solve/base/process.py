"""The state of the process that a solve needs: threads of JAX that are there, and double precision.

Only the thread that forks goes on in the child. XLA hands its work to threads that are not there, and waits for ever.
"""

import os

import jax
from jax._src import xla_bridge

_forked = False


def _in_child() -> None:
    global _forked
    _forked = _forked or xla_bridge.backends_are_initialized()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def check_process() -> None:
    """Raises `RuntimeError` in a process that was forked after JAX had run, or where double precision is off."""
    check_precision()
    if _forked:
        raise RuntimeError(
            "this process was forked after JAX had run, whose threads it does not have: this call would wait for ever. "
            'Start processes by `multiprocessing.get_context("spawn")` (or "forkserver"), also in pools: '
            '`ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))`'
        )


def check_precision() -> None:
    """Raises `RuntimeError` where JAX was switched back to single precision: programs for both would be mixed."""
    if not jax.config.read("jax_enable_x64"):
        raise RuntimeError(
            "JAX's double precision was switched off after stiffdsl had turned it on; stiff models need it. Call "
            '`jax.config.update("jax_enable_x64", True)` first, and make arrays of your own that are to be single with '
            "`dtype=jnp.float32`"
        )
