"""Balanced truncation of a linearised part: the fewest states that pass on what goes in to what comes out.

Moore, IEEE Trans. Autom. Control 26 (1981); states that are left out are held at rest, which keeps the steady gain (Liu
and Anderson, Int. J. Control 50, 1989). The start values count as one more input (Heinkenschloss, Reis and Antoulas,
Automatica 47, 2011). A part that integrates (a tank, a charge) has no Gramians: then the system is balanced with all
rates raised by one over the experiment, and what happens within that time is what is kept."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

# States whose Hankel singular values are below this share of the largest are noise.
_NOISE = 1e-11
# The condition of the modes up to which they are used.
_WORST_MODES = 1e5


@dataclass(frozen=True, eq=False)
class Linear:
    """x' = A x + B u + drift, y = C x + D u about a point; `begin` (k, n) are starts of x there."""

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    D: np.ndarray
    drift: np.ndarray
    begin: np.ndarray


@dataclass(frozen=True, eq=False)
class BalancedTruncation:
    """z' = A z + B u + c, y = C z + D u + d, with z = take (x - x*)."""

    A: np.ndarray
    B: np.ndarray
    c: np.ndarray
    C: np.ndarray
    D: np.ndarray
    d: np.ndarray
    take: np.ndarray
    hankel: np.ndarray


def balanced(system: Linear, span: float, tolerance: float, most: int) -> BalancedTruncation | None:
    """The fewest states, `most` at the most, that leave less than `tolerance` of y; None where the part grows too fast.

    u and y are scaled to about one, `span` is the time that counts.
    """
    n = len(system.A)
    if not n:
        return _static(system)
    rates = np.linalg.eigvals(system.A).real
    shift = 0.0 if rates.max() < -0.02 / span else max(rates.max(), 0.0) + 1.0 / span
    if not np.isfinite(shift) or rates.max() * span > 20.0:
        return None
    A = system.A - shift * np.eye(n)
    inputs = np.column_stack([system.B, system.drift, *(system.begin * np.sqrt(2 / span))])
    reach = _factor(scipy.linalg.solve_continuous_lyapunov(A, -inputs @ inputs.T))
    watch = _factor(scipy.linalg.solve_continuous_lyapunov(A.T, -system.C.T @ system.C))
    left, hankel, right = np.linalg.svd(watch.T @ reach)
    if hankel[0] <= 0:
        return _static(system)
    rank = int(np.sum(hankel > _NOISE * hankel[0]))
    root = np.sqrt(hankel[:rank])
    take = (left[:, :rank] / root).T @ watch.T
    give = reach @ right[:rank].T / root
    tail = 2 * np.append(np.cumsum(hankel[:rank][::-1])[::-1], 0.0)
    order = min(int(np.argmax(tail <= tolerance * max(1.0, hankel[0]))), most, rank)
    return _at_rest(system, take, give, max(order, 1), shift, hankel)


def _at_rest(
    system: Linear, take: np.ndarray, give: np.ndarray, order: int, shift: float, hankel: np.ndarray
) -> BalancedTruncation:
    """The first `order` balanced states; the others are where they would come to rest."""
    A = take @ (system.A - shift * np.eye(len(system.A))) @ give
    B = take @ np.column_stack([system.B, system.drift])
    C, D = system.C @ give, np.column_stack([system.D, np.zeros(len(system.C))])
    kept, rest = slice(0, order), slice(order, len(A))
    if order < len(A):
        settled = np.linalg.solve(A[rest, rest], np.column_stack([A[rest, kept], B[rest]]))
        of_z, of_u = settled[:, :order], settled[:, order:]
        A, B, C, D = (
            A[kept, kept] - A[kept, rest] @ of_z,
            B[kept] - A[kept, rest] @ of_u,
            C[:, kept] - C[:, rest] @ of_z,
            D - C[:, rest] @ of_u,
        )
    A = A + shift * np.eye(len(A))
    to, back = _modes(A)
    A, B, C, take = to @ A @ back, to @ B, C @ back, to @ take[kept]
    # What is not on the blocks is rounding.
    A[np.abs(A) < _NOISE * max(shift, np.abs(A).max())] = 0.0
    return BalancedTruncation(A, B[:, :-1], B[:, -1], C, D[:, :-1], D[:, -1], take, hankel)


def _modes(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """To the modes of A and back: A becomes diagonal, with blocks of two for what oscillates, so that a step costs
    little.

    Where modes are nearly the same, A stays as it is.
    """
    values, vectors = np.linalg.eig(A)
    real, imaginary = np.real(vectors), np.imag(vectors)
    columns = []
    for k, value in enumerate(values):
        if value.imag == 0:
            columns.append(real[:, k])
        elif value.imag > 0:
            columns += [real[:, k], imaginary[:, k]]
    back = np.column_stack(columns)
    if back.shape != A.shape or np.linalg.cond(back) > _WORST_MODES:
        return np.eye(len(A)), np.eye(len(A))
    return np.linalg.inv(back), back


def _static(system: Linear) -> BalancedTruncation:
    n, u, y = len(system.A), system.B.shape[1], len(system.C)
    none = np.zeros(0)
    return BalancedTruncation(
        np.zeros((0, 0)),
        np.zeros((0, u)),
        none,
        np.zeros((y, 0)),
        system.D,
        np.zeros(y),
        np.zeros((0, n)),
        none,
    )


def _factor(gramian: np.ndarray) -> np.ndarray:
    """L with L L' = gramian, which rounding may have made slightly indefinite."""
    values, vectors = np.linalg.eigh(0.5 * (gramian + gramian.T))
    return vectors * np.sqrt(np.maximum(values, 0.0))
