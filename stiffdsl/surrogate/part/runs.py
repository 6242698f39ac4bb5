"""Runs that a surrogate of a part is learnt from: of the whole, where what crosses the cut is kept, and of the part
alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.names import scalars_of
from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.task import Progress, Task
from stiffdsl.surrogate.learn.gather import Data, first
from stiffdsl.surrogate.of_model.task import declared_ranges, default_outputs, task_of
from stiffdsl.surrogate.part.alone import PartAlone
from stiffdsl.surrogate.part.cutting.crossings import CutScalar
from stiffdsl.surrogate.part.cutting.cut import Cut
from stiffdsl.surrogate.part.fit import LEFT, Candidate, Record, candidates
from stiffdsl.surrogate.part.signals import enriched

# Runs of the part alone under signals around those of the whole.
ALONE = 96
# Relative difference between runs below which a value does not vary.
_SAME = 1e-9
# The part alone, under the signals of the whole, must give what it gave there, to this share of the range.
_FOLLOWS = 0.2
# Tolerances of the runs of the part alone: what is learnt should be the part and not the errors of its solver.
_RTOL = 1e-8


def task_with(
    model: CompiledProgram,
    part: str,
    crossings: Sequence[CutScalar],
    vary: Mapping[str, Any] | None,
    given: Mapping[str, Any],
) -> Task:
    """The whole as a task: what is compared, then what crosses the cut."""
    name = part + "."
    if vary is None:
        ranges = own_ranges(model, given["params"] or {})
        around = {n: r for n, r in ranges.items() if not n.startswith(name)}
        # A part is learnt much worse where its own parameters vary: they do if they are named, or nothing else would.
        vary = around or ranges
    outputs = given["outputs"]
    known = {c.name for c in crossings}
    names = tuple(outputs) if outputs is not None else default_outputs(model)
    labels = scalars_of(model.variable_names, names)[0]
    compared = [n for n in labels if not n.startswith(name) or n in known]
    inside = [c.name for c in crossings if c.name in model.variable_names]
    return task_of(model, vary, **{**given, "outputs": tuple(dict.fromkeys([*compared, *inside]))})


def own_ranges(model: CompiledProgram, given: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The parameters whose range is declared in the file of the main model: those of a library say what makes sense,
    not what this model is about."""
    assert model.origin is not None
    home = model.origin.source.name
    own = {b.name for b in model.parameter_names.blocks if b.span.source.name == home}
    return {n: r for n, r in declared_ranges(model).items() if n.partition("[")[0] in own and n not in given}


def solved(task: Task, samples: int, held: int | None, seed: int, design: str, tell: Progress) -> Data:
    """Runs of the whole; one for all purposes where nothing varies."""
    if task.scalars or task.drives:
        return first(task, samples, held or 40, seed, design, tell)
    assert task.solve_one is not None
    solution = task.solve_one(np.zeros(0))
    if not solution.success:
        raise ValueError(f"the model cannot be solved: {solution.reason}")
    values = np.stack([np.asarray(solution[name]) for name in task.outputs], axis=1)[None]
    run = Samples(np.zeros((1, 0)), values, np.zeros((0, 0)), ())
    return Data(run, run, run, 0.0)


