"""Machine code by name, where somebody provides it for this device: who asks does without where there is none.

KLU's is provided here (`klu`), that of LLVM by the runtime: whole solves (`llvm`), and kernels that solvers call.

What a kernel computes is written in JAX too, with the same numbers to rounding: for other devices, and as the
reference in tests.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import jax

_makers: dict[str, Callable[[], str | None]] = {"klu": lambda: "klu"}

# Inside `with stopping():` kernels that are running stop; the runtime puts its own in place.
stopping: Callable[[], AbstractContextManager[None]] = nullcontext


def provide(name: str, maker: Callable[[], str | None]) -> None:
    """`maker()` returns the name by which XLA knows the kernel `name`, or None where it cannot be made here."""
    _makers[name] = maker


def target(name: str) -> str | None:
    """The name by which machine code is known (to XLA, where XLA calls it), where there is one for this device."""
    if name not in _makers or not on_cpu():
        return None
    return _makers[name]()


def on_cpu() -> bool:
    """Whether JAX computes on a CPU, which all of this code is for. Asked by `target`, and nowhere else."""
    return jax.default_backend() == "cpu"
