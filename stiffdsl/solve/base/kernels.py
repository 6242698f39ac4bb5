"""Machine code for solvers, where somebody made it: the runtime does. Solvers ask for it by name, and do without.

What a kernel computes is written in JAX too, with the same numbers to rounding: for other devices, and as the
reference in tests.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import jax

_makers: dict[str, Callable[[], str | None]] = {}

# Inside `with stopping():` kernels that are running stop; the runtime puts its own in place.
stopping: Callable[[], AbstractContextManager[None]] = nullcontext


def provide(name: str, maker: Callable[[], str | None]) -> None:
    """`maker()` returns the name by which XLA knows the kernel `name`, or None where it cannot be made here."""
    _makers[name] = maker


def target(name: str) -> str | None:
    """The name by which XLA knows a kernel, where there is one for this device."""
    if name not in _makers or not on_cpu():
        return None
    return _makers[name]()


def on_cpu() -> bool:
    """Whether JAX computes on a CPU, which LLVM's and KLU's code is for. Asked where a back end, a kernel by name or a
    direct solver is chosen (`runtime/backend.py`, `target`, `linear/static.py`), and nowhere else."""
    return jax.default_backend() == "cpu"
