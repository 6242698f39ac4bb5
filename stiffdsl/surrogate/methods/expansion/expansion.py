"""The formula of every surrogate here: coefficients that depend on parameters, times functions of time.

    y(t; p) = V (mean + sum_k c_k(z(p)) M_k) u(s(t)),        x = unscale(y)

u are functions of time (of a reservoir's state, or splines), V combines outputs, M_k are modes of the
projections over the training samples, and c is interpolated or regressed over the scaled parameters z.
Methods differ in u and in c."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.regression.radial import RadialMap
from stiffdsl.surrogate.regression.timebasis import TimeBasis

# A table of modes at the times asked for is made where it has at most this many numbers.
_TABLE = 8_000_000
# Beyond this the table is read from memory in every call. Half of the digits are enough for the modes that are so small
# a share of the largest: less to read, and twice as fast to multiply.
_CACHED, _SMALL = 500_000, 1e-2
# A product with it goes through memory once: it may take so many times the multiplications of its factors.
_TABLE_WORTH = 2.0


class Coefficients(Protocol):
    """A map from scaled parameters (k, d) to scores (k, r), over NumPy or JAX."""

    def __call__(self, xp: Any, z: Float[Any, "k d"]) -> Any: ...

    def leading(self, count: int) -> "Coefficients":
        """The map to the first `count` scores."""
        ...


@dataclass(frozen=True, eq=False)
class Start:
    """Values at a start that no logarithm of time reaches: those of one sample, and their change with z, if any."""

    values: np.ndarray
    change: RadialMap | None


@dataclass(frozen=True, eq=False)
class Expansion:
    """`mean` (K, g) and `modes` (r, K, g) over K functions of time and g groups of outputs; `groups` is V (q,
    g).
    """

    clock: Clock
    parameters: ParameterScaling
    outputs: OutputScaling
    basis: TimeBasis
    groups: np.ndarray | None
    mean: np.ndarray
    modes: np.ndarray
    coefficients: Coefficients
    start: Start | None

    def reader(self, times: np.ndarray, which: np.ndarray) -> "Reader":
        return Reader(self, times, which)


class Reader:
    """An expansion at fixed times, for some outputs: a function of parameters alone, over NumPy or JAX.

    Inside, times are the last axis, so that every step works on whole blocks of memory. What the modes are multiplied
    up to is x itself for outputs that are linear in y, and y for the others: then one pass is left, an exponential.
    Times before the clock's first are on the straight line from the start to the value there. A table of more than
    `cached` numbers holds small modes with half of the digits.
    """

    def __init__(self, expansion: Expansion, times: np.ndarray, which: np.ndarray, cached: int = _CACHED):
        self.expansion, self.times, self.which = expansion, times, which
        clock, V, outputs = expansion.clock, expansion.groups, expansion.outputs
        early = np.clip((clock.first - times) / max(clock.first - clock.start, 1e-300), 0, 1)
        self._share = early if expansion.start is not None and np.any(early > 0) else None

        functions = expansion.basis.at(np.clip(clock.scale(np.maximum(times, clock.first)), -1, 1))
        K, g = expansion.mean.shape
        r, m, q = len(expansion.modes), len(times), len(which)
        self._linear = (outputs.kind[which] == 0)[:, None]
        self._width = np.where(self._linear, outputs.width[which, None], 1.0)
        self._centre = np.where(self._linear, outputs.centre[which, None], 0.0)
        V = (np.eye(g) if V is None else V)[which] * self._width
        self._mean = V @ (functions @ expansion.mean).T + self._centre
        # One table of modes at the times asked for, where that is less work than its factors are.
        self._modes: np.ndarray | None = None
        if r * m * q <= min(_TABLE, _TABLE_WORTH * (r * K * g + m * K * g + q * g * m)):
            modes = np.einsum("mk,rkg->rgm", functions, expansion.modes, optimize=True)
            table = np.einsum("qg,rgm->rqm", V, modes, optimize=True).reshape(r, q * m)
            self._whole = r if r * m * q < cached else _exact(expansion.coefficients, r)
            self._modes = np.ascontiguousarray(table[: self._whole])
            self._rest = table[self._whole :].astype(np.float32)
        self._functions, self._groups = functions, V
        self._inner = expansion.modes.reshape(r, K * g)

    def __call__(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """x in declared units, for parameters in declared units."""
        return self.rows(xp, values).swapaxes(1, 2)

    def rows(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k q m"]:
        """x with the times last, as it is computed."""
        z = self.expansion.parameters.scale(xp, values)
        return self._unscaled(xp, z, self._combined(xp, z))

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """(k, m, q) y in scaled outputs."""
        z = self.expansion.parameters.scale(np, values)
        return ((self._combined(np, z) - self._centre) / self._width).swapaxes(1, 2)

    def unscaled(self, values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """(k, m, q) x for what `scaled` gave, shifted or not."""
        z = self.expansion.parameters.scale(np, values)
        combined = scaled.swapaxes(1, 2) * self._width + self._centre
        return self._unscaled(np, z, combined).swapaxes(1, 2)

    def _combined(self, xp: Any, z: Any) -> Any:
        """(k, q, m): x where an output is linear in y, y where it is not."""
        expansion = self.expansion
        scores = expansion.coefficients(xp, z)
        q, m = self._mean.shape
        if self._modes is not None:
            found = scores[:, : self._whole] @ self._modes
            if len(self._rest):
                found = found + scores[:, self._whole :].astype(np.float32) @ self._rest
            return found.reshape(-1, q, m) + self._mean
        inner = (scores @ self._inner).reshape(-1, *expansion.mean.shape)
        return self._groups @ (self._functions @ inner).swapaxes(1, 2) + self._mean

    def _unscaled(self, xp: Any, z: Any, combined: Any) -> Any:
        expansion, which = self.expansion, self.which
        x = expansion.outputs.completed(xp, combined, which)
        if expansion.start is None or self._share is None:
            return x
        begin = expansion.start.values[which]
        if expansion.start.change is not None:
            begin = begin + expansion.start.change(xp, z)[:, which]
        begin = xp.broadcast_to(begin, x.shape[:2])[..., None]
        # At the start itself nothing is mixed in, so that a value given there is met to the bit.
        mixed = begin * self._share + x * (1 - self._share)
        return xp.where(self._share == 1, begin, xp.where(self._share == 0, x, mixed))


def _exact(coefficients: Coefficients, rank: int) -> int:
    """The number of leading modes, up to the last that exceeds a small share of the largest."""
    centres = getattr(coefficients, "centres", None)
    if centres is None:
        return rank
    size = np.max(np.abs(coefficients(np, centres)), axis=0)
    return int(np.flatnonzero(size > _SMALL * size.max())[-1]) + 1
