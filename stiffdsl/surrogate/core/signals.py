"""Inputs over time: the signals a surrogate is trained on, and those it is asked about.

A signal is known by its values at the knots of the task and runs straight between them. Where a user gives a
range, training signals are drawn to be unlike each other: smooth, piecewise straight, stepped, wandering, periodic
(by day alone, too) and constant, with every number of turns from one to a quarter of the knots, anywhere in the range.
Where a user gives examples, signals are blends of two of them; in training, half of these have some of a drawn one
mixed in. Those that errors are measured with may bend between knots, as the tables of users do."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.signal import lfilter

from stiffdsl.solve.base.arguments import number
from stiffdsl.solve.base.times import table
from stiffdsl.surrogate.core.between import divided, refined

_CONSTANT = 0.05
# Of all, of the periodic ones, of these: the sun shines by day alone, and not every day alike.
_PERIODIC, _RECTIFIED, _MODULATED = 0.4, 0.4, 0.3
# Where functions are read between knots, as shares of the way.
_BETWEEN = (0.1, 0.21, 0.35, 0.5, 0.65, 0.83, 0.92)
# Signals that bend between knots have bends so many refined knots apart: no multiple of `between.REFINED`.
_APART = (1, 2, 3, 5, 6, 7, 9, 10, 13, 17, 22, 30)
_TRIES = 8
# How far a signal may leave the straight line between two knots, and by how much on the mean, as shares of its range.
_MOST_OFF, _MOST_AREA = 0.15, 0.05


def drawn(
    knots: np.ndarray, low: float, high: float, rng: np.random.Generator, resolved: int | None = None
) -> np.ndarray:
    """One random signal (len(knots),) in low..high, no faster than so many `resolved` knots show (all)."""
    resolved = len(knots) if resolved is None else resolved
    x = np.linspace(0.0, 1.0, len(knots))
    amplitude = 0.0 if rng.random() < _CONSTANT else rng.uniform(0.1, 1.0)
    # The ends of the range are met as often as its middle: there a surrogate has data on one side only.
    bottom = (1.0 - amplitude) * rng.beta(0.5, 0.5)
    shape = _shape(x, resolved, rng)
    if rng.random() < _PERIODIC:
        periods = np.exp(rng.uniform(0.0, np.log(max(2.0, resolved / 12))))
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * (periods * x + rng.random()))
        if rng.random() < _RECTIFIED:
            wave = np.maximum(wave - rng.uniform(0.2, 0.7), 0.0)
            wave = wave / max(wave.max(), 1e-3)
        share = rng.random()
        shape = shape * wave if rng.random() < _MODULATED else share * wave + (1 - share) * shape
    least, most = shape.min(), shape.max()
    shape = (shape - least) / (most - least) if most > least else shape
    return low + (high - low) * np.clip(bottom + amplitude * shape, 0.0, 1.0)


def drawn_between(
    knots: np.ndarray, pieces: int, low: float, high: float, rng: np.random.Generator
) -> np.ndarray:
    """One random signal at `knots` refined by `pieces`, which bends between knots too, no more than is allowed."""
    fine = refined(knots, pieces)
    for _ in range(_TRIES):
        apart = int(rng.choice(_APART))
        bends = np.unique(np.append(np.arange(0, len(fine), apart), len(fine) - 1))
        signal = np.interp(fine, fine[bends], drawn(fine[bends], low, high, rng, len(knots)))
        if hidden_of(signal, knots, pieces) <= high - low:
            return signal
    return np.interp(fine, knots, drawn(knots, low, high, rng))


def hidden_of(signals: np.ndarray, knots: np.ndarray, pieces: int) -> np.ndarray:
    """(…,) how much signals (…, F) at refined knots leave the straight lines between knots: see `read`."""
    off = divided(np, signals, pieces)[1]
    return _hidden(np, refined(knots, pieces), off, np.arange(0, off.shape[-1], pieces), np.diff(knots))


def _shape(x: np.ndarray, resolved: int, rng: np.random.Generator) -> np.ndarray:
    """Values in 0..1 that turn a random number of times."""
    turns = int(np.exp(rng.uniform(0.0, np.log(max(2.0, resolved / 4)))))
    at, values = np.linspace(0.0, 1.0, turns + 1), rng.random(turns + 1)
    kind = rng.choice(5, p=(0.4, 0.2, 0.15, 0.1, 0.15))
    if kind == 4:
        return _wandering(x, resolved, rng)
    if kind == 0:
        return PchipInterpolator(at, values)(x)
    if kind == 1:
        return np.interp(x, at, values)
    if kind == 2:
        return values[np.minimum((x * turns + rng.random()).astype(int), turns)]
    return np.where(x < rng.random(), values[0], values[-1])


def _wandering(x: np.ndarray, resolved: int, rng: np.random.Generator) -> np.ndarray:
    """Values that wander as temperatures do: random steps from knot to knot (an Ornstein-Uhlenbeck process)."""
    kept = 1 - 1 / np.exp(rng.uniform(np.log(4.0), np.log(2.0 * resolved)))
    steps = rng.normal(size=resolved)
    steps[0] /= np.sqrt(1 - kept**2)
    return np.interp(x, np.linspace(0.0, 1.0, resolved), lfilter([1.0], [1.0, -kept], steps))


def blended(examples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A signal between two of `examples` (e, knots)."""
    first, second = examples[rng.integers(len(examples))], examples[rng.integers(len(examples))]
    share = rng.random()
    return share * first + (1 - share) * second


