"""Fits surrogates of a part to its runs: a reduced linear model, the same with what it leaves learnt, and reservoirs.

What is tried, each with the readout that errs least on runs held out:

    balanced   states of balanced truncation; where the part is not linear, or parameters change it, their slopes are
               corrected by products of states, signals and parameters and by random tanh features (a regression on the
               slopes of the full part)
    lpctesn    a reservoir that the signals drive (continuous-time echo state network), read out linearly
    npctesn    the same, read out with products besides
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from stiffdsl.surrogate.methods.expansion.reservoir import recurrent
from stiffdsl.surrogate.part.linear import Linear, balanced
from stiffdsl.surrogate.part.methods import METHODS
from stiffdsl.surrogate.part.state_space import (
    Dynamics,
    OutputEquation,
    Scales,
    StateSpace,
    lifted,
    linear_dynamics,
    read,
)

# The reservoir, the states that forget the start, and the tanh features of a corrected linear model.
_RESERVOIR, _CLOCKS, _FEATURES = 100, 6, 40
# States of a reduced model at the most, and what they may leave of the outputs where nothing else is said.
_MOST_STATES, LEFT = 24, 1e-4
_ROWS = 15_000
_RIDGES = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
# What is larger has to be better by this much.
_WORTH = 0.85
# Products that move no row by more than this share are left out.
_NEGLIGIBLE = 1e-5


@dataclass(frozen=True, eq=False)
class Record:
    """Runs of a part, in SI: signals and parameters v (n, m, nv), outputs y (n, m, ny), states x and their slopes
    (n, m, nx) where they are known."""

    times: np.ndarray
    v: np.ndarray
    y: np.ndarray
    x: np.ndarray | None = None
    slopes: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """The part linearised: `system` about x, v (its first columns are the signals), y."""

    system: Linear
    x: np.ndarray
    v: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted surrogate and its error on runs held out: root mean square of scaled outputs."""

    method: str
    system: StateSpace
    error: float
    seconds: float


def candidates(
    training: Record,
    held_out: Record,
    point: Point | None,
    parameters: int,
    methods: tuple[str, ...],
    seed: int,
    left: float = LEFT,
    enough: float = 0.0,
) -> list[Candidate]:
    """Every method that could be fitted, the best first. The last `parameters` columns of v are parameters.

    Reduced models have the states that leave `left` of the outputs; at an error of `enough` nothing richer is tried.
    """
    scales = _scales(training.v), _scales(training.y)
    found = []
    for method in methods:
        begin = time.perf_counter()
        best: tuple[float, Dynamics, OutputEquation] | None = None
        for dynamics, exact in _dynamics(method, training, point, parameters, scales, seed, left):
            trial = _fitted(dynamics, exact, method, training, held_out, scales, enough)
            if trial is not None and (best is None or trial[0] < _WORTH * best[0]):
                best = trial
            if best is not None and best[0] < enough:
                break
        if best is not None:
            error, dynamics, readout = best
            dynamics, readout = _pruned(dynamics, readout)
            chosen = {
                "states": dynamics.size,
                "features": len(dynamics.g),
                "products": len(dynamics.zv) + len(dynamics.vv),
                "linear": dynamics.linear,
            }
            system = lifted(StateSpace(dynamics, readout, *scales, chosen))
            found.append(Candidate(method, system, error, time.perf_counter() - begin))
    return sorted(found, key=lambda c: c.error)


def _scales(x: np.ndarray) -> Scales:
    flat = x.reshape(-1, x.shape[-1])
    low, high = flat.min(0), flat.max(0)
    width = 0.5 * (high - low)
    return Scales(0.5 * (low + high), np.where(width > 0, width, np.maximum(np.abs(high), 1.0)))


# --- dynamics ---


def _dynamics(
    method: str,
    training: Record,
    point: Point | None,
    parameters: int,
    scales: tuple[Scales, Scales],
    seed: int,
    left: float,
) -> Iterator[tuple[Dynamics, OutputEquation | None]]:
    """Candidate dynamics of a method, the smallest first, each with its readout where that is known."""
    if METHODS[method].linearised:
        if point is not None:
            yield from _reduced(training, point, parameters, scales, seed, left)
    else:
        yield _reservoir(training, parameters, scales[0], seed), None


