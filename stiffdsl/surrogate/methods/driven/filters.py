"""A linear reservoir driven by inputs: a bank of first-order lags whose rates spread over decades.

    h' = rate * (u(t) - h),    h(start) = 0

Linear reservoirs with a nonlinear readout represent any system with a fading memory (Boyd and Chua, IEEE Trans.
Circuits Syst. 32, 1985; Gonon and Ortega, IEEE Trans. Neural Netw. 31, 2020). For an input that is straight
between knots the response is exact, and at fixed times it is one matrix times the values at the knots: no step
is taken when a prediction is made."""

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
    piece = _piece(times, knots)
    rows = np.arange(len(times))
    width = (knots[piece + 1] - knots[piece])[:, None]
    into = np.clip(times - knots[piece], 0.0, width[:, 0])[:, None]
    found = np.zeros((1 + len(rates), len(times), len(knots)))
    found[0] = straight(times, knots)
    at_knots = np.zeros((len(rates), len(knots), len(knots)))
    for k, h in enumerate(np.diff(knots)):
        decay, left, right = _weights(rates, h, h)
        at_knots[:, k + 1] = decay[:, None] * at_knots[:, k]
        at_knots[:, k + 1, k] += left
        at_knots[:, k + 1, k + 1] += right
    decay, left, right = _weights(rates, into, width)
    found[1:] = decay.T[:, :, None] * at_knots[:, piece]
    found[1:, rows, piece] += left.T
    found[1:, rows, piece + 1] += right.T
    return found


def straight(times: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(len(times), len(knots)): from values at knots to those at times, straight between knots."""
    piece, rows = _piece(times, knots), np.arange(len(times))
    share = np.clip((times - knots[piece]) / (knots[piece + 1] - knots[piece]), 0.0, 1.0)
    found = np.zeros((len(times), len(knots)))
    found[rows, piece] = 1 - share
    found[rows, piece + 1] += share
    return found


def _piece(times: np.ndarray, knots: np.ndarray) -> np.ndarray:
    return np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)


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
