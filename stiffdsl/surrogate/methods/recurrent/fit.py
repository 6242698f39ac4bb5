"""Trains the step of a recurrent surrogate: alone first, then over runs that become longer.

A step that was only trained alone is exact and unstable: its errors feed back. So runs of a few steps from points of
the training trajectories follow, then longer ones, at last whole trajectories, by the slope through all steps (Werbos,
Proc. IEEE 78, 1990)."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.surrogate.methods.driven.filters import step_weights
from stiffdsl.surrogate.methods.driven.fit import PreparedDrives
from stiffdsl.surrogate.methods.recurrent.cell import DTYPE, Cell, Outer, RecurrentExpansion, step
from stiffdsl.surrogate.regression import neural
from stiffdsl.surrogate.regression.adam import NetworkTraining, minimised
from stiffdsl.surrogate.regression.neural import NetworkMap

RATES = 6
# The slowest and the fastest rate of the reservoirs, over the whole span and over one step.
_SLOWEST, _FASTEST = 0.8, 1.2
_BOUND = 1.0
# What the loss is multiplied by, so that only a slope which is out of order meets the bound.
_LOSS = 1e3
_RIDGE = 1e-7
# Rows of the regression that comes first.
_ROWS = 60_000
# Scores may leave what training saw by this share of it.
_BEYOND = 0.5


class RunTraining(NamedTuple):
    """Training over runs of so many steps (None: as many as there are), `batch` at once, for `steps` of this `rate`."""

    length: int | None
    batch: int
    steps: int
    rate: float


@dataclass(frozen=True)
class RecurrentTraining:
    """Training of a step alone, then over runs that become longer."""

    alone: NetworkTraining
    runs: tuple[RunTraining, ...]


def possible(times: np.ndarray) -> bool:
    """Whether knots are one step apart, as one step for all of them needs."""
    gaps = np.diff(times)
    return bool(np.allclose(gaps, gaps[0], rtol=1e-6))


@dataclass(frozen=True, eq=False)
class _Runs:
    """Training data in single precision: `outer` (n, M - 1, e), scores `s` (n, M, r), their filters `g`."""

    outer: Any
    s: Any
    g: Any
    filter: tuple[Any, ...]


def expand(
    made: PreparedDrives, training: RecurrentTraining, seed: int
) -> tuple[RecurrentExpansion, dict[str, object]]:
    """The trained expansion, and what was chosen."""
    whole = made.expansion
    knots = whole.knots
    spread = np.maximum(made.scores.std((0, 1)), 1e-12)
    s = made.scores / spread
    width = knots[1] - knots[0]
    rates = np.geomspace(_SLOWEST / (knots[-1] - knots[0]), _FASTEST / width, RATES)
    weights = step_weights(rates, float(width))
    outer = Outer(knots, rates)(np, made.z, made.u)
    mean, size = outer.mean((0, 1)), np.maximum(outer.std((0, 1)), 1e-9)
    runs = _Runs(
        jnp.asarray((outer - mean) / size, dtype=DTYPE),
        jnp.asarray(s, dtype=DTYPE),
        jnp.asarray(_filtered(s, weights)),
        tuple(jnp.asarray(w, dtype=DTYPE) for w in weights),
    )
    low, high = s.min((0, 1)), s.max((0, 1))
    room = _BEYOND * (high - low) + 1e-6
    cell = _trained(runs, low - room, high + room, spread / spread.max(), training, seed)
    cell = jax.tree.map(lambda x: np.asarray(x, dtype=np.float64), cell)
    # Features go in as they are: their scaling is folded into the weights.
    folded = cell.outer / size[:, None]
    cell = Cell(folded, cell.inner, cell.bias - mean @ folded, cell.weights, cell.biases, cell.low, cell.high)
    begin = _begin(np.concatenate([made.z, made.u[:, 0]], axis=1), s[:, 0], seed)
    expansion = RecurrentExpansion(
        whole.clock,
        whole.parameters,
        whole.outputs,
        whole.scalars,
        whole.inputs,
        knots,
        rates,
        whole.groups * spread,
        whole.mean,
        begin,
        cell,
    )
    chosen: dict[str, object] = {
        "rates": RATES,
        "states": s.shape[-1] * (1 + RATES),
        "scores": s.shape[-1],
        "width": training.alone.width,
        "layers": training.alone.layers,
        "steps": training.alone.steps + sum(run.steps for run in training.runs),
    }
    return expansion, chosen


def _filtered(s: np.ndarray, weights: tuple[np.ndarray, ...]) -> np.ndarray:
    """(n, M, r, K)"""
    decay, left, right = weights
    n, M, r = s.shape
    found = np.empty((n, M, r, len(decay)), dtype=DTYPE)
    found[:, 0] = s[:, 0, :, None]
    for k in range(M - 1):
        found[:, k + 1] = decay * found[:, k] + left * s[:, k, :, None] + right * s[:, k + 1, :, None]
    return found


def _begin(x: np.ndarray, scores: np.ndarray, seed: int) -> NetworkMap:
    """The first scores over [z, u] at the first knot."""
    if np.all(np.ptp(scores, axis=0) < 1e-9):
        d, r = x.shape[1], scores.shape[1]
        return NetworkMap(
            0, scores[:1], np.zeros(r), (np.zeros((d, 1)), np.zeros((1, r))), (np.zeros(1), np.zeros(r))
        )
    return neural.fit(x, scores, seed)[0]


def _trained(
    runs: _Runs, low: np.ndarray, high: np.ndarray, share: np.ndarray, training: RecurrentTraining, seed: int
) -> Cell:
    rng = np.random.default_rng([seed, 14])
    n, M, r = runs.s.shape
    e, fed = runs.outer.shape[2], r * (1 + len(runs.filter[0]))
    linear, size = _linear(runs, rng)
    alone = training.alone
    sizes = [e + fed, *[alone.width] * alone.layers, r]
    layers = [rng.normal(size=(a, b)) / np.sqrt(a) for a, b in pairwise(sizes)]
    first = np.concatenate([layers[0], linear[1:]], axis=1)
    cell: Any = Cell(
        first[:e],
        first[e:],
        np.concatenate([np.zeros(alone.width), linear[0]]),
        (*layers[1:-1], layers[-1] * size),
        tuple(np.zeros(b) for b in sizes[2:]),
        low,
        high,
    )
    cell = jax.tree.map(lambda x: jnp.asarray(x, dtype=DTYPE), cell)
    fixed, weight = (cell.low, cell.high), jnp.asarray(share, dtype=DTYPE)

    def loss(cell: Any, begin: Any, count: int) -> Any:
        rows, first = begin
        cell = Cell(cell.outer, cell.inner, cell.bias, cell.weights, cell.biases, *fixed)

        def body(state: Any, k: Any) -> Any:
            through = runs.outer[rows, first + k] @ cell.outer + cell.bias
            state = step(jnp, cell, runs.filter, state, through)
            return state, jnp.mean((weight * (state[0] - runs.s[rows, first + k + 1])) ** 2)

        state = runs.s[rows, first], runs.g[rows, first]
        return _LOSS * jnp.mean(jax.lax.scan(body, state, jnp.arange(count))[1])

    first_of_all = RunTraining(1, alone.batch, alone.steps, alone.rate)
    for length, batch, steps, rate in (first_of_all, *training.runs):
        count = min(length or M - 1, M - 1)

        def batches(many: int, count: int = count, batch: int = batch) -> Any:
            return rng.integers(0, n, (many, batch)), rng.integers(0, M - count, (many, batch))

        cell = minimised(
            lambda cell, begin, count=count: loss(cell, begin, count), cell, batches, steps, rate, _BOUND
        )
    return Cell(cell.outer, cell.inner, cell.bias, cell.weights, cell.biases, *fixed)


def _linear(runs: _Runs, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(1 + e + r (1 + K), r) a regression of the change of scores in a step, and the size of what it leaves."""
    n, M = runs.s.shape[:2]
    rows, k = rng.integers(0, n, _ROWS), rng.integers(0, M - 1, _ROWS)
    fed = np.concatenate(
        [np.asarray(runs.s[rows, k]), np.asarray(runs.g[rows, k]).reshape(_ROWS, -1)], axis=1
    )
    x = np.concatenate([np.ones((_ROWS, 1)), np.asarray(runs.outer[rows, k]), fed], axis=1, dtype=np.float64)
    change = np.asarray(runs.s[rows, k + 1] - runs.s[rows, k], dtype=np.float64)
    gram = x.T @ x
    weights = np.linalg.solve(gram + _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)), x.T @ change)
    return weights, np.maximum((change - x @ weights).std(0), 1e-6)
