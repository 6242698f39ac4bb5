"""Inputs over time: the signals a surrogate is trained on, and those it is asked about.

A signal is known by its values at the knots of the task and runs straight between them. Where a user gives a
range, training signals are drawn to be unlike each other: smooth, piecewise straight, stepped, periodic, and
constant, with every number of turns from one to a quarter of the knots, anywhere in the range. Where a user
gives examples, signals are blends of two of them; in training, half of these have some of a drawn one mixed in."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import PchipInterpolator

from stiffdsl.solve.base.arguments import number
from stiffdsl.solve.base.times import table

_CONSTANT = 0.05
_PERIODIC = 0.4
# Where functions are read between knots, as shares of the way.
_BETWEEN = (0.21, 0.5, 0.83)
# How far a signal may leave the straight line between two knots, and by how much on the mean, as shares of its range.
_MOST_OFF, _MOST_AREA = 0.15, 0.05


def drawn(knots: np.ndarray, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """One random signal (len(knots),) in low..high."""
    x = np.linspace(0.0, 1.0, len(knots))
    amplitude = 0.0 if rng.random() < _CONSTANT else rng.uniform(0.1, 1.0)
    # The ends of the range are met as often as its middle: there a surrogate has data on one side only.
    bottom = (1.0 - amplitude) * rng.beta(0.5, 0.5)
    shape = _shape(x, rng)
    if rng.random() < _PERIODIC:
        periods = np.exp(rng.uniform(0.0, np.log(max(2.0, len(x) / 12))))
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * (periods * x + rng.random()))
        share = rng.random()
        shape = share * wave + (1 - share) * shape
    least, most = shape.min(), shape.max()
    shape = (shape - least) / (most - least) if most > least else shape
    return low + (high - low) * np.clip(bottom + amplitude * shape, 0.0, 1.0)


def _shape(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Values in 0..1 that turn a random number of times."""
    turns = int(np.exp(rng.uniform(0.0, np.log(max(2.0, len(x) / 4)))))
    at, values = np.linspace(0.0, 1.0, turns + 1), rng.random(turns + 1)
    kind = rng.choice(4, p=(0.5, 0.2, 0.2, 0.1))
    if kind == 0:
        return PchipInterpolator(at, values)(x)
    if kind == 1:
        return np.interp(x, at, values)
    if kind == 2:
        return values[np.minimum((x * turns + rng.random()).astype(int), turns)]
    return np.where(x < rng.random(), values[0], values[-1])


def blended(examples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A signal between two of `examples` (e, knots)."""
    first, second = examples[rng.integers(len(examples))], examples[rng.integers(len(examples))]
    share = rng.random()
    return share * first + (1 - share) * second


def mixed(
    knots: np.ndarray, low: float, high: float, signal: np.ndarray, most: float, rng: np.random.Generator
) -> np.ndarray:
    """`signal`, half of the time with a share of up to `most` of a drawn one."""
    foreign = drawn(knots, low, high, rng)
    if rng.random() >= 0.5:
        return signal
    share = rng.uniform(0.0, most)
    return (1 - share) * signal + share * foreign


def at_knots(given: Any, knots: np.ndarray, name: str) -> Any:
    """(len(knots),) values of what a user gives for an input: a number, a function, (times, values), a Series.

    Numbers and values may be traced by JAX. Raises `ValueError` for anything else.
    """
    return read(given, knots, name)[0]


def read(given: Any, knots: np.ndarray, name: str) -> tuple[Any, Any]:
    """As `at_knots`, and how far the signal leaves the straight lines between knots, in multiples of what is allowed
    for a range of one (a number, or one for each row of a table)."""
    if callable(given):
        every = np.sort(np.concatenate([knots, *(knots[:-1] + s * np.diff(knots) for s in _BETWEEN)]))
        values = _called(given, every, name)
        at = np.searchsorted(every, knots)
        return values[at], _hidden(np, every, values, knots, values[at])
    if (found := table(given, name)) is not None:
        return _interpolated(*found, knots, name)
    if isinstance(given, jax.Array) and given.ndim == 0:
        return jnp.broadcast_to(given, knots.shape), 0.0
    try:
        value = number(given, f"the input `{name}`")
    except ValueError:
        raise ValueError(
            f"the input `{name}` is a number, a function of time, a pair (times, values) or a pandas Series, "
            f"not a {type(given).__name__}"
        ) from None
    return np.full(len(knots), value), 0.0


def _interpolated(times: Any, values: Any, knots: np.ndarray, name: str) -> tuple[Any, Any]:
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
        return found, xp.zeros(values.shape[:-1])
    return found, _hidden(xp, times[inside], values[..., inside], knots, found)


def _hidden(xp: Any, times: np.ndarray, values: Any, knots: np.ndarray, at: Any) -> Any:
    """Distance of `values` (…, n) from the straight lines through those `at` knots, at most or by areas, in multiples
    of the distance allowed."""
    piece = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    width = np.diff(knots)
    share = (times - knots[piece]) / width[piece]
    off = values - (at[..., piece] * (1 - share) + at[..., piece + 1] * share)
    # At knots nothing is off; areas are sums up to one knot, less those up to the one before.
    whole = np.concatenate([times, knots])
    order = np.argsort(whole, kind="stable")
    off = xp.concatenate([off, xp.zeros_like(at)], axis=-1)[..., order]
    pieces = 0.5 * (off[..., 1:] + off[..., :-1]) * np.diff(whole[order])
    total = xp.concatenate([xp.zeros_like(off[..., :1]), xp.cumsum(pieces, axis=-1)], axis=-1)
    place = np.flatnonzero(order >= len(times))
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
