"""A linear reservoir driven by inputs: a bank of first-order lags whose rates spread over decades.

    h' = rate * (u(t) - h),    h(start) = 0

Linear reservoirs with a nonlinear readout represent any system with a fading memory (Boyd and Chua, IEEE Trans.
Circuits Syst. 32, 1985; Gonon and Ortega, IEEE Trans. Neural Netw. 31, 2020). For an input that is straight
between knots the response is exact, and at fixed times it is one matrix times the values at the knots: no step
is taken when a prediction is made."""

from typing import Literal

import numpy as np

_PER_DECADE = 5.5
# Rates reach from the slowest, over the whole span, to the fastest, between two knots.
_SLOWEST, _FASTEST = 0.6, 1.5
_MOST = 24


def spread_rates(knots: np.ndarray) -> np.ndarray:
    """Rates, per unit of time, for signals known at `knots`."""
    span = float(knots[-1] - knots[0])
    slowest, fastest = _SLOWEST / span, _FASTEST / float(np.min(np.diff(knots)))
    count = int(np.clip(round(_PER_DECADE * np.log10(fastest / slowest)), 4, _MOST))
    return np.geomspace(slowest, fastest, count)


def responses(times: np.ndarray, knots: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """(1 + len(rates), len(times), len(knots)): matrices from values at knots to u itself and to each h."""
    return responses_to(np.eye(len(knots)), knots, times, rates).transpose(2, 1, 0)


def step_weights(rates: np.ndarray, width: float) -> tuple[np.ndarray, ...]:
    """(K,) each: what is left of h after a piece of `width`, and what the values at its two ends add."""
    return _weights(rates, np.array(width), np.array(width))


def _weights(rates: np.ndarray, into: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, ...]:
    """Decay of h after `into` of a piece of `width`, and weights of the input at the two ends of the piece."""
    x = rates * into
    decay, rise = np.exp(-x), -np.expm1(-x)
    # The response to a ramp; the series where the difference would be rounding.
    small = x < 1e-3
    safe = np.where(small, 1.0, x)
    ramp = np.where(small, x / 2 - x**2 / 6, 1 - rise / safe) * (into / width)
    return decay, rise - ramp, ramp


def responses_to(values: np.ndarray, bends: np.ndarray, times: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """(k, len(times), 1 + len(rates)): u and each h at `times`, where u runs straight between `values` (k, n) at
    `bends` (n,), which ascend (a jump has its time twice), and is zero outside of them; h rests before the first."""
    order = np.argsort(times, kind="stable")
    ends = times[order]
    whole = np.union1d(bends, ends)
    # A jump acts through the segments on both sides: each has the value on its own side.
    left, right = _sided(values, bends, whole[:-1], "right"), _sided(values, bends, whole[1:], "left")
    width = np.diff(whole)
    decay, of_left, of_right = _weights(rates, width[:, None], width[:, None])
    found = np.zeros((len(values), len(times), 1 + len(rates)))
    found[..., 0] = _sided(values, bends, times, "right")
    # Segments end where an output time is: `last` counts those that lie before each.
    last = np.searchsorted(whole, ends)
    h = np.zeros((len(values), len(rates)))
    done = 0
    for number, upto in zip(order, last, strict=True):
        if upto > done:
            own = slice(done, upto)
            # The decay from the end of each segment to the output time.
            after = np.cumprod(decay[own][::-1], axis=0)[::-1]
            rest = np.concatenate([after[1:], np.ones((1, len(rates)))])
            h = after[0] * h + left[:, own] @ (of_left[own] * rest) + right[:, own] @ (of_right[own] * rest)
            done = upto
        found[:, number, 1:] = h
    return found


def _sided(
    values: np.ndarray, bends: np.ndarray, times: np.ndarray, side: Literal["left", "right"]
) -> np.ndarray:
    """(k, len(times)): the signals at `times`, where one jumps the value on that side; zero outside of the bends."""
    after = np.searchsorted(bends, times, side=side)
    inside = (after > 0) & (after < len(bends))
    ends = (
        (after == len(bends)) & (times == bends[-1])
        if side == "right"
        else (after == 0) & (times == bends[0])
    )
    first = np.clip(after - 1, 0, len(bends) - 2)
    width = bends[first + 1] - bends[first]
    share = np.where(width > 0, (times - bends[first]) / np.where(width > 0, width, 1.0), 0.0)
    found = values[:, first] * (1 - share) + values[:, first + 1] * share
    return np.where(inside | ends, found, 0.0)
