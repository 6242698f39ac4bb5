"""Whether inputs have shapes like those that errors were measured on.

A signal inside its range can still be one that training never met: faster, spikier, at another hour of the day, beside
other inputs than it comes with. Each row of signals becomes features (levels, changes over 1, 2, 4, … knots, turns,
correlations of signals with themselves and with each other), whitened over what is known; a row is strange where the
nearest known one is further away than it is for rows held out (novelty by nearest neighbours). Signals that follow
examples also lie near few combinations of them: how far away is told by what those combinations leave over."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from stiffdsl.surrogate.core.signals import blended

# Fewer known rows than these do not tell what is usual.
_LEAST = 20
_MOST_KNOWN = 1024
# The share of rows held out that lie within the limit.
_WITHIN = 0.99
# Changes below these shares of a range (or of their squares) are none.
_SMALL, _SMALL_SQUARE = 3e-3, 1e-5
_SHRUNK = 0.1
# Correlations between inputs are looked at where there are no more of them than this.
_RELATED = 8
# Combinations of examples, at most, and rows for each of them.
_MODES, _ROWS_PER_MODE = 10, 6
_LANES = 512
# Examples that tell what is usual, at least; blends of them that are known; the parts that are left out in turn.
_LEAST_EXAMPLES, _BLENDS, _PARTS = 4, 300, 5


@dataclass(frozen=True, eq=False)
class Shapes:
    """`known` (n, g) are whitened features of known rows, `centre` (f,) and `whitening` (f, g) make them, `limit` is
    how far the nearest may be. `mean` (c,) and `modes` (c, r) are of the signals of the inputs numbered `modelled`,
    `left` how much of these the modes may leave over (root mean square; infinite: not looked at).
    """

    inputs: int
    knots: int
    centre: np.ndarray
    whitening: np.ndarray
    known: np.ndarray
    limit: float
    modelled: np.ndarray
    mean: np.ndarray
    modes: np.ndarray
    left: float

    def whitened(self, xp: Any, u: Float[Any, "k i M"]) -> Float[Any, "k g"]:
        """Whitened features of rows of signals, as shares of their ranges; what leaves these is told by the domain."""
        return (features(xp, xp.clip(u, 0.0, 1.0)) - self.centre) @ self.whitening

    def distances(self, xp: Any, u: Float[Any, "k i M"]) -> Float[Any, " k"]:
        """Distances of whitened features to the nearest known ones."""
        return _nearest(xp, self.whitened(xp, u), self.known)

    def left_over(self, xp: Any, u: Float[Any, "k i M"]) -> Float[Any, " k"]:
        """The part of signals that the modes leave over, as root mean squares."""
        return _left(xp, xp.clip(u, 0.0, 1.0), self.modelled, self.mean, self.modes)

    def limited(self, limit: float, left: float) -> "Shapes":
        """The same shapes with limits."""
        return replace(self, limit=limit * (1 + 1e-9), left=left + 1e-6)

    def strange(self, xp: Any, u: Float[Any, "k i M"]) -> Bool[Any, " k"]:
        """Mask of the rows of signals, as shares of their ranges, that are not like known ones."""
        if xp is np and len(u) > _LANES:
            parts = np.array_split(u, -(-len(u) // _LANES))
            return np.concatenate([self.strange(np, part) for part in parts])
        found = self.distances(xp, u) > self.limit
        if len(self.modelled):
            found = found | (self.left_over(xp, u) > self.left)
        return found


def learnt(
    known: Float[np.ndarray, "n i M"], held_out: Float[np.ndarray, "t i M"], modelled: np.ndarray
) -> Shapes | None:
    """Shapes of the `known` rows, with limits by those `held_out`; None for too few."""
    known = known[:_MOST_KNOWN]
    if len(known) < _LEAST:
        return None
    made = _shapes_of(known, modelled)
    distances = made.distances(np, held_out) if len(held_out) else np.zeros(1)
    limit = float(np.quantile(distances, _WITHIN))
    if len(held_out) < _LEAST:
        limit = max(limit, float(_nearest(np, made.known, made.known, apart=True).max()))
    left = np.inf
    if len(modelled) and len(held_out):
        left = float(np.quantile(made.left_over(np, held_out), _WITHIN))
    return made.limited(limit, left)


def learnt_from_examples(
    examples: Float[np.ndarray, "e i M"], modelled: np.ndarray, seed: int
) -> Shapes | None:
    """Shapes of examples of all inputs together, and of blends of them; None for too few.

    The limits are by cross-validation: how far examples are from others that they took no part in. Features of few
    examples are whitened too well by these themselves, and fresh ones would be told.
    """
    if len(examples) < _LEAST_EXAMPLES:
        return None
    rng = np.random.default_rng([seed, 23])
    made = _shapes_of(_with_blends(examples, rng), modelled)
    blends = _with_blends(examples, rng)[len(examples) :]
    limit, left = made.distances(np, blends).max(), made.left_over(np, blends).max()
    order = rng.permutation(len(examples))
    for part in np.array_split(order, min(_PARTS, len(order))):
        others = _shapes_of(_with_blends(np.delete(examples, part, axis=0), rng), modelled)
        limit = max(limit, others.distances(np, examples[part]).max())
        left = max(left, others.left_over(np, examples[part]).max())
    return made.limited(float(limit), float(left) if len(modelled) else np.inf)


def _with_blends(examples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows = examples.reshape(len(examples), -1)
    blends = np.array([blended(rows, rng) for _ in range(_BLENDS)])
    return np.concatenate([examples, blends.reshape(_BLENDS, *examples.shape[1:])])


def _shapes_of(known: np.ndarray, modelled: np.ndarray) -> Shapes:
    """Shapes of `known` rows, without limits."""
    raw = features(np, known)
    centre, whitening = _whitening(raw)
    mean, modes = _principal(known, modelled)
    _, inputs, knots = known.shape
    points = (raw - centre) @ whitening
    return Shapes(inputs, knots, centre, whitening, points, np.inf, modelled, mean, modes, np.inf)


def features(xp: Any, u: Float[Any, "k i M"]) -> Float[Any, "k f"]:
    """Features of rows of signals, for all inputs, then for pairs of them."""
    M = u.shape[-1]
    found = [u.mean(-1)]
    lag = 1
    while lag <= M // 2:
        change = u[..., lag:] - u[..., :-lag]
        found += [_logarithm(xp, change), xp.log(_SMALL + xp.abs(change).max(-1))]
        lag *= 2
    step = u[..., 1:] - u[..., :-1]
    turn = step[..., 1:] - step[..., :-1]
    size = xp.abs(step)
    most = size.max(-1, keepdims=True) + 1e-3
    found += [
        _logarithm(xp, turn),
        xp.log(_SMALL + xp.abs(turn).max(-1)),
        xp.log(_SMALL + xp.abs(turn).mean(-1)),
        xp.log(_SMALL + size.mean(-1)),
        xp.log(1e-2 + (step[..., 1:] * step[..., :-1] < 0).mean(-1)),
        (size > 0.5 * most).mean(-1),
        (size > 0.1 * most).mean(-1),
    ]
    centred = u - u.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1) + 1e-4
    moved = (step * step).mean(-1) + _SMALL_SQUARE
    for lag in (1, 2, 3):
        found.append((centred[..., lag:] * centred[..., :-lag]).mean(-1) / variance)
        found.append((step[..., lag:] * step[..., :-lag]).mean(-1) / moved)
    if u.shape[1] <= _RELATED:
        for i in range(u.shape[1]):
            for j in range(i):
                together = (centred[:, i] * centred[:, j]).mean(-1)
                found.append((together / xp.sqrt(variance[:, i] * variance[:, j]))[:, None])
    return xp.concatenate(found, axis=1)


def _logarithm(xp: Any, change: Any) -> Any:
    return xp.log(_SMALL_SQUARE + (change * change).mean(-1))


def _whitening(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`centre` and `whitening` of features (n, f), whose correlations are shrunk where rows are few."""
    n, f = raw.shape
    centre = raw.mean(0)
    size = np.maximum(raw.std(0), 0.01)
    scaled = (raw - centre) / size
    share = _SHRUNK * min(1.0, f / n) + 0.01
    values, vectors = np.linalg.eigh((1 - share) * (scaled.T @ scaled) / n + share * np.eye(f))
    return centre, vectors / np.sqrt(values) / size[:, None]