def _reduced(
    training: Record,
    point: Point,
    parameters: int,
    scales: tuple[Scales, Scales],
    seed: int,
    left: float,
) -> Iterator[tuple[Dynamics, OutputEquation]]:
    vs, ys = scales
    assert training.x is not None
    signals = len(point.v) - parameters
    size, system = vs.width[:signals], point.system
    spread = np.maximum(training.x.reshape(-1, len(point.x)).std(0), 1e-9 * (1 + np.abs(point.x)))
    span = float(training.times[-1] - training.times[0])
    begin = (training.x[:, 0] - point.x)[_unlike(training.x[:, 0])]
    scaled = Linear(
        system.A * spread / spread[:, None],
        system.B * size / spread[:, None],
        system.C * spread / ys.width[:, None],
        system.D * size / ys.width[:, None],
        system.drift / spread,
        (begin / spread),
    )
    made = balanced(scaled, abs(span), left, _MOST_STATES)
    if made is None:
        return
    z = ((training.x - point.x) / spread) @ made.take.T
    unit = np.maximum(np.abs(z).reshape(-1, z.shape[-1]).max(0, initial=0.0), 1e-12)
    z = z / unit
    at = ((point.v - vs.centre) / vs.width)[:signals]
    none = np.zeros((len(unit), parameters))
    A, B = made.A * unit / unit[:, None], np.column_stack([made.B / unit[:, None], none])
    c = made.c / unit - B[:, :signals] @ at
    C, D = made.C * unit, np.column_stack([made.D, np.zeros((len(ys.width), parameters))])
    d = (point.y - ys.centre) / ys.width + made.d - D[:, :signals] @ at
    v = vs.scale(training.v)
    start = _started(z[:, 0], v[:, 0], parameters)
    plain = linear_dynamics(A, B, c, start)
    readout = OutputEquation(C, D, d, np.zeros((len(C), 0)), np.zeros((len(C), 0)))
    yield plain, readout
    rng = np.random.default_rng([seed, 21])
    slopes = None
    if training.slopes is not None and len(unit):
        slopes = (training.slopes / spread) @ made.take.T / unit
    for features in (0, _FEATURES):
        richer = _with_features(plain, len(B[0]), features, rng)
        wider = replace(
            readout, E=np.zeros((len(C), features)), Q=np.zeros((len(C), len(richer.zv) + len(richer.vv)))
        )
        yield richer, wider
        if slopes is not None:
            corrected = _corrected(richer, z, v, slopes)
            if corrected is not None:
                yield corrected, wider


def _unlike(starts: np.ndarray) -> np.ndarray:
    """The numbers of a few starts that differ: the first, and those furthest from it."""
    away = np.max(np.abs(starts - starts[0]), axis=1)
    return np.unique(np.append(0, np.argsort(-away)[:2]))


def _started(z: np.ndarray, v: np.ndarray, parameters: int) -> np.ndarray:
    """(nz, 1 + parameters): the start as an affine function of the parameters."""
    rows = np.column_stack([np.ones(len(z)), v[:, v.shape[1] - parameters :]])
    return np.linalg.lstsq(rows, z, rcond=1e-8)[0].T


def _with_features(plain: Dynamics, signals: int, count: int, rng: np.random.Generator) -> Dynamics:
    """With products of states and signals, of signals with one another, and `count` random tanh features."""
    n = plain.size
    zv = np.array([(i, j) for i in range(n) for j in range(signals)], dtype=np.int64).reshape(-1, 2)
    vv = np.array([(i, j) for i in range(signals) for j in range(i + 1)], dtype=np.int64).reshape(-1, 2)
    # Leading states say more of the output than the last: they are mixed with less weight.
    weight = 1.5 / np.sqrt(np.arange(n) + 1.0) / np.sqrt(max(1, min(n, 4)))
    return replace(
        plain,
        G_z=rng.normal(size=(count, n)) * weight,
        G_v=rng.normal(size=(count, signals)) * 1.5 / np.sqrt(max(1, signals)),
        g=rng.uniform(-1.0, 1.0, count),
        F=np.zeros((n, count)),
        zv=zv,
        vv=vv,
        P=np.zeros((n, len(zv) + len(vv))),
    )


