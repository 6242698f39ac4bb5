"""The formula of surrogates that take inputs over time: a readout of a reservoir that the inputs drive.

    h' = rate (u - h),   f = Q [u, h, exp(-rate t)],   y(t) = V (W(z) [1, f(t)] + N(z, f(t)))

f are the states of a linear reservoir (see `filters`), whitened over the training samples; z are scaled
parameters and start values; W(z) is a polynomial in z (LPCTESN), N a network (NPCTESN); V combines outputs.
Without inputs it is a regression over parameters and time, which sees time as exp(-rate t) for many rates.
Nothing is stepped: at fixed times all of f is one matrix times the inputs at their knots."""

from copy import copy
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.between import Deviations
from stiffdsl.surrogate.core.scaling import KINDS, Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.methods.driven.filters import responses, responses_to
from stiffdsl.surrogate.regression.radial import tail

# Maps from signals between knots to states that are kept, for each input, and the numbers of one at most.
_MAPS, _MAP_NUMBERS = 4, 4_000_000


@dataclass(frozen=True, eq=False)
class Readout:
    """`linear` (p, 1 + f, r) over p terms of degree `degree` in z; layers of a network, none for a linear readout."""

    degree: int
    linear: np.ndarray
    size: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class OverKnots:
    """`scalars` of the columns of values are parameters, the rest `inputs` signals at `knots` (M,).

    `parameters` scales all columns. `rates` (K,) are those of the reservoir. `groups` is V (q, r).
    """

    clock: Clock
    parameters: ParameterScaling
    outputs: OutputScaling
    scalars: int
    inputs: int
    knots: np.ndarray
    rates: np.ndarray
    groups: np.ndarray
    mean: np.ndarray

    @property
    def start(self) -> None:
        """Its clock begins with the first knot: nothing is before it."""
        return None


@dataclass(frozen=True, eq=False)
class DrivenExpansion(OverKnots):
    """`centre` (c,) and `whitening` (c, f) make f of [u, h, exp(-rate t)], where c = (1 + K) inputs + K."""

    centre: np.ndarray
    whitening: np.ndarray
    readout: Readout

    def reader(self, times: np.ndarray, which: np.ndarray) -> "DrivenReader":
        return DrivenReader(self, times, which)


