"""The peers, by name. Each is one small file with `prepare(problem) -> run`, and `run() -> end values`.

`prepare` does everything that is paid once; `run` solves from the initial values to the end and returns the
values of `problem.checked`, in that order. A peer raises `Unsupported` where it has no fair way to solve one.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module

import numpy as np

from benchmarks.problem import Problem

Run = Callable[[], np.ndarray]
Prepare = Callable[[Problem], Run]

# Name → module in this folder, function, further words, and how it gets its Jacobian.
_PEERS: dict[str, tuple[str, dict[str, str], str]] = {
    "stiffdsl": ("with_stiffdsl", {}, "analytic, sparse, from the model"),
    "scipy LSODA": ("with_scipy", {"method": "LSODA"}, "analytic, dense"),
    "scipy BDF": ("with_scipy", {"method": "BDF"}, "analytic, sparse where large"),
    "scipy Radau": ("with_scipy", {"method": "Radau"}, "analytic, sparse where large"),
    "diffrax Kvaerno5": ("with_diffrax", {}, "forward AD, dense"),
    "pydiffsol BDF": ("with_pydiffsol", {}, "AD, sparse where large"),
    "sundae CVODE": ("with_sundae", {}, "analytic, sparse where large"),
    "casadi CVODES": ("with_casadi", {}, "AD, sparse"),
}

PEERS = tuple(_PEERS)


class Unsupported(Exception):
    """The peer has no fair way to solve this problem; the text says why."""


def prepare(name: str) -> Prepare:
    """The `prepare` of the peer `name`. Raises `ImportError` where its library is not installed."""
    module, words, _ = _PEERS[name]
    return partial(import_module(f"benchmarks.peers.{module}").prepare, **words)


def jacobian_of(name: str) -> str:
    """How the peer gets its Jacobian."""
    return _PEERS[name][2]
