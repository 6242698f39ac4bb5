"""A part on its own: compiled with its neighbours' place empty, run under given signals, and linearised."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.run.ensemble import ensemble
from stiffdsl.runtime.run.options import run_options
from stiffdsl.surrogate.part.cutting.crossings import CutScalar
from stiffdsl.surrogate.part.fit import Point, Record
from stiffdsl.surrogate.part.linear import Linear

# Parts of more states than this are not linearised: their Gramians would take longer than all else.
_MOST_STATES = 600
# Rows of slopes per call of the compiled function.
_CHUNK = 512
_STEP = 1e-6


@dataclass(frozen=True, eq=False)
class PartAlone:
    """The compiled part `own` (its name in there), with signals and outputs in the order of the cut.

    `parameters` are the inner names of parameter blocks that vary, flattened one after another in p.
    """

    model: CompiledProgram
    own: str
    signals: tuple[CutScalar, ...]
    outputs: tuple[CutScalar, ...]
    parameters: tuple[str, ...]
    start: float

    def run(
        self,
        times: np.ndarray,
        u: np.ndarray,
        p: np.ndarray,
        initial: Mapping[str, float],
        options: Mapping[str, Any],
    ) -> tuple[Record, np.ndarray, np.ndarray]:
        """Runs under the signals u (n, m, s) with parameters p (n, k), in SI: the record, with states and slopes where
        they are known, which of the runs succeeded, and y (n, m, size) of the model."""
        outputs = [f"{self.own}.{c.inner}" for c in self.outputs]
        states = self._state_names()
        wanted = tuple(dict.fromkeys([*outputs, *(states or ())]))
        inputs: dict[str, Any] = {}
        driven = 0
        for k, c in enumerate(self.signals):
            name, scale, shift = f"{self.own}.{c.inner}", c.scale, c.shift
            if name not in self.model.input_names:
                name, scale, shift = f"u{driven + 1}", 1.0, 0.0
                driven += 1
            inputs[name] = (times, (u[:, :, k] - shift) / scale)
        params, at = {}, 0
        for inner in self.parameters:
            found = self.model.parameter_names.find(f"{self.own}.{inner}")
            size = int(np.prod(found.shape, dtype=int))
            values = (p[:, at : at + size] - found.block.shift) / found.block.scale
            params[f"{self.own}.{inner}"] = values.reshape(len(p), *found.shape)
            at += size
        if not inputs and not params:
            raise ValueError("nothing drives the part: its connectors were at rest in all runs of the model")
        begin = {f"{self.own}.{k}": v for k, v in initial.items()}
        batch = ensemble(
            self.model,
            run_options(self.model, **options),
            (self.start, times[-1]),
            times,
            wanted,
            params,
            begin or None,
            inputs,
            None,
        )
        ok = np.asarray(batch.success) & np.all(np.isfinite(batch.values), axis=(1, 2))
        values = np.asarray(batch.values)[ok]
        column = {name: k for k, name in enumerate(batch.outputs)}
        y = values[:, :, [column[o] for o in outputs]]
        y = y * np.array([c.scale for c in self.outputs]) + np.array([c.shift for c in self.outputs])
        v = np.concatenate([u[ok], np.repeat(p[ok][:, None], len(times), axis=1)], axis=2)
        if states is None:
            return Record(times, v, y), ok, np.zeros((int(ok.sum()), len(times), 0))
        full = values[:, :, [column[s] for s in states]]
        blocks = [self.model.variable_names.find(s).block for s in states]
        full = full * np.array([b.scale for b in blocks]) + np.array([b.shift for b in blocks])
        count = len(self.model.program.system.states)
        return Record(times, v, y, full[:, :, :count]), ok, full

    def _state_names(self) -> list[str] | None:
        """The names of the entries of y; None where there are too many, or some are derivatives."""
        system = self.model.program.system
        if system.size > _MOST_STATES or np.any(system.implicit_is_der) or len(system.eliminated):
            return None
        return list(self.model.states.names)

    def slopes(self, record: Record, full: np.ndarray) -> np.ndarray:
        """x' (n, m, nx) at the states of a record."""
        n, m, size = full.shape
        rows = n * m
        t = np.broadcast_to(record.times, (n, m)).reshape(rows)
        y, u, p = full.reshape(rows, size), self._inputs(record.v), self._vectors(record.v)
        call = jax.jit(jax.vmap(self.model.functions.rhs))
        found = np.empty((rows, size))
        for k in range(0, rows, _CHUNK):
            at = np.minimum(np.arange(k, k + _CHUNK), rows - 1)
            part = np.asarray(call(t[at], y[at], p[at // m], u[at]))
            found[k : k + _CHUNK] = part[: min(_CHUNK, rows - k)]
        return found.reshape(n, m, size)[:, :, : record.x.shape[2]]  # type: ignore[union-attr]

    def _inputs(self, v: np.ndarray) -> np.ndarray:
        """(rows, inputs of the model) for v (n, m, nv)."""
        flat = v.reshape(-1, v.shape[2])
        found = np.repeat(self.model.default_inputs[None], len(flat), axis=0)
        for k, number in enumerate(self._input_numbers()):
            found[:, number] = flat[:, k]
        return found

    def _input_numbers(self) -> list[int]:
        numbers, driven = [], 0
        for c in self.signals:
            name = f"{self.own}.{c.inner}"
            if name not in self.model.input_names:
                driven += 1
                name = f"u{driven}"
            numbers.append(int(self.model.input_names.find(name).scalars))
        return numbers

    def _vectors(self, v: np.ndarray) -> np.ndarray:
        """(n, parameters of the model) in SI, for the parameters at the end of v (n, m, nv)."""
        return np.array([self.vector(row[0, len(self.signals) :]) for row in v])

    def vector(self, p: np.ndarray) -> np.ndarray:
        params, at = {}, 0
        for inner in self.parameters:
            found = self.model.parameter_names.find(f"{self.own}.{inner}")
            size = int(np.prod(found.shape, dtype=int))
            values = (p[at : at + size] - found.block.shift) / found.block.scale
            params[f"{self.own}.{inner}"] = values.reshape(found.shape)
            at += size
        return self.model.parameter_vector(params)

    def linearised(self, record: Record, full: np.ndarray) -> Point | None:
        """About the point of the record that is nearest to its middle; None where that cannot be done."""
        if record.x is None or not len(full):
            return None
        together = np.concatenate([full, record.v], axis=2).reshape(len(full) * full.shape[1], -1)
        spread = np.maximum(together.std(0), 1e-12 + 1e-9 * np.abs(together).max(0))
        at = int(np.argmin(np.sum(((together - together.mean(0)) / spread) ** 2, axis=1)))
        y0, v0 = together[at, : full.shape[2]], together[at, full.shape[2] :]
        p = self.vector(v0[len(self.signals) :])
        u0 = self._inputs(v0[None, None])[0]
        t = float(np.broadcast_to(record.times, full.shape[:2]).reshape(-1)[at])
        functions, program = self.model.interpreted, self.model.program
        labels = [int(self.model.variable_names.find(f"{self.own}.{c.inner}").scalars) for c in self.outputs]

        def evaluated(y: np.ndarray, u: np.ndarray) -> np.ndarray:
            slope = np.asarray(functions.rhs(t, y, p, u), dtype=float)
            return np.concatenate([slope, np.asarray(functions.variables(t, y, p, u), dtype=float)[labels]])

        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(y0), spread[: len(y0)])
            by_y = _differences(lambda y: evaluated(y, u0), y0, size)
            driven = self._input_numbers()
            of_u = np.maximum(np.abs(u0[driven]), spread[len(y0) : len(y0) + len(driven)])

            def by_signals(values: np.ndarray) -> np.ndarray:
                u = u0.copy()
                u[driven] = values
                return evaluated(y0, u)

            by_u = _differences(by_signals, u0[driven], of_u)
            here = evaluated(y0, u0)
        n, size = len(program.system.states), len(y0)
        if not (np.all(np.isfinite(by_y)) and np.all(np.isfinite(by_u))):
            return None
        inner = by_y[n:size, n:size]
        if size > n and np.linalg.cond(inner) > 1e14:
            return None
        # Algebraic unknowns follow the states and the signals.
        follow = (
            -np.linalg.solve(inner, np.column_stack([by_y[n:size, :n], by_u[n:size]])) if size > n else None
        )

        def reduced(rows: slice) -> tuple[np.ndarray, np.ndarray]:
            of_x, of_v = by_y[rows, :n], by_u[rows]
            if follow is None:
                return of_x, of_v
            mixed = by_y[rows, n:size]
            return of_x + mixed @ follow[:, :n], of_v + mixed @ follow[:, n:]

        A, B = reduced(slice(0, n))
        C, D = reduced(slice(size, None))
        begin = record.x[:, 0] - y0[:n]
        return Point(Linear(A, B, C, D, here[:n], begin), y0[:n], v0, here[size:])


def _differences(function: Any, at: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Columns of central differences."""
    columns = []
    for k, s in enumerate(size):
        step = np.zeros(len(at))
        step[k] = _STEP * s
        columns.append((function(at + step) - function(at - step)) / (2 * _STEP * s))
    return np.stack(columns, axis=1) if columns else np.zeros((len(function(at)), 0))