class ScoresReader:
    """Scores at fixed times made outputs, some of them: a function of rows of values, over NumPy or JAX."""

    def __init__(
        self,
        outputs: OutputScaling,
        groups: np.ndarray,
        mean: np.ndarray,
        times: np.ndarray,
        which: np.ndarray,
    ):
        self.outputs, self.times, self.which = outputs, times, which
        self._groups = np.ascontiguousarray(groups[which].T)
        self._mean = mean[which]
        kinds = outputs.kind[which]
        self._kinds = [(k, np.flatnonzero(kinds == k)) for k in range(len(KINDS)) if np.any(kinds == k)]
        self._order = np.argsort(np.concatenate([at for _, at in self._kinds]))

    def __call__(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """x in declared units, for values in declared units."""
        return self._unscaled(xp, self._scaled(xp, values))

    def rows(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k q m"]:
        """x with the times last."""
        return self(xp, values).swapaxes(1, 2)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """(k, m, q) y in scaled outputs."""
        return self._scaled(np, values)

    def unscaled(self, values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """(k, m, q) x for what `scaled` gave, shifted or not."""
        del values
        return self._unscaled(np, scaled)

    def _scores(self, xp: Any, values: Any) -> Float[Any, "k m r"]:
        raise NotImplementedError

    def _scaled(self, xp: Any, values: Any) -> Any:
        return self._scores(xp, values) @ self._groups + self._mean

    def _unscaled(self, xp: Any, y: Any) -> Any:
        undo = self.outputs.undo
        parts = [undo(xp, kind, y[..., at], self.which[at]) for kind, at in self._kinds]
        return parts[0] if len(parts) == 1 else xp.concatenate(parts, axis=-1)[..., self._order]


class DrivenReader(ScoresReader):
    """A `DrivenExpansion` at fixed times, for some outputs; with inputs as they are between knots once `bound`."""

    def __init__(self, expansion: DrivenExpansion, times: np.ndarray, which: np.ndarray):
        super().__init__(expansion.outputs, expansion.groups, expansion.mean, times, which)
        self.expansion = expansion
        self._states = Reservoir(expansion, times)
        self._moved: Any = None

    def moved(self, xp: Any, off: Deviations) -> Float[Any, "k m f"] | None:
        """The change of the whitened states by inputs between knots."""
        return self._states.moved(xp, off)

    def bound(self, moved: Any) -> "DrivenReader":
        """The reader with its whitened states changed by `moved`."""
        made = copy(self)
        made._moved = moved
        return made

    def _scores(self, xp: Any, values: Any) -> Any:
        z, f = self._states(xp, values)
        return read(xp, self.expansion.readout, z, f if self._moved is None else f + self._moved)


class Reservoir:
    """Its whitened states at fixed times, as one matrix from the inputs at their knots."""

    def __init__(self, expansion: DrivenExpansion, times: np.ndarray):
        self.parameters, self.scalars = expansion.parameters, expansion.scalars
        self._times, self._rates, self._inputs = times, expansion.rates, expansion.inputs
        self._whitening, self._maps = expansion.whitening, {}
        driven, still = raw(expansion.inputs, expansion.knots, expansion.rates, times)
        count = driven.shape[-1]
        inputs = expansion.inputs * len(expansion.knots)
        self.shape = len(times), expansion.whitening.shape[1]
        matrix = driven @ expansion.whitening[:count]
        self._matrix = np.ascontiguousarray(matrix.reshape(inputs, self.shape[0] * self.shape[1]))
        rest = still - expansion.centre[count:]
        self._offset = (
            rest @ expansion.whitening[count:] - expansion.centre[:count] @ expansion.whitening[:count]
        )

    def __call__(self, xp: Any, values: Any) -> tuple[Any, Any]:
        """z (k, d) and f (k, m, f)."""
        scaled = self.parameters.scale(xp, values)
        f = (scaled[:, self.scalars :] @ self._matrix).reshape(-1, *self.shape) + self._offset
        return scaled[:, : self.scalars], f

    def moved(self, xp: Any, off: Deviations) -> Float[Any, "k m f"] | None:
        """The change of f by signals between knots: the reservoir is linear, so it is the response to them alone."""
        width = self.parameters.high - self.parameters.low
        total: Any = None
        for j, (bends, values) in enumerate(zip(off.times, off.values, strict=True)):
            if values is None:
                continue
            # Scaled inputs go from -1 to 1.
            scaled = values * (2 / width[self.scalars + j * ((len(width) - self.scalars) // self._inputs)])
            part = self._response(xp, scaled, bends, j)
            total = part if total is None else total + part
        return total

    def _response(self, xp: Any, values: Any, bends: np.ndarray, j: int) -> Any:
        """(k, m, f) the change by input j; as one matrix where the same times may come again."""
        K1 = 1 + len(self._rates)
        whitening = self._whitening[j * K1 : (j + 1) * K1]
        if xp is np and len(bends) * self.shape[0] * self.shape[1] > _MAP_NUMBERS:
            return responses_to(values, bends, self._times, self._rates) @ whitening
        key = j, bends.tobytes()
        if key not in self._maps:
            if len(self._maps) >= _MAPS * self._inputs:
                self._maps.pop(next(iter(self._maps)))
            single = responses_to(np.eye(len(bends)), bends, self._times, self._rates)
            self._maps[key] = np.reshape(single @ whitening, (len(bends), -1))
        return (values @ self._maps[key]).reshape(-1, *self.shape)


def raw(
    inputs: int, knots: np.ndarray, rates: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Linear maps from scaled inputs at knots to [u, h], (inputs, M, m, inputs (1 + K)), and exp(-rate t), (m, K)."""
    single = responses(times, knots, rates)
    K1, m, M = single.shape
    driven = np.zeros((inputs, M, m, inputs, K1))
    for j in range(inputs):
        driven[j, :, :, j] = single.transpose(2, 1, 0)
    return driven.reshape(inputs, M, m, inputs * K1), np.exp(-rates * (times - knots[0])[:, None])


def read(xp: Any, readout: Readout, z: Any, f: Any) -> Any:
    """(k, m, r) scores."""
    products = tail(xp, z, readout.degree) if z.shape[1] else xp.ones((len(z), 1))
    p, f1, r = readout.linear.shape
    W = (products @ readout.linear.reshape(p, f1 * r)).reshape(-1, f1, r)
    scores = f @ W[:, 1:] + W[:, :1]
    if not readout.weights:
        return scores
    # The network learns a remainder: half of the digits are enough for it, and twice as fast.
    dtype = np.float32
    first, bias = readout.weights[0].astype(dtype), readout.biases[0].astype(dtype)
    d = z.shape[1]
    x = f.astype(dtype) @ first[d:] + (z.astype(dtype) @ first[:d] + bias)[:, None]
    for weight, bias in zip(readout.weights[1:], readout.biases[1:], strict=True):
        x = silu(xp, x) @ weight.astype(dtype) + bias.astype(dtype)
    return scores + x.astype(np.float64) * readout.size


def silu(xp: Any, x: Any) -> Any:
    """x sigmoid(x), the activation of the network (Elfwing, Uchibe, Doya, Neural Networks 107, 2018)."""
    return jax.nn.silu(x) if xp is jnp else x * (0.5 + 0.5 * np.tanh(0.5 * x))
