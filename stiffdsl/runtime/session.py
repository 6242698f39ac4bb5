"""JAX as this package needs it: float64, and compiled programs kept in the user's cache folder."""

import os

import jax

from stiffdsl.resources import cache_folder

_ready = False

# XLA compiles a loop whose arrays are small into one function, instead of starting every operation of every round by
# itself: three times as fast for small models. Its own idea of small is a few hundred bytes.
LOOP_BYTES = 1 << 20
LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold"


def prepare() -> None:
    """Turns on float64, loops compiled whole (where JAX has not run yet), and the persistent compilation cache.

    What the user has set up is left alone.
    """
    global _ready
    if _ready:
        return
    _ready = True
    jax.config.update("jax_enable_x64", True)
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {LOOPS}={LOOP_BYTES}".strip()
    if jax.config.values.get("jax_compilation_cache_dir") is None and os.environ.get("STIFFDSL_CACHE") != "":
        folder = cache_folder() / "xla"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
