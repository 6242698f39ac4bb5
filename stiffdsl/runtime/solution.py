"""A solution under the names of the model, in declared units."""

from collections.abc import Callable
from typing import Any

import numpy as np

from stiffdsl.runtime.names import Names
from stiffdsl.solve.status import Status


class Values(np.ndarray):
    """States at some times, the last axis in the order of `model.states`; `values["A"]` is any declared variable."""

    _named: Callable[[str], np.ndarray] | None

    def __new__(cls, states: np.ndarray, named: Callable[[str], np.ndarray]) -> "Values":
        made = np.asarray(states).view(cls)
        made._named = named
        return made

    def __array_finalize__(self, source: Any) -> None:
        self._named = None

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if self._named is None:
                raise KeyError("these values were cut from a solution; ask the whole for a name")
            return self._named(key)
        return np.asarray(self)[key]


class Solution:
    """What `simulate` returns.

    `t` (n,) are the saved times, or the solver's own steps; `solution["r.v"]` is (n,), for a whole array
    (n, *shape); `solution(t)` interpolates with the order of the method. `reason` says why it stopped, with
    what to try where it stopped early; `stats` counts steps, rejections, evaluations and factorizations.
    """

    def __init__(
        self,
        model: Any,
        t: np.ndarray,
        y: np.ndarray,
        status: Status,
        reason: str,
        stats: dict[str, Any],
        args: Any,
        dense: Callable[[np.ndarray], np.ndarray] | None,
    ):
        self.model = model
        self.t = t
        self.y = y
        self.status = status
        self.reason = reason
        self.stats = stats
        self._args = args
        self._dense = dense
        self._names: Names = model.variable_names
        self._all: np.ndarray | None = None

    @property
    def success(self) -> bool:
        return self.status == Status.SUCCESS

    @property
    def names(self) -> list[str]:
        """Every declared variable, in the order of the model."""
        return self._names.scalars()

    def __getitem__(self, name: str) -> np.ndarray:
        if name in ("time", "t"):
            return self.t
        if self._all is None:
            self._all = self.model.evaluate(self.t, self.y, self._args)
        return self._named(self._all, name)

    def _named(self, values: np.ndarray, name: str) -> np.ndarray:
        """`name` out of all variables in SI, in its declared unit."""
        found = self._names.find(name)
        return (values[..., found.scalars] - found.block.shift) / found.block.scale

    def __contains__(self, name: str) -> bool:
        try:
            self._names.find(name)
        except KeyError:
            return False
        return True

    def __call__(self, t: Any) -> Values:
        """The states at `t` (a number or an array), interpolated; `solution(t)["A"]` is any variable there.

        Raises `ValueError` outside the solved time.
        """
        t = np.asarray(t, dtype=float)
        if self._dense is None:
            raise ValueError(
                "a solution with `saveat` keeps only those times; leave `saveat` out for dense output"
            )
        if len(self.t) == 0 or t.size == 0:
            raise ValueError("there is no solution to interpolate")
        first, last = min(self.t[0], self.t[-1]), max(self.t[0], self.t[-1])
        if np.any((t < first) | (t > last)) or not np.all(np.isfinite(t)):
            raise ValueError(f"the solution is known from {first:g} to {last:g}")
        states = self._dense(np.atleast_1d(t).ravel())

        def named(name: str) -> np.ndarray:
            every = self.model.evaluate(np.atleast_1d(t).ravel(), states, self._args)
            values = self._named(every, name)
            return values.reshape(t.shape + values.shape[1:])

        return Values(states.reshape(*t.shape, states.shape[-1]), named)

    def to_pandas(self):
        """A `pandas.DataFrame`: index `time`, one column for each declared scalar, in declared units."""
        import pandas

        index = pandas.Index(self.t, name="time")
        return pandas.DataFrame(self._columns(), index=index, columns=self.names)

    def to_xarray(self):
        """An `xarray.Dataset` over `time`, one variable for each declared scalar, with its unit."""
        import xarray

        columns = self._columns()
        units = {b.scalar_name(k): b.unit for b in self._names.blocks for k in range(b.size)}
        return xarray.Dataset(
            {
                name: ("time", columns[:, k], {"units": units[name]} if units[name] else {})
                for k, name in enumerate(self.names)
            },
            coords={"time": self.t},
        )

    def _columns(self) -> np.ndarray:
        if self._all is None:
            self._all = self.model.evaluate(self.t, self.y, self._args)
        scale, shift = self._names.units()
        return (self._all[:, self._names.numbers()] - shift) / scale

    def plot(self, *names: str, path: str | None = None, log: bool | None = None):
        """Draws `names` (or the first variables) over time; writes the picture to `path` where one is given."""
        return self.model.plot(self, names, path, log)

    def __repr__(self) -> str:
        span = f"time {self.t[0]:g}..{self.t[-1]:g}" if len(self.t) else "no times"
        return f"<Solution of {self.model.name}: {span}, {len(self.t)} points, {self.reason}>"