class Runs:
    """Trajectories at the cut in runs of the whole model, and runs of the part alone."""

    def __init__(self, model: CompiledProgram, task: Task, found: Cut, data: Data, given: Mapping[str, Any]):
        self.model, self.task, self.found, self.data, self.given = model, task, found, data, given
        prefix = found.place.name + "."
        begun = given["initial"] or {}
        self.initial = {k[len(prefix) :]: v for k, v in begun.items() if k.startswith(prefix)}
        self._position = {name: k for k, name in enumerate(task.outputs)}
        vectors = [self._vectors(s) for s in data.every]
        every = np.concatenate(vectors)
        blocks = {b.name: b for b in model.program.system.flat.parameters}
        moved = np.ptp(every, axis=0) > _SAME * np.abs(every).max(0)
        named = {p.name.partition("[")[0] for p in task.parameters}
        free = dict.fromkeys([*found.free, *(n[len(prefix) :] for n in named if n.startswith(prefix))])
        self.varying = tuple(
            n for n in free
            if prefix + n in blocks and np.any(moved[blocks[prefix + n].offset :][: blocks[prefix + n].size])
        )  # fmt: skip
        numbers = [
            blocks[prefix + n].offset + k for n in self.varying for k in range(blocks[prefix + n].size)
        ]
        self.scalars = np.array(numbers, dtype=np.int64)
        # Elements of an array that do not differ between runs are no part of v.
        self.columns = np.flatnonzero(moved[self.scalars]) if len(numbers) else np.zeros(0, dtype=np.int64)
        self.names = [
            blocks[prefix + n].scalar_name(k)[len(prefix) :]
            for n in self.varying for k in range(blocks[prefix + n].size)
        ]  # fmt: skip
        self.whole = tuple(self._whole(s, v) for s, v in zip(data.every, vectors, strict=True))

    def _vectors(self, samples: Samples) -> np.ndarray:
        fixed = self.task.fixed
        rows = []
        for row in samples.values:
            own = {p.name: row[k] for k, p in enumerate(self.task.parameters) if p.kind != "start"}
            rows.append(self.model.parameter_vector({**fixed, **own}))
        return np.array(rows)

    def _whole(self, samples: Samples, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """u, p and y of runs of the whole, in SI."""
        count = len(samples)

        def of(c: CutScalar) -> np.ndarray:
            if c.name in self._position:
                return samples.trajectories[:, :, self._position[c.name]] * c.scale + c.shift
            for k, drive in enumerate(self.task.drives):
                if drive.name == c.name:
                    m = len(self.task.times)
                    first = self.task.scalars + k * m
                    return samples.values[:, first : first + m] * c.scale + c.shift
            found = self.model.input_names.find(c.name)
            default = float(np.asarray(self.model.interpreted.input_defaults(vectors[0]))[int(found.scalars)])
            return np.full((count, len(self.task.times)), default)

        def stacked(crossings: Sequence[CutScalar]) -> np.ndarray:
            if not crossings:
                return np.zeros((count, len(self.task.times), 0))
            return np.stack([of(c) for c in crossings], axis=2)

        return stacked(self.found.signals), vectors[:, self.scalars], stacked(self.found.outputs)

    def learn(self, seed: int) -> None:
        """Runs the part alone. `known`: those runs to learn from (with all of its unknowns), runs of the whole to
        choose by, and the part alone.
        """
        assert self.model.origin is not None
        found, task = self.found, self.task
        compiled = self.model.origin(found.alone, {})
        alone = PartAlone(
            compiled, found.place.path[-1], found.signals, found.outputs, self.varying, task.start
        )
        u, p, y = self.whole[0]
        if not len(found.outputs):
            raise ValueError(f"`{found.place.name}` gives nothing to the rest of the model: leave it out")
        self.moving = np.flatnonzero(np.ptp(u, axis=(0, 1)) > _SAME * np.abs(u).max((0, 1), initial=0.0))
        around, nearest = enriched(task.times, u, ALONE, seed)
        options = {"rtol": 1e-8, "atol": None}
        record, ok, full = alone.run(
            task.times, np.concatenate([u, around]), np.concatenate([p, p[nearest]]), self.initial, options
        )
        if not np.any(ok[: len(u)]):
            raise ValueError(
                f"`{found.place.name}` alone cannot be solved under the signals it has in `{self.model.name}`"
            )
        self._follows(record.y[: int(ok[: len(u)].sum())], y[ok[: len(u)]])
        if record.x is not None:
            record = replace(record, slopes=alone.slopes(record, full))
        v = self._narrow(
            np.concatenate([self.whole[1][0], spread(self.whole[1][1], len(task.times))], axis=2)
        )
        held = Record(task.times, v, self.whole[1][2])
        self.known = (replace(record, v=self._narrow(record.v)), full), held, alone

    def fitted(
        self, methods: tuple[str, ...], seed: int, left: float = LEFT, enough: float = 0.0
    ) -> list[Candidate]:
        """Surrogates by `methods`, the best first (see `candidates`)."""
        (record, full), held, alone = self.known
        point = self._point(alone, record, full) if "balanced" in methods else None
        return candidates(record, held, point, len(self.columns), methods, seed, left, enough)

    def _narrow(self, v: np.ndarray) -> np.ndarray:
        """v with the signals and parameters that vary."""
        return v[:, :, [*self.moving, *(len(self.found.signals) + self.columns)]]

    def _follows(self, alone: np.ndarray, whole: np.ndarray) -> None:
        span = np.ptp(whole, axis=(0, 1))
        size = np.where(span > 0, span, np.maximum(np.abs(whole).max((0, 1)), 1.0))
        off = float(np.median(np.max(np.abs(alone - whole) / size, axis=2)))
        if not off < _FOLLOWS:
            raise ValueError(
                f"`{self.found.place.name}` alone does not do what it does in `{self.model.name}`: it is off by "
                f"{100 * off:.2g} % of the range\n  where its start depends on what is around it, give the start "
                "values inside of it; where signals change between the times that are kept, give more `times`"
            )

    def _point(self, alone: PartAlone, record: Record, full: np.ndarray) -> Any:
        """The part linearised, by the signals that vary."""
        wide = self._wide(record.v)
        point = alone.linearised(replace(record, v=wide), full)
        if point is None:
            return None
        system = replace(point.system, B=point.system.B[:, self.moving], D=point.system.D[:, self.moving])
        return replace(point, system=system, v=self._narrow(point.v[None, None])[0, 0])

    def _wide(self, v: np.ndarray) -> np.ndarray:
        """v with all signals and parameters, from those that vary."""
        u, p, _ = self.whole[0]
        every = np.concatenate([u[0, 0], p[0]])
        found = np.broadcast_to(every, (*v.shape[:2], len(every))).copy()
        found[:, :, [*self.moving, *(u.shape[2] + self.columns)]] = v
        return found


def spread(p: np.ndarray, times: int) -> np.ndarray:
    return np.repeat(p[:, None], times, axis=1)
