"""The formula of every surrogate here: coefficients that depend on parameters, times functions of time.

    y(t; p) = V (mean + sum_k c_k(z(p)) M_k) u(s(t)),        x = unscale(y)

u are functions of time (of a reservoir's state, or splines), V combines outputs, M_k are modes of the
projections over the training samples, and c is interpolated or regressed over the scaled parameters z.
Methods differ in u and in c."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.neural import Network
from stiffdsl.surrogate.radial import RadialMap
from stiffdsl.surrogate.scaling import Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.timebasis import TimeBasis

# A table of modes at the times asked for is made where it has at most this many numbers.
_TABLE = 8_000_000


@dataclass(frozen=True, eq=False)
class Start:
    """Values at a start that no logarithm of time reaches: those of one sample, and their change with z."""

    values: np.ndarray
    change: RadialMap


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


@dataclass(frozen=True, eq=False)
class Reader:
    """An expansion at fixed times, for some outputs: a function of parameters alone, over NumPy or JAX.

    Times before the clock's first are on the straight line from the start to the value there.
    """

    expansion: Expansion
    times: np.ndarray
    which: np.ndarray
    _tables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        expansion = self.expansion
        clock = expansion.clock
        self._tables["early"] = np.clip(
            (clock.first - self.times) / max(clock.first - clock.start, 1e-300), 0, 1
        )
        at = np.clip(clock.scale(np.maximum(self.times, clock.first)), -1, 1)
        functions = expansion.basis.at(at)
        V = expansion.groups
        K, g = expansion.mean.shape
        r = len(expansion.modes)
        m, q = len(self.times), len(self.which)
        mean = functions @ expansion.mean
        self._tables["mean"] = mean[:, self.which] if V is None else mean @ V[self.which].T
        if r * m * q <= _TABLE:
            modes = np.einsum("mk,rkg->rmg", functions, expansion.modes, optimize=True)
            modes = modes[..., self.which] if V is None else modes @ V[self.which].T
            self._tables["modes"] = modes.reshape(r, m * q)
        else:
            self._tables["functions"] = functions
            self._tables["inner"] = expansion.modes.reshape(r, K * g)
            self._tables["V"] = np.eye(g)[self.which] if V is None else V[self.which]

    def scaled(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """y in scaled outputs, with `xp` NumPy or jax.numpy."""
        expansion, tables = self.expansion, self._tables
        m, q = len(self.times), len(self.which)
        scores = expansion.coefficients(xp, expansion.parameters.scale(xp, values))
        if "modes" in tables:
            return (scores @ tables["modes"]).reshape(-1, m, q) + tables["mean"]
        inner = (scores @ tables["inner"]).reshape(-1, *expansion.mean.shape)
        deviation = xp.einsum("mk,lkg,qg->lmq", tables["functions"], inner, tables["V"], optimize=True)
        return deviation + tables["mean"]

    def __call__(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """x in declared units, for parameters in declared units."""
        return self.unscaled(xp, values, self.scaled(xp, values))

    def unscaled(self, xp: Any, values: Float[Any, "k d"], scaled: Float[Any, "k m q"]) -> Any:
        """x for what `scaled` gave, shifted or not."""
        expansion = self.expansion
        x = expansion.outputs.unscale(xp, scaled, self.which)
        early = self._tables["early"]
        at = np.flatnonzero(early > 0)
        if expansion.start is None or not len(at):
            return x
        change = expansion.start.change(xp, expansion.parameters.scale(xp, values))[:, self.which]
        begin = (expansion.start.values[self.which] + change)[:, None]
        share = early[at][:, None]
        # At the start itself nothing is mixed in, so that a value given there is met to the bit.
        mixed = xp.where(share == 1, begin, begin * share + x[:, at] * (1 - share))
        if xp is np:
            x[:, at] = mixed
            return x
        return x.at[:, at].set(mixed)
