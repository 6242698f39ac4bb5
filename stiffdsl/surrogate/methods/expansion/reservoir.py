"""A continuous-time echo state reservoir driven by a reference solution: where CTESN surrogates take their
time scales.

    r' = rate * (-r + tanh(A r + W x*(s) + b)),      s the clock's coordinate

Anantharaman, Ma, Gowda, Laughman, Shah, Edelman, Rackauckas, "Accelerating simulation of stiff nonlinear
systems using continuous-time echo state networks" (arXiv 2010.04004). x* is the reference solution in scaled
outputs. A is sparse with a set spectral radius; rates spread over decades, so that some states follow the
drive and others remember it.

The clock takes the stiffness out (it is logarithmic where the experiment is) and the fastest rate is bounded
by the nodes, so the classical Runge-Kutta method of order four with a few steps between nodes is stable and
accurate."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from scipy.interpolate import CubicSpline

CONNECTIONS = 5
# Nodes between two training times, and how many there are in all at least.
_SUBDIVISION = 3
_LEAST_NODES = 400
# The slowest rate remembers the whole span of s, which is two.
_SLOWEST = 0.5


@dataclass(frozen=True)
class Design:
    """Design of a reservoir: `size` states, spectral `radius` of A, weight of the drive, ratio of fastest to
    slowest rate.
    """

    size: int = 120
    radius: float = 0.9
    drive: float = 1.0
    fastest: float = 20.0


DESIGNS = tuple(Design(drive=drive, fastest=fastest) for drive in (1.0, 3.0) for fastest in (8.0, 40.0))


@dataclass(frozen=True, eq=False)
class ReservoirTrajectory:
    """A reservoir's trajectory at `nodes` (M,): states and slopes (M, N), and the drive (M, c)."""

    nodes: np.ndarray
    states: np.ndarray
    slopes: np.ndarray
    drive: np.ndarray
    drive_slopes: np.ndarray


def nodes_between(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A finer grid that holds every one of `s`, and the positions of `s` in it."""
    parts = max(_SUBDIVISION, -(-_LEAST_NODES // (len(s) - 1)))
    fractions = np.arange(parts) / parts
    inner = s[:-1, None] + np.diff(s)[:, None] * fractions
    return np.append(inner.ravel(), s[-1]), np.arange(len(s)) * parts


def run(
    designs: tuple[Design, ...], s: np.ndarray, reference: np.ndarray, nodes: np.ndarray, seed: int
) -> list[ReservoirTrajectory]:
    """Drives reservoirs of one size with `reference` (len(s), c), of about unit size, over `nodes`.

    They share the random numbers, and are columns of one matrix: all cost little more than one.
    """
    rng = np.random.default_rng([seed, 4])
    n, channels, count = designs[0].size, reference.shape[1], len(designs)
    A = recurrent(n, rng)
    W = rng.uniform(-1.0, 1.0, (n, channels)) / np.sqrt(channels)
    bias = rng.uniform(-1.0, 1.0, (n, 1))
    # Neighbours in A should not have neighbouring rates only.
    order = rng.permutation(n)
    greatest = 0.8 / np.max(np.diff(nodes))
    fastest = [min(d.fastest, greatest) for d in designs]
    rate = np.stack([np.geomspace(min(_SLOWEST, f), f, n)[order] for f in fastest], axis=1)
    radius = np.array([d.radius for d in designs])
    weight = np.array([d.drive for d in designs])

    drive = CubicSpline(s, reference, axis=0)
    middle = 0.5 * (nodes[:-1] + nodes[1:])
    at_nodes, at_middle = drive(nodes) @ W.T, drive(middle) @ W.T

    def settled(r: np.ndarray, driven: np.ndarray) -> np.ndarray:
        return np.tanh(radius * (A @ r) + weight * driven[:, None] + bias)

    def slope(r: np.ndarray, driven: np.ndarray) -> np.ndarray:
        return rate * (settled(r, driven) - r)

    # The state that the first value of the drive settles to: a start without a transient of its own.
    r = np.zeros((n, count))
    for _ in range(300):
        r = 0.5 * (r + settled(r, at_nodes[0]))
    states, slopes = np.empty((len(nodes), n, count)), np.empty((len(nodes), n, count))
    for k, h in enumerate(np.append(np.diff(nodes), 0.0)):
        states[k], slopes[k] = r, slope(r, at_nodes[k])
        if k == len(middle):
            break
        k1 = slopes[k]
        k2 = slope(r + 0.5 * h * k1, at_middle[k])
        k3 = slope(r + 0.5 * h * k2, at_middle[k])
        k4 = slope(r + h * k3, at_nodes[k + 1])
        r = r + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return [
        ReservoirTrajectory(
            nodes, states[..., j].copy(), slopes[..., j].copy(), drive(nodes), drive(nodes, 1)
        )
        for j in range(count)
    ]


def recurrent(size: int, rng: np.random.Generator) -> scipy.sparse.csr_array:
    """A sparse random matrix (size, size), `CONNECTIONS` entries a row, of spectral radius one."""
    per_row = min(CONNECTIONS, size)
    columns = np.concatenate([np.sort(rng.choice(size, per_row, replace=False)) for _ in range(size)])
    values = rng.normal(size=size * per_row)
    rows = np.repeat(np.arange(size), per_row)
    A = scipy.sparse.csr_array((values, (rows, columns)), shape=(size, size))
    return A / np.max(np.abs(np.linalg.eigvals(A.toarray())))
