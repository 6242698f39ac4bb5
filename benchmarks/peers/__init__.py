"""The peers, by name. Each is one small file with `prepare(problem) -> run`, and `run(rtol, atol) -> end values`.

`prepare` does everything that is paid once; the first `run` at a tolerance may prepare what depends on it. `run`
solves from the initial values to the end and returns the values of `problem.checked`, in that order. A peer raises
`Unsupported` where it has no fair way to solve one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module

import numpy as np

from benchmarks.problem import BenchmarkProblem

Run = Callable[[float, float], np.ndarray]
Prepare = Callable[[BenchmarkProblem], Run]

# Peers that have dense Jacobians only are not asked beyond so many unknowns: a Jacobian of half a gigabyte.
DENSE = 8192


@dataclass(frozen=True)
class Peer:
    """A module in this folder, further words for its `prepare`, and how it gets its Jacobian."""

    module: str
    jacobian: str
    words: dict[str, str] = field(default_factory=dict)
    compiles: bool = False
    """Whether the first run at a tolerance may compile, and so does not count."""


_PEERS = {
    "stiffdsl": Peer("with_stiffdsl", "analytic, sparse, from the model", compiles=True),
    "pydiffsol BDF": Peer("with_pydiffsol", "AD, sparse where large"),
    "casadi CVODES": Peer("with_casadi", "AD, sparse; QR", {"method": "cvodes", "linear": "qr"}),
    "casadi CVODES MUMPS": Peer(
        "with_casadi", "AD, sparse; MUMPS, for large problems", {"method": "cvodes", "linear": "mumps"}
    ),
    "casadi IDAS": Peer("with_casadi", "AD, sparse; QR", {"method": "idas", "linear": "qr"}),
    "sundae CVODE": Peer("with_sundae", "analytic, SuperLU where large", {"method": "CVODE"}),
    "sundae IDA": Peer("with_sundae", "analytic, SuperLU where large", {"method": "IDA"}),
    "scipy LSODA": Peer("with_scipy", "analytic, dense", {"method": "LSODA"}),
    "scipy BDF": Peer("with_scipy", "analytic, sparse where large", {"method": "BDF"}),
    "scipy Radau": Peer("with_scipy", "analytic, sparse where large", {"method": "Radau"}),
    "jaxonomy BDF": Peer("with_jaxonomy", "forward AD, dense", compiles=True),
    "diffrax Kvaerno5": Peer("with_diffrax", "forward AD, dense", compiles=True),
}

PEERS = tuple(_PEERS)


class Unsupported(Exception):
    """The peer has no fair way to solve this problem; the text says why."""


def prepare(name: str) -> Prepare:
    """The `prepare` of the peer `name`. Raises `ImportError` where its library is not installed."""
    peer = _PEERS[name]
    return partial(import_module(f"benchmarks.peers.{peer.module}").prepare, **peer.words)


def jacobian_of(name: str) -> str:
    """The way the peer gets its Jacobian."""
    return _PEERS[name].jacobian


def settles(name: str) -> bool:
    """Whether its first run at a tolerance is as fast as those that follow."""
    return not _PEERS[name].compiles


def refuse_large(problem: BenchmarkProblem) -> None:
    """Raises `Unsupported` where a dense Jacobian would not fit."""
    if problem.size > DENSE:
        raise Unsupported(f"dense Jacobians only: not asked beyond {DENSE} unknowns")
