"""Baselines without a network: polynomial chaos, radial functions of raw outputs, a discrete echo state network."""

from collections.abc import Callable, Iterator
from itertools import product
from time import process_time

import numpy as np
from scipy.interpolate import RBFInterpolator

from benchmarks.baselines.case import BaselineCase

Predict = Callable[[np.ndarray], np.ndarray]
# Units, and steps at the first time before the series begins.
_RESERVOIR, _WASH = 200, 30


def raw_rbf(case: BaselineCase, budget: float, seed: int) -> Predict:
    """Cubic radial functions of the parameters with a linear tail, through the outputs as they are."""
    x = case.data.training.trajectories
    found = RBFInterpolator(case.z, x.reshape(len(x), -1), kernel="cubic", degree=1)
    return lambda values: found(case.parameters.scale(np, values)).reshape(-1, *x.shape[1:])


def polynomial_chaos(case: BaselineCase, budget: float, seed: int) -> Predict:
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


def echo_state(case: BaselineCase, budget: float, seed: int) -> Predict:
    """A leaky echo state network (Jaeger 2001) of discrete steps by reservoirpy, driven by parameters and time and
    read out by its ridge regression; radius, leak and ridge by a fifth of the samples left out, as far as the budget
    goes."""
    begin, y = process_time(), case.y
    out = np.random.default_rng([seed, 1]).permutation(len(y))
    valid, fit = out[: len(y) // 5], out[len(y) // 5 :]
    best = np.inf, 0.9, 0.3, 1e-6
    for radius, leak in product((0.5, 0.9, 0.99), (0.05, 0.3, 1.0)):
        states = _states(case, case.z, radius, leak, seed)
        for ridge in (1e-6, 1e-4, 1e-2, 1.0):
            read = _read(states[fit], y[fit], ridge)
            error = float(np.mean((read(states[valid]) - y[valid]) ** 2))
            best = min(best, (error, radius, leak, ridge))
        if process_time() - begin > 0.8 * budget:
            break
    _, radius, leak, ridge = best
    read = _read(_states(case, case.z, radius, leak, seed), y, ridge)
    return lambda values: case.raw(read(_states(case, case.parameters.scale(np, values), radius, leak, seed)))


def _read(states: np.ndarray, y: np.ndarray, ridge: float) -> Callable[[np.ndarray], np.ndarray]:
    """reservoirpy's ridge regression of `y` (n, m, q) on the states."""
    from reservoirpy.nodes import Ridge

    fitted = Ridge(ridge=ridge).fit(list(states), list(y))
    return lambda states: np.array(fitted.run(list(states)))


def _states(case: BaselineCase, z: np.ndarray, radius: float, leak: float, seed: int) -> np.ndarray:
    """(k, m, states): reservoirpy's reservoir after each time, with its inputs. It sees the first time before, so that
    it starts from what the parameters make of it and not from zero."""
    from reservoirpy.mat_gen import uniform
    from reservoirpy.nodes import Reservoir

    reservoir = Reservoir(
        _RESERVOIR, lr=leak, sr=radius, rc_connectivity=0.05, bias=uniform(low=-1.0, high=1.0), seed=seed
    )
    inputs = [np.c_[np.tile(row, (len(case.s), 1)), case.s] for row in z]
    before = [np.repeat(u[:1], _WASH, axis=0) for u in inputs]
    states = reservoir.run([np.r_[b, u] for b, u in zip(before, inputs, strict=True)])
    return np.stack([np.c_[r[_WASH:], u] for r, u in zip(states, inputs, strict=True)])
