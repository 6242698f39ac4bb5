"""The formula of every surrogate here: coefficients that depend on parameters, times functions of time.

    y(t; p) = V (mean + sum_k c_k(z(p)) M_k) u(s(t)),        x = unscale(y)

u are functions of time (of a reservoir's state, or splines), V combines outputs, M_k are modes of the
projections over the training samples, and c is interpolated or regressed over the scaled parameters z.
Methods differ in u and in c."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.neural import Network
from stiffdsl.surrogate.radial import RadialMap
from stiffdsl.surrogate.scaling import KINDS, Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.timebasis import TimeBasis

# A table of modes at the times asked for is made where it has at most this many numbers.
_TABLE = 8_000_000


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
    coefficients: RadialMap | Network
    start: Start | None

    def reader(self, times: np.ndarray, which: np.ndarray) -> "Reader":
        return Reader(self, times, which)


class Reader:
    """An expansion at fixed times, for some outputs: a function of parameters alone, over NumPy or JAX.

    Inside, times are the last axis and outputs stand by their kind of scaling, so that every step works on whole
    blocks of memory. Times before the clock's first are on the straight line from the start to the value there.
    """

    def __init__(self, expansion: Expansion, times: np.ndarray, which: np.ndarray):
        self.expansion, self.times, self.which = expansion, times, which
        clock, V = expansion.clock, expansion.groups
        early = np.clip((clock.first - times) / max(clock.first - clock.start, 1e-300), 0, 1)
        self._early = (
            np.flatnonzero(early > 0) if expansion.start is not None else np.zeros(0, dtype=np.int64)
        )
        self._share = early[self._early]

        kinds = expansion.outputs.kind[which]
        order = np.argsort(kinds, kind="stable")
        self._place = np.argsort(order)
        self._sorted = which[order]
        ends = np.searchsorted(kinds[order], np.arange(len(KINDS)), side="right")
        begins = np.searchsorted(kinds[order], np.arange(len(KINDS)), side="left")
        self._blocks = [(k, slice(b, e)) for k, (b, e) in enumerate(zip(begins, ends, strict=True)) if e > b]

        functions = expansion.basis.at(np.clip(clock.scale(np.maximum(times, clock.first)), -1, 1))
        K, g = expansion.mean.shape
        r, m, q = len(expansion.modes), len(times), len(which)
        V = np.eye(g)[self._sorted] if V is None else V[self._sorted]
        self._mean = V @ (functions @ expansion.mean).T
        self._modes: np.ndarray | None = None
        if r * m * q <= _TABLE:
            modes = np.einsum("mk,rkg->rgm", functions, expansion.modes, optimize=True)
            self._modes = np.einsum("qg,rgm->rqm", V, modes, optimize=True).reshape(r, q * m)
        self._functions, self._groups = functions, V
        self._inner = expansion.modes.reshape(r, K * g)

    def __call__(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """x in declared units, for parameters in declared units."""
        return self.rows(xp, values).swapaxes(1, 2)

    def rows(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k q m"]:
        """x with the times last, as it is computed."""
        z = self.expansion.parameters.scale(xp, values)
        return self._unscaled(xp, z, self._scaled(xp, z))[:, self._place]

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """(k, m, q) y in scaled outputs."""
        z = self.expansion.parameters.scale(np, values)
        return self._scaled(np, z)[:, self._place].swapaxes(1, 2)

    def unscaled(self, values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """(k, m, q) x for what `scaled` gave, shifted or not."""
        z = self.expansion.parameters.scale(np, values)
        inner = scaled.swapaxes(1, 2)[:, np.argsort(self._place)]
        return self._unscaled(np, z, inner)[:, self._place].swapaxes(1, 2)

    def _scaled(self, xp: Any, z: Any) -> Any:
        expansion = self.expansion
        scores = expansion.coefficients(xp, z)
        q, m = self._mean.shape
        if self._modes is not None:
            return (scores @ self._modes).reshape(-1, q, m) + self._mean
        inner = (scores @ self._inner).reshape(-1, *expansion.mean.shape)
        return self._groups @ (self._functions @ inner).swapaxes(1, 2) + self._mean

    def _unscaled(self, xp: Any, z: Any, scaled: Any) -> Any:
        expansion = self.expansion
        outputs = self._sorted[:, None]
        parts = [expansion.outputs.undo(xp, kind, scaled[:, at], outputs[at]) for kind, at in self._blocks]
        x = parts[0] if len(parts) == 1 else xp.concatenate(parts, axis=1)
        if expansion.start is None or not len(self._early):
            return x
        begin = expansion.start.values[self._sorted]
        if expansion.start.change is not None:
            begin = begin + expansion.start.change(xp, z)[:, self._sorted]
        begin = xp.broadcast_to(begin, x.shape[:2])[..., None]
        # At the start itself nothing is mixed in, so that a value given there is met to the bit.
        late = x[..., self._early]
        mixed = xp.where(self._share == 1, begin, begin * self._share + late * (1 - self._share))
        if xp is np:
            x[..., self._early] = mixed
            return x
        return x.at[..., self._early].set(mixed)