def _nearest(xp: Any, points: Any, known: np.ndarray, apart: bool = False) -> Any:
    """(k,) the distance to the nearest of `known`; `apart`: points are these, and none is its own."""
    squared = (points * points).sum(1)[:, None] + (known * known).sum(1) - 2 * points @ known.T
    if apart:
        squared = squared + np.where(np.eye(len(known), dtype=bool), np.inf, 0.0)
    return xp.sqrt(xp.maximum(squared.min(1), 0.0))


def _principal(u: np.ndarray, modelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (c,) of the signals of some inputs, and the directions (c, r) they mostly vary in."""
    flat = u[:, modelled].reshape(len(u), -1)
    mean = flat.mean(0)
    count = min(_MODES, len(u) // _ROWS_PER_MODE)
    if not flat.shape[1] or not count:
        return mean, np.zeros((flat.shape[1], 0))
    vectors = np.linalg.svd(flat - mean, full_matrices=False)[2]
    return mean, np.ascontiguousarray(vectors[:count].T)


def _left(xp: Any, u: Any, modelled: np.ndarray, mean: np.ndarray, modes: np.ndarray) -> Any:
    """(k,) what the modes leave over of signals."""
    flat = u[:, modelled].reshape(len(u), -1) - mean
    rest = flat - (flat @ modes) @ modes.T
    return xp.sqrt((rest * rest).mean(-1))
