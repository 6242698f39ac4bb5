"""Coordinates in which a stiff transient is smooth: of parameters, of outputs, and of time.

Outputs that keep their sign and span decades are fitted as logarithms, those that change sign over decades as
inverse hyperbolic sines, all others linearly; which is right is measured, output by output, on samples left
out of the fit."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

KINDS = ("linear", "log", "asinh")
# The scale of `asinh` is this quantile of the magnitudes that are not zero.
_SMALL_QUANTILE = 0.05


@dataclass(frozen=True, eq=False)
class OutputScaling:
    """For each output: `kind` (a number in KINDS), and x = centre + width*y, sign*exp(y), or small*sinh(y).

    An error of one in y is one width (the range of the output) for `linear`, a factor e for `log`.
    """

    kind: np.ndarray
    centre: np.ndarray
    width: np.ndarray
    sign: np.ndarray
    small: np.ndarray

    def with_kind(self, kind: np.ndarray) -> "OutputScaling":
        return replace(self, kind=kind.astype(np.int64))

    def scale_some(self, x: np.ndarray, which: np.ndarray) -> np.ndarray:
        """y for the outputs numbered `which`."""
        fields = (self.kind, self.centre, self.width, self.sign, self.small)
        return OutputScaling(*(f[which] for f in fields)).scale(x)

    def scale(self, x: np.ndarray) -> np.ndarray:
        """y for x (..., q)."""
        linear = (x - self.centre) / self.width
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.log(np.where(self.kind == 1, self.sign * x, 1.0))
        area = np.arcsinh(np.where(self.kind == 2, x / self.small, 0.0))
        return np.where(self.kind == 1, logarithm, np.where(self.kind == 2, area, linear))

    def unscale(self, y: np.ndarray, which: np.ndarray) -> np.ndarray:
        """x for y (..., q), whose last axis holds the outputs numbered `which`."""
        x = np.empty_like(y)
        for kind in range(len(KINDS)):
            mine = self.kind[which] == kind
            x[..., mine] = self.undo(np, kind, y[..., mine], which[mine])
        return x

    def undo(self, xp: Any, kind: int, y: Any, which: Any) -> Any:
        """x for y, where all outputs numbered `which` are of one kind; with `xp` NumPy or jax.numpy."""
        if kind == 0:
            return self.centre[which] + self.width[which] * y
        grown = xp.exp(y)
        if kind == 1:
            return self.sign[which] * grown
        return (0.5 * self.small[which]) * (grown - 1 / grown)

    def completed(self, xp: Any, mixed: Any, which: np.ndarray) -> Any:
        """x for `mixed` (k, q, m), which is x itself for linear outputs numbered `which` and y for the others."""
        kind = self.kind[which, None]
        if np.all(kind == 0):
            return mixed
        grown = xp.exp(mixed if np.all(kind) else xp.where(kind == 0, 0.0, mixed))
        sign = np.where(kind == 1, self.sign[which, None], 1.0)
        x = grown if np.all(sign == 1) else sign * grown
        if np.any(kind == 2):
            # Where a logarithm grows to nothing its inverse has no derivative.
            odd = xp.where(kind == 2, grown, 1.0)
            x = xp.where(kind == 2, 0.5 * self.small[which, None] * (odd - 1 / odd), x)
        return x if np.all(kind) else xp.where(kind == 0, mixed, x)


def scalings(x: np.ndarray) -> dict[str, OutputScaling]:
    """Every kind, for all outputs of x (n, m, q); outputs that a kind cannot scale stay linear in it."""
    flat = x.reshape(-1, x.shape[-1])
    low, high = flat.min(0), flat.max(0)
    width = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    centre = 0.5 * (low + high)
    sign = np.where(low > 0, 1.0, -1.0)
    one_sign = (low > 0) | (high < 0)
    magnitude = np.where(flat == 0, np.nan, np.abs(flat))
    magnitude[:, np.all(flat == 0, axis=0)] = 1.0
    small = np.nanquantile(magnitude, _SMALL_QUANTILE, axis=0)

    def of(kind: np.ndarray) -> OutputScaling:
        return OutputScaling(kind.astype(np.int64), centre, width, sign, small)

    varying = high > low
    return {
        "linear": of(np.zeros(len(low))),
        "log": of(np.where(one_sign & varying, 1, 0)),
        "asinh": of(np.where(~one_sign & varying & (np.maximum(-low, high) > 10 * small), 2, 0)),
    }


def keeps_sign(training: np.ndarray, leads: bool) -> np.ndarray:
    """(q,) which outputs of `training` (n, m, q) keep their sign; with `leads` from the second time on."""
    flat = training[:, 1 if leads else 0 :].reshape(-1, training.shape[-1])
    return (flat.min(0) > 0) | (flat.max(0) < 0)


def relative_to(x: np.ndarray, training: np.ndarray, leads: bool) -> np.ndarray:
    """Denominator of errors of x (n, m, q): |x| for outputs that keep their sign in training, else their range.

    It is never zero: where x is, the range counts, and one for an output that is constant.
    """
    flat = training.reshape(-1, training.shape[-1])
    low, high = flat.min(0), flat.max(0)
    span = np.where(high > low, high - low, np.where(high == 0, 1.0, np.abs(high)))
    value = np.where(x == 0, span, np.abs(x))
    return np.where(keeps_sign(training, leads), value, span)


@dataclass(frozen=True, eq=False)
class ParameterScaling:
    """z in [-1, 1] over the box, in the parameter or in its logarithm."""

    low: np.ndarray
    high: np.ndarray
    logarithmic: np.ndarray

    def scale(self, xp: Any, values: Float[Any, "... d"]) -> Any:
        """z for values, with `xp` NumPy or jax.numpy; not a number where a logarithm has none."""
        mask = self.logarithmic
        safe_low, safe_high = np.where(mask, self.low, 1.0), np.where(mask, self.high, 2.0)
        log_span = np.log(safe_high / safe_low)
        positive = xp.where(values > 0, values, xp.nan)
        logarithm = 2 * xp.log(xp.where(mask, positive, 1.0) / safe_low) / log_span - 1
        return xp.where(mask, logarithm, 2 * (values - self.low) / (self.high - self.low) - 1)


@dataclass(frozen=True, slots=True)
class Clock:
    """s in [-1, 1] over first..last: in time, or in the logarithm of the time since `start`."""

    start: float
    first: float
    last: float
    logarithmic: bool

    def scale(self, times: np.ndarray) -> np.ndarray:
        if not self.logarithmic:
            return 2 * (times - self.first) / (self.last - self.first) - 1
        span = np.log((self.last - self.start) / (self.first - self.start))
        return 2 * np.log((times - self.start) / (self.first - self.start)) / span - 1

    def times(self, s: np.ndarray) -> np.ndarray:
        """The times of s, never beyond the first and the last by rounding."""
        share = 0.5 * (s + 1)
        if not self.logarithmic:
            found = self.first + share * (self.last - self.first)
        else:
            span = np.log((self.last - self.start) / (self.first - self.start))
            found = self.start + (self.first - self.start) * np.exp(share * span)
        return np.clip(found, self.first, self.last)


def clock(times: np.ndarray, start: float, logarithmic: bool) -> tuple[Clock, bool]:
    """The clock of a task, and whether its first time is the start, which a logarithm cannot reach."""
    leads = bool(logarithmic and times[0] <= start)
    return Clock(start, float(times[1 if leads else 0]), float(times[-1]), logarithmic), leads