def _corrected(dynamics: Dynamics, z: np.ndarray, v: np.ndarray, slopes: np.ndarray) -> Dynamics | None:
    """The slopes that the linear model leaves, regressed on the features; state by state, each by its own rate."""
    n, m, nz = z.shape
    rng = np.random.default_rng(7)
    pick = rng.permutation(n * m)[:_ROWS]
    z, v, slopes = (a.reshape(n * m, -1)[pick] for a in (z, v, slopes))
    rest = slopes - z @ dynamics.A.T - v @ dynamics.B.T - dynamics.c
    h, q = dynamics.features(z, v)
    X = np.concatenate([z, v, h, q, np.ones((len(z), 1))], axis=1)
    half = len(X) // 2
    size = np.maximum(rest.std(0), 1e-12)
    best = None
    for weights in _ridges(X[:half], rest[:half] / size):
        error = float(np.mean((X[half:] @ weights - rest[half:] / size) ** 2))
        if best is None or error < best[0]:
            best = error, weights
    assert best is not None
    if best[0] > 0.9:
        return None
    w = (best[1] * size).T
    at = np.cumsum([nz, v.shape[1], h.shape[1], q.shape[1]])
    return replace(
        dynamics,
        A=dynamics.A + w[:, : at[0]],
        B=dynamics.B + w[:, at[0] : at[1]],
        F=w[:, at[1] : at[2]],
        P=w[:, at[2] : at[3]],
        c=dynamics.c + w[:, -1],
    )


def _reservoir(training: Record, parameters: int, scales: Scales, seed: int) -> Dynamics:
    """A sparse tanh reservoir with rates over decades, and a few states that only forget the start."""
    rng = np.random.default_rng([seed, 20])
    v = scales.scale(training.v)
    n, nv, N = _RESERVOIR, v.shape[2], _RESERVOIR + _CLOCKS
    step = np.diff(training.times)
    slowest, fastest = 0.5 / abs(float(np.sum(step))), 1.0 / float(np.min(np.abs(step)))
    rate = np.geomspace(slowest, fastest, n)[rng.permutation(n)]
    clocks = np.geomspace(2 * slowest, fastest, _CLOCKS)
    G_z = np.zeros((n, N))
    G_z[:, :n] = 0.9 * recurrent(n, rng).toarray()
    G_v = rng.uniform(-1.0, 1.0, (n, nv)) / np.sqrt(max(1, nv)) * 1.5
    g = rng.uniform(-0.5, 0.5, n)
    F = np.zeros((N, n))
    F[np.arange(n), np.arange(n)] = rate
    rest = np.zeros(n)
    begun = v[:, 0].mean(0)
    for _ in range(200):
        rest = 0.5 * (rest + np.tanh(G_z[:, :n] @ rest + G_v @ begun + g))
    start = np.zeros((N, 1 + parameters))
    start[:, 0] = np.append(rest, np.ones(_CLOCKS))
    none = np.zeros((0, 2), dtype=np.int64)
    plain = Dynamics(
        -np.diag(np.append(rate, clocks)), np.zeros((N, nv)), np.zeros(N), start, G_z, G_v, g, F, none, none,
        np.zeros((N, 0)),
    )  # fmt: skip
    zv = np.array([(i, j) for i in range(N) for j in range(nv - parameters, nv)], dtype=np.int64)
    vv = np.array([(i, j) for i in range(nv) for j in range(i + 1)], dtype=np.int64)
    zv, vv = zv.reshape(-1, 2), vv.reshape(-1, 2)
    return replace(plain, zv=zv, vv=vv, P=np.zeros((N, len(zv) + len(vv))))


# --- readout ---


def _fitted(
    dynamics: Dynamics,
    exact: OutputEquation | None,
    method: str,
    training: Record,
    held_out: Record,
    scales: tuple[Scales, Scales],
    enough: float,
) -> tuple[float, Dynamics, OutputEquation] | None:
    """The readout that errs least on runs held out: the exact one as it is, or with what it leaves regressed on states,
    signals, and features. No richer one is tried where the error is `enough`."""
    vs, ys = scales
    v, w = vs.scale(training.v), vs.scale(held_out.v)
    z, s = dynamics.simulate(training.times, v), dynamics.simulate(held_out.times, w)
    y, truth = ys.scale(training.y), ys.scale(held_out.y)
    sound = np.all(np.isfinite(z), axis=(1, 2))
    if not np.all(np.isfinite(s)) or sound.sum() < 0.9 * len(z):
        return None
    z, v, y = z[sound], v[sound], y[sound]
    ny, nv = y.shape[2], v.shape[2]
    products = len(dynamics.zv) + len(dynamics.vv)
    none = OutputEquation(
        np.zeros((ny, dynamics.size)), np.zeros((ny, nv)), np.zeros(ny), np.zeros((ny, len(dynamics.g))),
        np.zeros((ny, products)),
    )  # fmt: skip
    base = exact or none
    best = None
    if exact is not None:
        best = _error(dynamics, base, s, w, truth), base
    flat = [a.reshape(-1, a.shape[-1]) for a in (z, v, y)]
    pick = np.random.default_rng(5).permutation(len(flat[0]))[:_ROWS]
    z_, v_, y_ = (a[pick] for a in flat)
    rest = y_ - read(dynamics, base, z_, v_)
    for used in _feature_sets(method, dynamics, exact is not None):
        if best is not None and best[0] < enough:
            break
        X = _design(dynamics, z_, v_, used)
        for weights in _ridges(X, rest):
            trial = _added(base, weights, used, dynamics.size, nv)
            error = _error(dynamics, trial, s, w, truth)
            if best is None or error < _WORTH * best[0]:
                best = error, trial
    assert best is not None
    return (best[0], dynamics, best[1]) if np.isfinite(best[0]) else None


