"""Tables at their arguments by SciPy's interpolation, for checks that share nothing with programs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stiffdsl.flat.model import Block, FlatTable


def lookups(tables: tuple[FlatTable, ...], p: np.ndarray) -> Callable[..., Any]:
    """`lookup(number, *arguments)` for the figures that the parameters p hold."""

    def figures(block: Block) -> np.ndarray:
        return p[block.offset : block.offset + block.size]

    def lookup(number: int, *arguments: Any) -> np.ndarray:
        table = tables[number]
        knots = [figures(block) for block in table.knots]
        given = [
            _within(x, np.asarray(a, dtype=float), table.outside)
            for x, a in zip(knots, arguments, strict=True)
        ]
        if len(knots) == 2:
            return _on_grid(knots, figures(table.values), given)
        return _on_line(table.method, knots[0], figures(table.values), given[0], table.outside)

    return lookup


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
