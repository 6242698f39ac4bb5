"""Fits a readout to a reservoir that inputs drive: whitened states, a ridge regression, a network for the rest."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np

from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling, scalings
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.driven.filters import spread_rates
from stiffdsl.surrogate.methods.driven.readout import DrivenExpansion, Readout, Reservoir, raw, read, silu
from stiffdsl.surrogate.regression.adam import NetworkTraining, minimised
from stiffdsl.surrogate.regression.radial import exponent_table, tail

# Whitened states below this share of the largest are left out.
_STATES = 1e-4
# Outputs are combined from so many scores at most, or as many as leave this in scaled outputs (root mean square).
_MOST_GROUPS, _LEFT = 64, 3e-5
# An output that keeps its sign is learnt as a logarithm where its greatest magnitude is more than this times its least.
# With inputs that is worth less, as what depends linearly on them would not any more: there all but this share of its
# values at each end have to spread that far.
_SPREAD, _DRIVEN_SPREAD, _ENDS = 3.0, 100.0, 0.02
# Rows of the regression, its terms, and its ridges: the best on samples left out is taken.
_ROWS, _TERMS = 40_000, 1500
_RIDGES = (1e-11, 1e-9, 1e-7, 1e-5, 1e-3)


@dataclass(frozen=True, eq=False)
class PreparedDrives:
    """The training samples: z (n, d), inputs u (n, m, i), states f (n, m, f), scores (n, m, r)."""

    expansion: DrivenExpansion
    z: np.ndarray
    u: np.ndarray
    f: np.ndarray
    scores: np.ndarray


def prepare(task: Task, samples: Samples, seed: int) -> PreparedDrives:
    """The reservoir with its whitening, the scaling of outputs and their combinations; no readout yet."""
    rng = np.random.default_rng([seed, 9])
    high, low = task.high, task.low
    parameters = ParameterScaling(
        low, high, (low > 0) & (high > 10 * low) & (np.arange(len(low)) < task.scalars)
    )
    scaled = parameters.scale(np, samples.values)
    driven = _DRIVEN_SPREAD, _ENDS
    outputs = _scaling(samples.trajectories, *(driven if task.drives else (_SPREAD, 0.0)))
    y = outputs.scale(samples.trajectories)
    rows = y.reshape(-1, y.shape[-1])
    some = rows[rng.permutation(len(rows))[:_ROWS]]
    mean = some.mean(0)
    groups = _groups(some - mean)
    rates = spread_rates(task.times)
    inputs = len(task.drives)
    expansion = DrivenExpansion(
        Clock(task.start, float(task.times[0]), float(task.times[-1]), False),
        parameters,
        outputs,
        task.scalars,
        inputs,
        task.times,
        rates,
        groups,
        mean,
        *_whitening(scaled[:, task.scalars :], inputs, task.times, rates, rng),
        Readout(0, np.zeros((1, 1, 1)), np.zeros(1), (), ()),
    )
    z, f = Reservoir(expansion, task.times)(np, samples.values)
    u = scaled[:, task.scalars :].reshape(len(z), inputs, len(task.times)).swapaxes(1, 2)
    return PreparedDrives(expansion, z, u, f, (y - mean) @ groups)


def expand(
    made: PreparedDrives, seed: int, network: NetworkTraining | None
) -> tuple[DrivenExpansion, dict[str, object]]:
    """The fitted expansion, with a `network` for what a linear readout leaves, and what was chosen on the way."""
    readout, ridge = _regressed(made, seed)
    chosen: dict[str, object] = {
        "rates": len(made.expansion.rates),
        "states": made.f.shape[-1],
        "scores": made.scores.shape[-1],
        "degree": readout.degree,
        "ridge": ridge,
    }
    if network is not None:
        rest = made.scores - read(np, readout, made.z, made.f)
        sized = replace(readout, size=np.maximum(rest.std((0, 1)), 1e-300))
        readout = _trained(sized, made, rest, network, seed)
        chosen |= {"width": network.width, "layers": network.layers, "steps": network.steps}
    return replace(made.expansion, readout=readout), chosen


def _scaling(x: np.ndarray, most: float, ends: float) -> OutputScaling:
    """Logarithms where an output keeps its sign and varies by more than `most` (all but its `ends`), else its range."""
    every = scalings(x)
    magnitude = np.abs(x.reshape(-1, x.shape[-1]))
    low, high = np.quantile(magnitude, (ends, 1 - ends), axis=0)
    spread = high > most * np.maximum(low, 1e-300)
    return every["linear"].with_kind(np.where((every["log"].kind == 1) & spread, 1, 0))


def _groups(centred: np.ndarray) -> np.ndarray:
    """(q, r) orthonormal combinations of scaled outputs, the largest first."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    values, vectors = values[::-1], vectors[:, ::-1]
    left = np.sqrt(np.maximum(np.cumsum(values[::-1])[::-1], 0.0) / len(values))
    rank = int(np.clip(np.sum(left > _LEFT), 1, _MOST_GROUPS))
    return np.ascontiguousarray(vectors[:, :rank])