def _feature_sets(method: str, dynamics: Dynamics, reduced: bool) -> Iterator[tuple[bool, bool]]:
    """(tanh features, products) that a readout uses beside states and signals."""
    yield False, False
    if not METHODS[method].products:
        return
    if len(dynamics.zv) + len(dynamics.vv):
        yield False, True
        if reduced and len(dynamics.g):
            yield True, True


def _design(dynamics: Dynamics, z: np.ndarray, v: np.ndarray, used: tuple[bool, bool]) -> np.ndarray:
    h, q = dynamics.features(z, v)
    parts = [z, v, *([h] if used[0] else []), *([q] if used[1] else []), np.ones((len(z), 1))]
    return np.concatenate(parts, axis=1)


def _added(
    base: OutputEquation, weights: np.ndarray, used: tuple[bool, bool], nz: int, nv: int
) -> OutputEquation:
    w = weights.T
    h, q = base.E.shape[1] * used[0], base.Q.shape[1] * used[1]
    at = np.cumsum([nz, nv, h, q])
    return OutputEquation(
        base.C + w[:, : at[0]],
        base.D + w[:, at[0] : at[1]],
        base.d + w[:, -1],
        base.E + w[:, at[1] : at[2]] if h else base.E,
        base.Q + w[:, at[2] : at[3]] if q else base.Q,
    )


def _error(
    dynamics: Dynamics, readout: OutputEquation, z: np.ndarray, v: np.ndarray, truth: np.ndarray
) -> float:
    return float(np.sqrt(np.mean((read(dynamics, readout, z, v) - truth) ** 2)))


def _ridges(X: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Weights (features, outputs) of ridge regressions from strict to loose; the last column of X is one."""
    mean, size = X.mean(0), np.maximum(X.std(0), 1e-12)
    mean[-1], size[-1] = 0.0, 1.0
    scaled = (X - mean) / size
    offset = y.mean(0)
    values, vectors = np.linalg.eigh(scaled[:, :-1].T @ scaled[:, :-1] / len(X))
    seen = vectors.T @ (scaled[:, :-1].T @ (y - offset)) / len(X)
    for ridge in reversed(_RIDGES):
        found = vectors @ (seen / (np.maximum(values, 0.0) + ridge * values[-1])[:, None])
        own = found / size[:-1, None]
        yield np.vstack([own, offset - mean[:-1] @ own])


def _pruned(dynamics: Dynamics, readout: OutputEquation) -> tuple[Dynamics, OutputEquation]:
    """Without features and products that nothing uses."""
    used = np.any(dynamics.F != 0, axis=0) | np.any(readout.E != 0, axis=0)
    rates = np.maximum(np.abs(dynamics.A).sum(1), 1e-300)
    strong = np.max(np.abs(dynamics.P) / rates[:, None], axis=0, initial=0.0)
    strong = np.maximum(strong, np.max(np.abs(readout.Q), axis=0, initial=0.0)) > _NEGLIGIBLE
    k = len(dynamics.zv)
    return replace(
        dynamics,
        G_z=dynamics.G_z[used],
        G_v=dynamics.G_v[used],
        g=dynamics.g[used],
        F=dynamics.F[:, used],
        zv=dynamics.zv[strong[:k]],
        vv=dynamics.vv[strong[k:]],
        P=dynamics.P[:, strong],
    ), replace(readout, E=readout.E[:, used], Q=readout.Q[:, strong])
