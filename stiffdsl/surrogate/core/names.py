"""From names that a user writes to the columns of a surrogate: scalars, and whole arrays by their name."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stiffdsl.diagnostics import did_you_mean

_INDEX = re.compile(r"\[([^\[\]]*)\]")


class Columns:
    """Scalar names in order; `find` gives positions, with the shape of the array that a name means."""

    def __init__(self, names: Sequence[str], what: str):
        self.names = tuple(names)
        self.what = what
        self._position = {name: k for k, name in enumerate(self.names)}
        self._arrays: dict[str, list[int]] = {}
        for k, name in enumerate(self.names):
            if "[" in name:
                self._arrays.setdefault(_INDEX.sub("", name), []).append(k)

    def __contains__(self, name: str) -> bool:
        return name in self._position or name in self._arrays

    def find(self, name: str) -> np.ndarray:
        """Positions, () for a scalar. Raises `KeyError` with the nearest name."""
        if name in self._position:
            return np.array(self._position[name])
        if name not in self._arrays:
            hint = did_you_mean(name, (*self._position, *self._arrays))
            listed = ", ".join(f"`{n}`" for n in self.names[:8]) + (", …" if len(self.names) > 8 else "")
            raise KeyError(f"the surrogate has no {self.what} `{name}`; " + (hint or f"it has {listed}"))
        found = np.array(self._arrays[name])
        indices = [
            tuple(i for group in _INDEX.findall(self.names[k]) for i in group.split(",")) for k in found
        ]
        shape = tuple(len(dict.fromkeys(axis)) for axis in zip(*indices, strict=True))
        return found.reshape(shape) if np.prod(shape) == len(found) else found

    def labels(self, wanted: Sequence[str] | None) -> tuple[tuple[str, ...], np.ndarray]:
        """The scalars that names mean, and their positions; None means all."""
        if wanted is None:
            return self.names, np.arange(len(self.names))
        positions = np.concatenate([np.zeros(0, dtype=np.int64), *(self.find(n).ravel() for n in wanted)])
        return tuple(self.names[k] for k in positions), positions


def spread(
    columns: Columns, defaults: np.ndarray, fixed: Mapping[str, float], given: Mapping[str, Any] | None
) -> list[Any]:
    """One entry for each column: what is given by name (numbers, arrays, traced values), else the default.

    A parameter in `fixed` may be given with the value that it has. Raises `KeyError` and `ValueError`.
    """
    entries: list[Any] = list(defaults)
    for name, value in (given or {}).items():
        if name not in columns and name in fixed:
            if hasattr(value, "aval") or not np.isclose(float(value), fixed[name], rtol=1e-9, atol=0):
                raise ValueError(
                    f"the surrogate was trained with `{name}` = {fixed[name]:g}; train one with it in `vary`"
                )
            continue
        positions = columns.find(name)
        if positions.ndim == 0:
            entries[int(positions)] = value
            continue
        for k, position in np.ndenumerate(positions):
            entries[int(position)] = value[k] if np.ndim(value) == positions.ndim else value
    return entries