def _whitening(
    signals: np.ndarray, inputs: int, knots: np.ndarray, rates: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """`centre` and `whitening` of the states that training signals (n, inputs M) cause."""
    driven, still = raw(inputs, knots, rates, knots)
    m, count = driven.shape[2:]
    chosen = signals[np.sort(rng.permutation(len(signals))[:400])]
    moved = np.tensordot(chosen, driven.reshape(chosen.shape[1], m, count), 1)
    whole = np.concatenate([moved, np.broadcast_to(still, (len(chosen), *still.shape))], axis=2)
    flat = whole.reshape(-1, whole.shape[-1])
    centre = flat.mean(0)
    values, vectors = np.linalg.eigh((flat - centre).T @ (flat - centre) / len(flat))
    keep = np.flatnonzero(values > _STATES**2 * values[-1])[::-1]
    return centre, np.ascontiguousarray(vectors[:, keep] / np.sqrt(values[keep]))


def _regressed(made: PreparedDrives, seed: int) -> tuple[Readout, float]:
    """The linear readout, of the ridge and the degree in z with the least error on a fifth of the samples."""
    n, m, states = made.f.shape
    d = made.z.shape[1]
    order = np.random.default_rng([seed, 10]).permutation(n)
    inside, outside = order[n // 5 :], order[: max(1, n // 5)]
    stride = max(1, n * m // _ROWS)
    best: tuple[float, int, float] | None = None
    for degree in range(3 if d else 1):
        if degree and len(exponent_table(d, degree)) * (states + 1) > min(_TERMS, len(inside) * m // 4):
            break
        products = _products(made.z, degree)
        gram, right, total = _normal(products, made.f, made.scores, inside, stride)
        truth = made.scores[outside, ::stride]
        for ridge in _RIDGES:
            linear = _solved(gram, right, ridge * total).reshape(-1, states + 1, right.shape[1])
            readout = Readout(degree, linear, np.zeros(1), (), ())
            found = read(np, readout, made.z[outside], made.f[outside, ::stride])
            error = float(np.mean((found - truth) ** 2))
            if best is None or error < 0.98 * best[0]:
                best = error, degree, ridge
    assert best is not None
    _, degree, ridge = best
    gram, right, total = _normal(_products(made.z, degree), made.f, made.scores, np.arange(n), stride)
    linear = _solved(gram, right, ridge * total).reshape(-1, states + 1, right.shape[1])
    return Readout(degree, np.ascontiguousarray(linear), np.zeros(1), (), ()), ridge


def _products(z: np.ndarray, degree: int) -> np.ndarray:
    return tail(np, z, degree) if z.shape[1] else np.ones((len(z), 1))


def _normal(
    products: np.ndarray, f: np.ndarray, scores: np.ndarray, which: np.ndarray, stride: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """The normal equations of scores on products of [1, f] and terms in z, and the mean of their diagonal."""
    size = products.shape[1] * (f.shape[2] + 1)
    gram, right = np.zeros((size, size)), np.zeros((size, scores.shape[2]))
    for k in np.array_split(which, max(1, len(which) // 64)):
        # Another phase of the stride for every chunk, so that all times are seen.
        first = int(k[0]) % stride
        some = f[k, first::stride]
        ones = np.ones((*some.shape[:2], 1))
        rows = np.einsum("kp,kmf->kmpf", products[k], np.concatenate([ones, some], axis=2)).reshape(-1, size)
        gram += rows.T @ rows
        right += rows.T @ scores[k, first::stride].reshape(len(rows), -1)
    return gram, right, float(np.trace(gram)) / size


def _solved(gram: np.ndarray, right: np.ndarray, ridge: float) -> np.ndarray:
    return np.linalg.solve(gram + ridge * np.eye(len(gram)), right)


def _trained(
    readout: Readout, made: PreparedDrives, rest: np.ndarray, training: NetworkTraining, seed: int
) -> Readout:
    """With a network that learns `rest` (n, m, r)."""
    rng = np.random.default_rng([seed, 11])
    n, m = made.f.shape[:2]
    z = np.broadcast_to(made.z[:, None], (n, m, made.z.shape[1]))
    x = jnp.asarray(np.concatenate([z, made.f], axis=2).reshape(n * m, -1), dtype=jnp.float32)
    wanted = jnp.asarray((rest / readout.size).reshape(n * m, -1), dtype=jnp.float32)
    share = jnp.asarray(readout.size / readout.size.max(), dtype=jnp.float32)
    sizes = [x.shape[1], *[training.width] * training.layers, rest.shape[2]]
    layers: Any = [
        (jnp.asarray(rng.normal(size=(a, b)) / np.sqrt(a), dtype=jnp.float32), jnp.zeros(b, jnp.float32))
        for a, b in pairwise(sizes)
    ]

    def loss(layers: Any, rows: Any) -> Any:
        found = x[rows]
        for weight, bias in layers[:-1]:
            found = silu(jnp, found @ weight + bias)
        weight, bias = layers[-1]
        return jnp.mean((share * (found @ weight + bias - wanted[rows])) ** 2)

    layers = minimised(
        loss,
        layers,
        lambda count: rng.integers(0, n * m, (count, training.batch)),
        training.steps,
        training.rate,
    )
    layers = [(np.asarray(w, dtype=float), np.asarray(b, dtype=float)) for w, b in layers]
    return replace(readout, weights=tuple(w for w, _ in layers), biases=tuple(b for _, b in layers))
