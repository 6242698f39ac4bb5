"""The formula of surrogates that feed their own answer back, from one knot of the inputs to the next:

    s' = s + W v + N(v),    v = [z, u, u', h, exp(-rate t), s, g]

s are scores of the outputs at a knot and s' at the next, h and g the states of linear reservoirs (see `filters`) that
the inputs u and the scores drive, W a matrix and N a network. What saturates is remembered in s and g, where a
readout of inputs alone would have to find it in their whole past (nonlinear autoregressive models with exogenous
inputs: Leontaritis and Billings, Int. J. Control 41, 1985). Between knots scores are cubic."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicHermiteSpline

from stiffdsl.surrogate.methods.driven.filters import responses, step_weights
from stiffdsl.surrogate.methods.driven.readout import OverKnots, ScoresReader, silu
from stiffdsl.surrogate.regression.neural import NetworkMap

# Scores are fed back thousands of times: half of the digits are far below what the network errs.
DTYPE = np.float32


@dataclass(frozen=True, eq=False)
class Cell:
    """One step. `outer` (e, w + r) and `inner` (r (1 + K), w + r) lead to the first layer, of w units, and to the
    linear part; `weights` and `biases` are of the layers after the first. Scores stay in `low`..`high` (r,).
    """

    outer: np.ndarray
    inner: np.ndarray
    bias: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class RecurrentExpansion(OverKnots):
    """With equal steps between its `knots`. `begin` gives the first scores for [z, u]."""

    begin: NetworkMap
    cell: Cell

    def reader(self, times: np.ndarray, which: np.ndarray) -> "RecurrentReader":
        return RecurrentReader(self, times, which)


class RecurrentReader(ScoresReader):
    """A `RecurrentExpansion` at fixed times, for some outputs."""

    def __init__(self, expansion: RecurrentExpansion, times: np.ndarray, which: np.ndarray):
        super().__init__(expansion.outputs, expansion.groups, expansion.mean, times, which)
        self.expansion = expansion
        knots = expansion.knots
        # Cubics look one knot ahead.
        last = min(len(knots), int(np.searchsorted(knots, times.max())) + 2)
        self._knots = max(last, 2)
        between = cubic(knots[: self._knots], times)
        exact = between.shape[0] == between.shape[1] and np.array_equal(between, np.eye(len(between)))
        self._between = None if exact else between
        self._outer = Outer(knots[: self._knots], expansion.rates)
        self._filter = step_weights(expansion.rates, float(knots[1] - knots[0]))

    def _scores(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m r"]:
        expansion = self.expansion
        scaled = expansion.parameters.scale(xp, values)
        z, u = scaled[:, : expansion.scalars], scaled[:, expansion.scalars :]
        u = u.reshape(-1, expansion.inputs, len(expansion.knots))[..., : self._knots].swapaxes(1, 2)
        begin = expansion.begin(xp, xp.concatenate([z, u[:, 0]], axis=1)).astype(DTYPE)
        cell = expansion.cell
        through = self._outer(xp, z, u).astype(DTYPE) @ cell.outer.astype(DTYPE) + cell.bias.astype(DTYPE)
        scores = rolled(xp, cell, self._filter, begin, through.swapaxes(0, 1)).swapaxes(0, 1)
        scores = scores.astype(np.float64)
        return scores if self._between is None else self._between @ scores


class Outer:
    """Arguments that do not depend on scores, [z, u, u', h, exp(-rate t)], at every knot but the last."""

    def __init__(self, knots: np.ndarray, rates: np.ndarray):
        self._still = np.exp(-rates * (knots - knots[0])[:, None])
        lags = responses(knots, knots, rates)[1:].transpose(1, 0, 2)
        # Reservoirs begin at rest, at the first value.
        lags[:, :, 0] += self._still
        M, K = self._still.shape
        self._lags = lags.reshape(M * K, M).T

    def __call__(self, xp: Any, z: Any, u: Float[Any, "k M i"]) -> Float[Any, "k n e"]:
        k, M, i = u.shape
        K = self._still.shape[1]
        h = (u.swapaxes(1, 2).reshape(k * i, M) @ self._lags).reshape(k, i, M, K)
        h = h.transpose(0, 2, 1, 3).reshape(k, M, i * K)
        z = xp.broadcast_to(z[:, None], (k, M - 1, z.shape[1]))
        still = xp.broadcast_to(self._still[:-1], (k, M - 1, K))
        return xp.concatenate([z, u[:, :-1], u[:, 1:], h[:, :-1], still], axis=2)


def step(
    xp: Any, cell: Cell, weights: tuple[Any, ...], state: tuple[Any, Any], through: Any
) -> tuple[Any, Any]:
    """The scores and the reservoir that they drive, s (k, r) and g (k, r, K), one knot on."""
    s, g = state
    decay, left, right = weights
    x = through + xp.concatenate([s, g.reshape(len(s), -1)], axis=1) @ cell.inner
    width = x.shape[1] - s.shape[1]
    hidden = silu(xp, x[:, :width])
    for weight, bias in zip(cell.weights[:-1], cell.biases[:-1], strict=True):
        hidden = silu(xp, hidden @ weight + bias)
    new = xp.clip(s + x[:, width:] + hidden @ cell.weights[-1] + cell.biases[-1], cell.low, cell.high)
    return new, decay * g + left * s[..., None] + right * new[..., None]


def rolled(xp: Any, cell: Cell, weights: tuple[Any, ...], begin: Any, through: Any) -> Any:
    """(M, k, r) scores at all knots, from `begin` (k, r) and `through` (M - 1, k, w + r)."""
    cell = jax.tree.map(lambda x: xp.asarray(x, dtype=DTYPE), cell)
    weights = tuple(xp.asarray(w, dtype=DTYPE) for w in weights)
    state = begin, xp.broadcast_to(begin[..., None], (*begin.shape, len(weights[0])))
    if xp is jnp:

        def body(state: Any, through: Any) -> Any:
            state = step(jnp, cell, weights, state, through)
            return state, state[0]

        return jnp.concatenate([begin[None], jax.lax.scan(body, state, through)[1]])
    found = [begin]
    for row in through:
        state = step(np, cell, weights, state, row)
        found.append(state[0])
    return np.stack(found)


def cubic(knots: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(m, M): from values at knots to those at times, by cubics with the slopes of central differences."""
    values = np.eye(len(knots))
    slopes = np.gradient(values, knots, axis=0)
    return CubicHermiteSpline(knots, values, slopes, axis=0)(times)


jax.tree_util.register_dataclass(Cell)
