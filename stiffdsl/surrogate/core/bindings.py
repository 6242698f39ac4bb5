"""Conversion of parameters, start values and inputs, given by name, to the rows that a formula takes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.check.quantities.conversion import quantity
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.solve.base.times import lane_constants, table
from stiffdsl.surrogate.core.between import Deviations
from stiffdsl.surrogate.core.names import Columns, spread
from stiffdsl.surrogate.core.signals import Reading, read
from stiffdsl.surrogate.core.task import Drive, Parameter


class QueryRows(NamedTuple):
    """Rows of `values` (k, d) of one or more calls, `hidden` (k, inputs): how much each input moves between knots,
    where 1 is as much as is told; and the inputs between knots (None: they bend at knots alone)."""

    values: Any
    hidden: Any
    off: Deviations | None


class Given:
    """Reads by the names of one surrogate. Raises `KeyError` for a wrong name, `ValueError` for a wrong value."""

    def __init__(
        self,
        parameters: tuple[Parameter, ...],
        drives: tuple[Drive, ...],
        knots: np.ndarray,
        fixed: Mapping[str, float],
    ):
        self.columns = Columns([p.name for p in parameters], "parameter")
        self.drives, self.knots, self.fixed = {d.name: d for d in drives}, knots, fixed
        self.defaults = np.array([p.default for p in parameters])
        self._starts = {p.name: p.kind == "start" for p in parameters}
        self._units = [p.unit for p in parameters]
        self.size = len(parameters) + len(drives) * len(knots)

    def row(
        self, params: Mapping[str, Any] | None, initial: Any, inputs: Mapping[str, Any] | None
    ) -> "QueryRows":
        """The one row of a call; traced where something given is traced."""
        scalars = spread(self.columns, self.defaults, self.fixed, self._scalars(params, initial))
        read = self._signals(inputs)
        signals, hidden = [r.values for r in read], self._hidden(read)
        traced = any(isinstance(e, jax.Array) for e in (*scalars, *signals))
        xp: Any = jnp if traced else np
        parts = [xp.stack([xp.asarray(e, dtype=float) for e in scalars])] if scalars else []
        row = xp.concatenate([*parts, *(xp.asarray(s, dtype=float) for s in signals)])
        moving = xp.stack([xp.asarray(h, dtype=float) for h in hidden]) if hidden else np.zeros(0)
        return QueryRows(row[None], moving[None], _deviations(read))

    def lanes(
        self,
        params: Mapping[str, Any] | None,
        initial: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
    ) -> "QueryRows":
        """The rows of an ensemble. A whole array by its name has a leading axis of lanes, then its own."""
        columns: dict[int, np.ndarray] = {}
        fixed: dict[str, Any] = {}
        for name, value in self._scalars(params, initial).items():
            array = np.asarray(value, dtype=float)
            if name not in self.columns:
                fixed[name] = value
                continue
            positions = self.columns.find(name)
            for index in np.ndindex(positions.shape):
                alone = array.ndim <= positions.ndim
                columns[int(positions[index])] = (
                    array[index] if alone and array.ndim else array[(..., *index)]
                )
        spread(self.columns, np.zeros(len(self.columns.names)), self.fixed, fixed)
        read = self._signals(self._with_constants(inputs))
        signals = [np.asarray(r.values, dtype=float) for r in read]
        counts = {c.shape[0] for c in columns.values() if c.ndim == 1} | {
            len(s) for s in signals if s.ndim == 2
        }
        if len(counts) != 1:
            raise ValueError("an ensemble needs at least one array of values, all of the same length")
        count = counts.pop()
        if count == 0:
            raise ValueError("an ensemble needs at least one lane")
        whole = [np.broadcast_to(columns.get(k, np.array(v)), (count,)) for k, v in enumerate(self.defaults)]
        parts = [np.stack(whole, axis=1)] if whole else []
        rows = np.concatenate(
            [*parts, *(np.broadcast_to(s, (count, len(self.knots))) for s in signals)], axis=1
        )
        hidden = [np.broadcast_to(np.asarray(h, dtype=float), (count,)) for h in self._hidden(read)]
        moving = np.stack(hidden, axis=1) if hidden else np.zeros((count, 0))
        return QueryRows(rows, moving, _deviations(read))

    def _with_constants(self, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
        """`inputs`, constants over the lanes as tables."""
        found = self._of_inputs(inputs)
        for name, value in found.items():
            if (constants := lane_constants(value)) is not None:
                rows = np.asarray(constants, dtype=float)[:, None]
                found[name] = self.knots, np.broadcast_to(rows, (len(rows), len(self.knots)))
        return found

    def varied(
        self,
        params: Mapping[str, Any] | None,
        initial: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
    ) -> dict[str, np.ndarray]:
        """Values that differ between lanes, by name; tables are left out."""
        found = {
            name: np.asarray(value)
            for name, value in self._scalars(params, initial).items()
            if name in self.columns and np.ndim(value) > self.columns.find(name).ndim
        }
        constants = {name: lane_constants(value) for name, value in self._of_inputs(inputs).items()}
        return found | {name: np.asarray(value) for name, value in constants.items() if value is not None}

    def named(self, values: np.ndarray) -> dict[str, dict[str, Any]]:
        """Rows (k, d) as the `params`, `initial` and `inputs` of an ensemble of the full model."""
        found: dict[str, dict[str, Any]] = {"params": {}, "initial": {}, "inputs": {}}
        for k, name in enumerate(self.columns.names):
            found["initial" if self._starts[name] else "params"][name] = values[:, k]
        for j, name in enumerate(self.drives):
            first = len(self.columns.names) + j * len(self.knots)
            found["inputs"][name] = self.knots, values[:, first : first + len(self.knots)]
        return found

    def of_lanes(self, inputs: Mapping[str, Any] | None, which: np.ndarray) -> dict[str, Any]:
        """`inputs` as they were given, of some lanes of an ensemble."""
        found: dict[str, Any] = {}
        for name, given in self._with_constants(inputs).items():
            known = None if callable(given) else table(given, name)
            many = known is not None and np.ndim(known[1]) == 2
            found[name] = (known[0], np.asarray(known[1])[which]) if known is not None and many else given
        return found

    def _scalars(self, params: Mapping[str, Any] | None, initial: Any) -> dict[str, Any]:
        """Parameters and start values under one roof; no name is both."""
        if initial is not None and not isinstance(initial, Mapping):
            raise ValueError("a surrogate takes start values by name, as in initial={'T': 300}")
        found = dict(params or {})
        for name, value in (initial or {}).items():
            if not any(s and self._belongs(n, name) for n, s in self._starts.items()):
                starts = [n for n, s in self._starts.items() if s]
                raise ValueError(
                    f"the surrogate was not trained for other start values of `{name}`; "
                    + (f"it takes {_listed(starts)}" if starts else "train it with the name in `vary`")
                )
            found[name] = value
        for name in params or {}:
            if any(s and self._belongs(n, name) for n, s in self._starts.items()):
                raise ValueError(f"`{name}` is a start value: give it in `initial`")
        return {name: self._number(name, value) for name, value in found.items()}

    def _number(self, name: str, value: Any) -> Any:
        """`value`, a text in the declared unit of the parameter or start value."""
        if not isinstance(value, str):
            return value
        if name in self.columns:
            return quantity(name, value, self._units[int(self.columns.find(name).ravel()[0])])
        if name in self.fixed:
            try:
                return float(value)
            except ValueError:
                raise ValueError(
                    f"`{name}` did not vary in training, and its unit is not known: give a number, not {value!r}"
                ) from None
        return value

    def _of_inputs(self, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
        """`inputs`, texts in the declared units."""
        return {
            name: quantity(name, value, self.drives[name].unit)
            if isinstance(value, str) and name in self.drives
            else value
            for name, value in (inputs or {}).items()
        }

    def _belongs(self, scalar: str, name: str) -> bool:
        return scalar == name or (name in self.columns and scalar.startswith(name + "["))

    def _hidden(self, read: list[Reading]) -> list[Any]:
        """Of each input how much it moves between knots, where 1 is as much as is told."""
        return [r.hidden / (d.high - d.low) for r, d in zip(read, self.drives.values(), strict=True)]

    def _signals(self, inputs: Mapping[str, Any] | None) -> list[Reading]:
        """The reading of each input."""
        for name in inputs or {}:
            if name not in self.drives:
                hint = did_you_mean(name, self.drives)
                raise ValueError(
                    f"the surrogate was trained with the inputs as they were; it takes no other `{name}`"
                    + (
                        f"; {hint}"
                        if hint
                        else f"; it takes {_listed(list(self.drives))}"
                        if self.drives
                        else ""
                    )
                )
        given = self._of_inputs(inputs)
        return [read(given.get(name, drive.default), self.knots, name) for name, drive in self.drives.items()]


def _deviations(read: list[Reading]) -> Deviations | None:
    """The inputs between knots; None where all bend at knots alone."""
    if all(r.bends is None for r in read):
        return None
    still = np.zeros(0), None
    parts = [
        still if r.bends is None else (r.bends, r.off if np.ndim(r.off) == 2 else r.off[None]) for r in read
    ]
    return Deviations(tuple(bends for bends, _ in parts), tuple(off for _, off in parts))


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{n}`" for n in names[:8]) + (", …" if len(names) > 8 else "")
