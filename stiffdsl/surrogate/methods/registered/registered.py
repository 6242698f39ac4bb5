"""The formula of surrogates whose outputs have clocks of their own: curves (s, y) over a clock, instead of y over s.

    s(tau; p), y(tau; p) = mean + sum_k c_k(z(p)) M_k(tau),        y(t; p) = y(tau*; p) where s(tau*; p) = s(t)

A prediction makes both functions of the clock tau, and walks along until the time asked for (see `curves`). Outputs
that gain nothing by it keep the plain formula."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.methods.expansion.expansion import Expansion, Reader, Start
from stiffdsl.surrogate.regression.radial import RadialMap

_LEAST_STEP = 1e-13


@dataclass(frozen=True, eq=False)
class Walk:
    """One output's curve, what was learnt of s and y: `mean` (2, M), `modes` (r, 2, M)."""

    mean: np.ndarray
    modes: np.ndarray
    coefficients: RadialMap

    def __call__(self, xp: Any, z: Any) -> Any:
        """(k, 2, M)"""
        scores = self.coefficients(xp, z)
        return (scores @ self.modes.reshape(len(self.modes), -1)).reshape(-1, *self.mean.shape) + self.mean


@dataclass(frozen=True, eq=False)
class Registered:
    """`plain` for all outputs, and the curves of those numbered `warped` (w,).

    `share` (w,): the clock is a share of the curve, so that its last point is the last time. `early` (w,): time
    is learnt as log(s + 1 + early), or as s where that is zero.
    """

    plain: Expansion
    warped: np.ndarray
    share: np.ndarray
    early: np.ndarray
    walks: tuple[Walk, ...]

    @property
    def clock(self) -> Clock:
        return self.plain.clock

    @property
    def parameters(self) -> ParameterScaling:
        return self.plain.parameters

    @property
    def outputs(self) -> OutputScaling:
        return self.plain.outputs

    @property
    def start(self) -> Start | None:
        return self.plain.start

    @property
    def groups(self) -> np.ndarray | None:
        return self.plain.groups

    def reader(self, times: np.ndarray, which: np.ndarray) -> Reader:
        return (
            RegisteredReader(self, times, which)
            if np.any(np.isin(which, self.warped))
            else self.plain.reader(times, which)
        )


class RegisteredReader(Reader):
    """A `Registered` at fixed times, for some outputs: the plain reader, with some of its rows replaced."""

    def __init__(self, registered: Registered, times: np.ndarray, which: np.ndarray):
        super().__init__(registered.plain, times, which)
        number = {int(k): j for j, k in enumerate(registered.warped)}
        self._places = np.flatnonzero(np.isin(which, registered.warped))
        own = np.array([number[int(k)] for k in which[self._places]])
        self._walks = [registered.walks[k] for k in own]
        self._share, self._early = registered.share[own], registered.early[own]
        clock = registered.clock
        self._s = np.clip(clock.scale(np.maximum(times, clock.first)), -1, 1)

    def _combined(self, xp: Any, z: Any) -> Any:
        combined = super()._combined(xp, z)
        curves = xp.stack([walk(xp, z) for walk in self._walks], axis=1)
        s = in_order(xp, curves[:, :, 0], self._share, self._early)
        y = at_times(xp, s, curves[:, :, 1], self._s)
        y = y * self._width[self._places] + self._centre[self._places]
        if xp is np:
            combined[:, self._places] = y
            return combined
        return combined.at[:, self._places].set(y)


def learnt(s: np.ndarray, early: float) -> np.ndarray:
    """The learnt coordinate for the times s in [-1, 1] of a curve: logarithmic where `early` is positive."""
    return np.log(s + 1 + early) if early else s


def in_order(xp: Any, time: Float[Any, "k w M"], share: np.ndarray, early: np.ndarray) -> Any:
    """Times s of curves from what was learnt of them: they ascend from -1, to 1 where the whole curve is walked."""
    if np.any(early):
        logarithmic = early[:, None] > 0
        grown = xp.exp(xp.where(logarithmic, time, 0.0)) - 1 - early[:, None]
        time = xp.where(logarithmic, grown, time)
    time = np.maximum.accumulate(time, axis=-1) if xp is np else jax.lax.cummax(time, axis=2)
    time = time - time[..., :1]
    whole = xp.where(share[:, None], time[..., -1:], 2.0)
    return 2 * time / xp.maximum(whole, 1e-9) - 1


def at_times(xp: Any, s: Float[Any, "k w M"], y: Float[Any, "k w M"], at: np.ndarray) -> Float[Any, "k w m"]:
    """y where the curves reach the times `at` (m,); what lies beyond the end of a curve has its last value."""
    k, w, M = s.shape
    rows, values = s.reshape(k * w, M), y.reshape(k * w, M)
    if xp is np:
        # Curves one after the other, three apart, are one ascending array.
        apart = 3.0 * np.arange(k * w)[:, None]
        position = (
            np.searchsorted((rows + apart).ravel(), at + apart, side="right") - np.arange(k * w)[:, None] * M
        )
    else:
        find = jax.vmap(lambda row: jnp.searchsorted(row, at, side="right", method="scan_unrolled"))
        position = find(rows)
    left = xp.clip(position - 1, 0, M - 2)

    def taken(table: Any, which: Any) -> Any:
        return xp.take_along_axis(table, which, axis=1)

    s0, s1 = taken(rows, left), taken(rows, left + 1)
    y0, y1 = taken(values, left), taken(values, left + 1)
    part = xp.clip((at - s0) / xp.maximum(s1 - s0, _LEAST_STEP), 0, 1)
    return (y0 + part * (y1 - y0)).reshape(k, w, len(at))
