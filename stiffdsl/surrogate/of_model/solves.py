"""Solves of a compiled model for rows of values, as its training task asks for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.run.ensemble import ensemble
from stiffdsl.runtime.run.simulate import simulate
from stiffdsl.solve.base.status import Status
from stiffdsl.surrogate.core.between import refined, straight
from stiffdsl.surrogate.core.task import Drive, Parameter


@dataclass(frozen=True, eq=False)
class TaskSolves:
    """A model that is solved at `times` for `outputs`, in the span `time`, with `usual` options or `fine` ones.

    `fixed` are values that do not vary, by what they are given to and by name.
    """

    model: CompiledProgram
    parameters: tuple[Parameter, ...]
    drives: tuple[Drive, ...]
    fixed: Mapping[str, Mapping[str, Any]]
    time: tuple[float, float]
    times: np.ndarray
    outputs: tuple[str, ...]
    usual: Any
    fine: Any

    def many(self, values: np.ndarray, tell: Any) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
        """See `Task.solve_many`."""
        d = len(self.parameters) + len(self.drives) * len(self.times)
        bends = np.any(values[:, d:] != 0, axis=1)
        if not bends.any():
            return self._many(values[:, :d], tell)
        # Two ensembles: inputs that bend at knots alone take fewer steps.
        found = np.empty((len(values), len(self.times), len(self.outputs)))
        ok, reasons = np.zeros(len(values), dtype=bool), np.empty(len(values), dtype=object)
        done = 0
        for rows in (np.flatnonzero(~bends), np.flatnonzero(bends)):
            if not len(rows):
                continue
            first, last = done / len(values), (done + len(rows)) / len(values)
            own = values[rows] if bends[rows[0]] else values[rows, :d]
            found[rows], ok[rows], reasons[rows] = self._many(
                own, lambda share, first=first, last=last: tell(first + (last - first) * share)
            )
            done += len(rows)
        return found, ok, list(reasons)

    def _many(
        self, values: np.ndarray, tell: Callable[[float], None]
    ) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
        batch = self._lanes(self.fine, values, tell)
        whole = np.all(np.isfinite(np.asarray(batch.values)), axis=(1, 2))
        reasons = [_reason(Status(int(s)), bool(w)) for s, w in zip(batch.status, whole, strict=True)]
        return batch.values, batch.success, reasons

    def batch(self, values: np.ndarray) -> Any:
        """The ensemble of rows (k, d), with the usual options."""
        return self._lanes(self.usual, values, None)

    def one(self, values: np.ndarray) -> Any:
        """The solution of a row (d,), with the usual options."""
        params, initial, inputs = self.alone(values)
        return simulate(self.model, self.usual, self.time, params, inputs, self.times, None, initial, None)

    def states(
        self, values: np.ndarray, at: np.ndarray, names: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Variables `names` of rows (k, d) at other times, and which rows are good."""
        batch = self._lanes(self.fine, values, None, at, names)
        return batch.values, batch.success

    def alone(self, values: np.ndarray) -> tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any]]:
        """Parameters, start values and inputs of one row (d,)."""
        own = self._split(np.asarray(values)[None])
        scalar = {k: v[0] if np.ndim(v) == 1 and len(v) == 1 else v for k, v in own["params"].items()}
        begin = {k: np.ravel(v)[0] if np.size(v) == 1 else v for k, v in own["initial"].items()}
        driven = {
            k: (v[0], v[1][0]) if isinstance(v, tuple) and np.ndim(v[1]) == 2 else v
            for k, v in own["inputs"].items()
        }
        return scalar, begin or None, driven

    def _split(self, values: np.ndarray) -> dict[str, dict[str, Any]]:
        """Columns of rows (k, d or more) by what they are given to: see `Task`."""
        own = {kind: dict(given) for kind, given in self.fixed.items()}
        for k, p in enumerate(self.parameters):
            own["initial" if p.kind == "start" else "params"][p.name] = values[:, k]
        if self.drives:
            times, signals = self._signals(values)
            own["inputs"] |= {d.name: (times, signals[:, k]) for k, d in enumerate(self.drives)}
        return own

    def _signals(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Times, and the signals (k, drives, times) in rows of values: at knots, or at refined ones."""
        scalars, count, knots = len(self.parameters), len(self.drives), len(self.times)
        at, off = (
            part.reshape(len(values), count, -1)
            for part in np.split(values[:, scalars:], [count * knots], axis=1)
        )
        if not off.shape[2]:
            return self.times, at
        fine = refined(self.times, (off.shape[2] - 1) // (knots - 1))
        return fine, off + at @ straight(fine, self.times).T

    def _lanes(
        self,
        options: Any,
        values: np.ndarray,
        tell: Callable[[float], None] | None,
        at: np.ndarray | None = None,
        names: Sequence[str] | None = None,
    ) -> Any:
        own = self._split(values)
        return ensemble(
            self.model,
            options,
            self.time,
            self.times if at is None else at,
            self.outputs if names is None else names,
            own["params"],
            own["initial"],
            own["inputs"],
            tell,
        )


def _reason(status: Status, whole: bool) -> str | None:
    """The reason why a solve is no sample; one that a `stop` ended is one where it has all values before that."""
    if status == Status.STOPPED and not whole:
        return (
            f"{status.message} before the last of `times`: give times, and ranges, in which none is stopped"
        )
    return None if status.success else status.message