def mixed(
    times: np.ndarray,
    low: float,
    high: float,
    signal: np.ndarray,
    most: float,
    rng: np.random.Generator,
    resolved: int,
) -> np.ndarray:
    """`signal`, half of the time with a share of up to `most` of a drawn one, no faster than `resolved` knots show."""
    foreign = drawn(times, low, high, rng, resolved)
    if rng.random() >= 0.5:
        return signal
    share = rng.uniform(0.0, most)
    return (1 - share) * signal + share * foreign


def at_knots(given: Any, knots: np.ndarray, name: str) -> Any:
    """(len(knots),) values of what a user gives for an input: a number, a function, (times, values), a Series.

    Numbers and values may be traced by JAX. Raises `ValueError` for anything else.
    """
    return read(given, knots, name).values


class Reading(NamedTuple):
    """The reading of a signal: its `values` at knots, how far it leaves the straight lines between them (`hidden`, in
    multiples of what is allowed for a range of one: a number, or one for each row of a table), and by how much: at
    `bends` (n,) `off` (…, n); None where it bends at knots alone."""

    values: Any
    hidden: Any
    bends: np.ndarray | None = None
    off: Any = None


def read(given: Any, knots: np.ndarray, name: str) -> Reading:
    """The reading of what a user gives for an input: see `at_knots`."""
    if callable(given):
        every = np.sort(np.concatenate([knots, *(knots[:-1] + s * np.diff(knots) for s in _BETWEEN)]))
        values = _called(given, every, name)
        return _deviating(np, every, values, knots, values[np.searchsorted(every, knots)])
    if (found := table(given, name)) is not None:
        return _interpolated(*found, knots, name)
    if isinstance(given, jax.Array) and given.ndim == 0:
        return Reading(jnp.broadcast_to(given, knots.shape), 0.0)
    try:
        value = number(given, f"the input `{name}`")
    except ValueError:
        raise ValueError(
            f"the input `{name}` is a number, a function of time, a pair (times, values) or a pandas Series, "
            f"not a {type(given).__name__}"
        ) from None
    return Reading(np.full(len(knots), value), 0.0)


def _interpolated(times: Any, values: Any, knots: np.ndarray, name: str) -> Reading:
    xp: Any = jnp if isinstance(values, jax.Array) else np
    values = xp.asarray(values, dtype=float)
    if times.ndim != 1 or not len(times) or values.shape[-1:] != times.shape:
        raise ValueError(f"the table of the input `{name}` needs as many values as times")
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
        raise ValueError(f"the times of the input `{name}` must ascend")
    if values.ndim == 1:
        found = xp.interp(knots, times, values)
    else:
        found = np.stack([np.interp(knots, times, row) for row in np.asarray(values)])
    inside = (times >= knots[0]) & (times <= knots[-1])
    if np.all(np.isin(times[inside], knots)) and np.all(np.diff(times) > 0):
        return Reading(found, xp.zeros(values.shape[:-1]))
    return _deviating(xp, times[inside], values[..., inside], knots, found)


def _deviating(xp: Any, times: np.ndarray, values: Any, knots: np.ndarray, at: Any) -> Reading:
    """The reading of `values` (…, n) at `times`, which are `at` knots (…, M)."""
    piece = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    share = (times - knots[piece]) / np.diff(knots)[piece]
    off = values - (at[..., piece] * (1 - share) + at[..., piece + 1] * share)
    # At knots nothing is off, but where the signal jumps there.
    others = np.flatnonzero(~np.isin(knots, times))
    bends = np.concatenate([times, knots[others]])
    order = np.argsort(bends, kind="stable")
    bends = bends[order]
    off = xp.concatenate([off, xp.zeros_like(at[..., others])], axis=-1)[..., order]
    return Reading(at, _hidden(xp, bends, off, np.searchsorted(bends, knots), np.diff(knots)), bends, off)


def _hidden(xp: Any, bends: np.ndarray, off: Any, place: np.ndarray, width: np.ndarray) -> Any:
    """Deviations `off` (…, n) at `bends`, at most or by areas, in multiples of what is allowed; the entries `place` are
    at the knots, which are `width` apart."""
    pieces = 0.5 * (off[..., 1:] + off[..., :-1]) * np.diff(bends)
    # Areas are sums up to one knot, less those up to the one before.
    total = xp.concatenate([xp.zeros_like(off[..., :1]), xp.cumsum(pieces, axis=-1)], axis=-1)
    areas = xp.abs(total[..., place[1:]] - total[..., place[:-1]]) / width
    return xp.maximum(xp.abs(off).max(-1) / _MOST_OFF, areas.max(-1) / _MOST_AREA)


def _called(function: Callable[..., Any], knots: np.ndarray, name: str) -> np.ndarray:
    try:
        found = np.asarray(jax.vmap(function)(jnp.asarray(knots)), dtype=float)
    except Exception:  # whatever a user's function does with a tracer: then it is called with numbers
        try:
            found = np.array([float(np.asarray(function(float(t)))) for t in knots])
        except Exception as error:
            raise ValueError(f"the input `{name}` must give one number for a time: {error}") from error
    if found.shape != knots.shape:
        raise ValueError(f"the input `{name}` must give one number for a time")
    return found
