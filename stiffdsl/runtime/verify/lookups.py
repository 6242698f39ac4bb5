"""Tables at their arguments by SciPy's interpolation, and networks by NumPy, for checks that share
nothing with programs."""

from typing import Any

import numpy as np

from stiffdsl.flat.model import Block, FlatModel


class Figures:
    """Tables and networks with the figures and weights that the parameters p hold: `figures(number, *arguments)` of a
    table, `figures.network(number, output, site, *arguments)`."""

    def __init__(self, flat: FlatModel, p: np.ndarray):
        self.flat, self.p = flat, p

    def _of(self, block: Block) -> np.ndarray:
        return self.p[block.offset : block.offset + block.size]

    def __call__(self, number: int, *arguments: Any) -> np.ndarray:
        table = self.flat.tables[number]
        knots = [self._of(block) for block in table.knots]
        given = [
            _within(x, np.asarray(a, dtype=float), table.outside)
            for x, a in zip(knots, arguments, strict=True)
        ]
        if len(knots) == 2:
            return _on_grid(knots, self._of(table.values), given)
        return _on_line(table.method, knots[0], self._of(table.values), given[0], table.outside)

    def network(self, number: int, output: Any, site: Any, *arguments: Any) -> np.ndarray:
        network = self.flat.networks[number]
        h = np.stack(np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in arguments)), axis=-1)
        site = np.broadcast_to(np.asarray(site, dtype=np.int64), h.shape[:-1])
        layers = list(zip(network.blocks[::2], network.blocks[1::2], strict=True))
        for k, (weight, bias) in enumerate(layers):
            w = self._of(weight).reshape(network.instances, *weight.path[-1][1])[site]
            h = np.einsum("...oi,...i->...o", w, h) + self._of(bias).reshape(network.instances, -1)[site]
            h = h if k == len(layers) - 1 else _ACTIVATIONS[network.activation](h)
        output = np.broadcast_to(np.asarray(output, dtype=np.int64), h.shape[:-1])
        return np.take_along_axis(h, output[..., None], axis=-1)[..., 0]


def _logistic(z: np.ndarray) -> np.ndarray:
    # SciPy's special functions are a tenth of a second of every start.
    from scipy.special import expit

    return expit(z)


def _gelu(z: np.ndarray) -> np.ndarray:
    return z * _logistic(2 * np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))


_ACTIVATIONS = {
    "tanh": np.tanh,
    "sin": np.sin,
    "sigmoid": _logistic,
    "silu": lambda z: z * _logistic(z),
    "swish": lambda z: z * _logistic(z),
    "softplus": lambda z: np.logaddexp(z, 0.0),
    "relu": lambda z: np.maximum(z, 0.0),
    "gelu": _gelu,
}


def _within(knots: np.ndarray, x: np.ndarray, outside: str) -> np.ndarray:
    if outside == "repeat":
        return knots[0] + np.mod(x - knots[0], knots[-1] - knots[0])
    return np.clip(x, knots[0], knots[-1]) if outside == "hold" else x


def _on_line(method: str, knots: np.ndarray, values: np.ndarray, x: np.ndarray, outside: str) -> np.ndarray:
    from scipy.interpolate import PchipInterpolator, interp1d

    if len(knots) == 1:
        return np.broadcast_to(values[0], x.shape)
    if method == "constant":
        return values[np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 1)]
    if method == "linear":
        return interp1d(knots, values, fill_value="extrapolate")(x)  # type: ignore[arg-type]
    curve, inside = PchipInterpolator(knots, values), np.clip(x, knots[0], knots[-1])
    return curve(inside) + (x - inside) * curve(inside, 1)


def _on_grid(knots: list[np.ndarray], values: np.ndarray, given: list[np.ndarray]) -> np.ndarray:
    from scipy.interpolate import RegularGridInterpolator

    figures = values.reshape([len(x) for x in knots])
    # SciPy's word for extrapolation is None.
    grid = RegularGridInterpolator(knots, figures, bounds_error=False, fill_value=None)  # type: ignore[arg-type]
    return grid(np.stack(np.broadcast_arrays(*given), axis=-1))
