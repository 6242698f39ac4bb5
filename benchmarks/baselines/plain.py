"""Baselines without a network: polynomial chaos, radial functions of raw outputs, a discrete echo state network."""

from collections.abc import Callable, Iterator
from itertools import product
from time import perf_counter

import numpy as np
from scipy.interpolate import RBFInterpolator

from benchmarks.baselines.case import Case

Predict = Callable[[np.ndarray], np.ndarray]
_RESERVOIR, _WASH = 200, 1.0


def raw_rbf(case: Case, budget: float, seed: int) -> Predict:
    """Cubic radial functions of the parameters with a linear tail, through the outputs as they are."""
    x = case.data.training.trajectories
    found = RBFInterpolator(case.z, x.reshape(len(x), -1), kernel="cubic", degree=1)
    return lambda values: found(case.parameters.scale(np, values)).reshape(-1, *x.shape[1:])


def polynomial_chaos(case: Case, budget: float, seed: int) -> Predict:
    """Legendre polynomials with hyperbolic truncation (Blatman and Sudret, J. Comput. Phys. 230, 2011).

    Least squares; degree and norm have the least leave-one-out error, with at most half as many terms as samples."""
    n, m, q = case.y.shape
    y, best = case.y.reshape(n, m * q), (np.inf, np.zeros((1, 1), int), np.zeros((1, m * q)))
    for degree, norm in product(range(1, 13), (0.5, 0.75, 1.0)):
        powers = np.array(list(_truncated(case.z.shape[1], degree, norm)))
        if len(powers) > n // 2:
            continue
        basis = _legendre(case.z, powers)
        weights = np.linalg.lstsq(basis, y, rcond=None)[0]
        leverage = np.sum(np.linalg.qr(basis)[0] ** 2, axis=1)
        error = float(np.mean(((y - basis @ weights) / (1 - leverage)[:, None]) ** 2))
        if error < best[0]:
            best = error, powers, weights
    _, powers, weights = best
    return lambda values: case.raw(
        (_legendre(case.parameters.scale(np, values), powers) @ weights).reshape(-1, m, q)
    )


def _truncated(dimensions: int, degree: int, norm: float) -> Iterator[tuple[int, ...]]:
    """Exponents whose `norm` is at most `degree`, built up one dimension after another."""
    found: list[tuple[int, ...]] = [()]
    for _ in range(dimensions):
        longer = ((*p, k) for p in found for k in range(degree + 1))
        found = [p for p in longer if sum(k**norm for k in p) <= degree**norm + 1e-9]
    yield from found


def _legendre(z: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """(k, terms)"""
    table = np.polynomial.legendre.legvander(z, int(powers.max()))
    return np.prod([table[:, j, powers[:, j]] for j in range(z.shape[1])], axis=0)


def echo_state(case: Case, budget: float, seed: int) -> Predict:
    """A leaky echo state network (Jaeger 2001) of discrete steps, driven by parameters and time and read out by ridge
    regression; radius, leak and ridge by a fifth of the samples left out, as far as the budget goes."""
    begin, y = perf_counter(), case.y
    out = np.random.default_rng([seed, 1]).permutation(len(y))
    valid, fit = out[: len(y) // 5], out[len(y) // 5 :]
    best = np.inf, 0.9, 0.3, 1e-6
    for radius, leak in product((0.5, 0.9, 0.99), (0.05, 0.3, 1.0)):
        states = _states(case, case.z, radius, leak, seed)
        for ridge in (1e-10, 1e-8, 1e-6, 1e-4):
            weights = _ridge(states[fit], y[fit], ridge)
            error = float(np.mean((states[valid] @ weights - y[valid]) ** 2))
            best = min(best, (error, radius, leak, ridge))
        if perf_counter() - begin > 0.8 * budget:
            break
    _, radius, leak, ridge = best
    weights = _ridge(_states(case, case.z, radius, leak, seed), y, ridge)
    return lambda values: case.raw(
        _states(case, case.parameters.scale(np, values), radius, leak, seed) @ weights
    )


def _ridge(states: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    a, b = states.reshape(-1, states.shape[-1]), y.reshape(-1, y.shape[-1])
    return np.linalg.solve(a.T @ a + ridge * len(a) * np.eye(a.shape[1]), a.T @ b)


def _states(case: Case, z: np.ndarray, radius: float, leak: float, seed: int) -> np.ndarray:
    """(k, m, states): the reservoir after each time, with the inputs and a one."""
    rng = np.random.default_rng([seed, 2])
    inner = rng.normal(size=(_RESERVOIR, _RESERVOIR)) * (rng.random((_RESERVOIR, _RESERVOIR)) < 0.05)
    inner *= radius / np.max(np.abs(np.linalg.eigvals(inner)))
    outer = rng.uniform(-_WASH, _WASH, size=(z.shape[1] + 2, _RESERVOIR))
    r, rows = np.zeros((len(z), _RESERVOIR)), []
    for s in case.s:
        u = np.c_[z, np.full((len(z), 1), s), np.ones((len(z), 1))]
        r = (1 - leak) * r + leak * np.tanh(r @ inner + u @ outer)
        rows.append(np.c_[r, u])
    return np.stack(rows, axis=1)
