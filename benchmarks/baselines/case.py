"""The cases: a model, what varies, the times, and the solves that every method learns from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

import stiffdsl as sd
from benchmarks.baselines.hard_cases import HARD, hard
from benchmarks.peers.jax_arrays import JAX
from benchmarks.problems.building import equations as building_equations
from benchmarks.problems.pollu import NAMES, RATES
from benchmarks.problems.pollu import equations as pollu_equations
from stiffdsl.resources import folder
from stiffdsl.surrogate.core import sampling
from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.scaling import (
    Clock,
    OutputScaling,
    ParameterScaling,
    clock,
    relative_to,
    scalings,
)
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.learn import gather, slopes
from stiffdsl.surrogate.learn.gather import Data
from stiffdsl.surrogate.of_model.task import task_of

CASES = ("robertson", "pollu", "building", *HARD)
SAMPLES, TIMES, ROOMS = 100, 200, 10
# Outputs that span more than this factor are learnt as logarithms, by every baseline.
_DECADE = 10.0

RightHandSide = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, eq=False)
class BaselineCase:
    """`data` of a `task`, and the scaled coordinates that the baselines learn in: parameters and time in [-1, 1].

    `equations(t, x, p)`, in JAX, are the time derivatives of the outputs, which are all of the states. `full` solves
    the model at one row of values, `batch` at many."""

    name: str
    task: Task
    data: Data
    parameters: ParameterScaling
    outputs: OutputScaling
    clock: Clock
    equations: RightHandSide
    full: Callable[[np.ndarray], Any] | None = None
    batch: Callable[[np.ndarray], Any] | None = None

    @property
    def z(self) -> np.ndarray:
        """(n, d)"""
        return self.parameters.scale(np, self.data.training.values)

    @property
    def s(self) -> np.ndarray:
        """(m,)"""
        return self.clock.scale(self.task.times)

    @property
    def y(self) -> np.ndarray:
        """(n, m, q), of mean zero and deviation one"""
        mean, size = self.spread
        return (self.outputs.scale(self.data.training.trajectories) - mean) / size

    @cached_property
    def spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (q,) of the scaled outputs in training."""
        y = self.outputs.scale(self.data.training.trajectories)
        return y.mean((0, 1)), np.maximum(y.std((0, 1)), 1e-12)

    @cached_property
    def denominator(self) -> np.ndarray:
        """Scale of errors at the test samples: the value where an output spans decades, else its range."""
        x, every = self.data.test.trajectories, self.data.training.trajectories
        by_range = np.ptp(every, axis=(0, 1))
        by_value = relative_to(x, every, False)
        return np.where(self.outputs.kind == 1, by_value, np.where(by_range > 0, by_range, 1.0))

    def raw(self, y: np.ndarray) -> np.ndarray:
        """Outputs for scaled ones."""
        mean, size = self.spread
        with np.errstate(over="ignore"):
            return self.outputs.unscale(mean + size * y, np.arange(y.shape[-1]))


def make(name: str, samples: int = SAMPLES, seed: int = 0) -> BaselineCase:
    """Solves the case at `samples` Sobol points and at as many, drawn evenly, for each of the two held-out sets."""
    made = {"robertson": _robertson, "pollu": _pollu, "building": _building}
    task, equations = hard(name) if name in HARD else made[name]()
    return of(name, task, equations, samples, seed)


def of(name: str, task: Task, equations: RightHandSide, samples: int, seed: int = 0) -> BaselineCase:
    """The case of a task: solved, and with its coordinates."""
    data = gather.first(task, samples, None, seed, "sobol", lambda part: None)

    x = data.training.trajectories
    kinds = scalings(x)
    magnitude = np.abs(x).reshape(-1, x.shape[-1])
    wide = (kinds["log"].kind == 1) & (magnitude.max(0) > _DECADE * magnitude.min(0))
    return BaselineCase(
        name,
        replace(task, solve_many=kept(data, _of_slopes(task, data, seed)), solve_one=None, solve_batch=None),
        data,
        ParameterScaling(task.low, task.high, np.zeros(len(task.low), bool)),
        kinds["log"].with_kind(np.where(wide, 1, 0)),
        clock(task.times, task.start, task.log_time)[0],
        equations,
        task.solve_one,
        task.solve_batch,
    )


def _of_slopes(task: Task, data: Data, seed: int) -> Samples:
    """The runs that our own training measures its slopes by: it learns nothing from them."""
    values = np.concatenate(slopes.pairs(task, len(data.test), seed))
    return sampling.solve(task, values, lambda part: None)


def kept(data: Data, measuring: Samples) -> Callable[[np.ndarray, Any], Any]:
    """`solve_many` for our own training, which asks for the points that all learn from: it gets the same solutions, and
    the same failures; and for those that it is measured by. Raises `ValueError` at a point that was not solved."""
    every = *data.every, measuring
    solved = {row.tobytes(): x for s in every for row, x in zip(s.values, s.trajectories, strict=True)}
    failed = {row.tobytes(): why for s in every for row, why in zip(s.failed, s.reasons, strict=True)}
    nothing = np.full(data.training.trajectories.shape[1:], np.nan)

    def again(values: np.ndarray, progress: Any) -> Any:
        keys = [row.tobytes() for row in values]
        if new := sum(key not in solved and key not in failed for key in keys):
            raise ValueError(f"{new} of {len(keys)} points are not among those that the baselines learn from")
        trajectories = np.stack([solved.get(key, nothing) for key in keys])
        return trajectories, np.array([key in solved for key in keys]), [failed.get(key) for key in keys]

    return again


def _around(model: Any, names: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Ranges of 50 % about the declared values."""
    values = {name: model.parameters[name].value for name in names}
    return {name: (0.5 * value, 1.5 * value) for name, value in values.items()}


def _robertson() -> tuple[Task, RightHandSide]:
    model = sd.load("chemistry.robertson")
    times = np.geomspace(1e-4, 1e5, TIMES)
    task = task_of(model, _around(model, ("k1", "k2", "k3")), times=times, outputs=("A", "B", "C"))

    def equations(t: Any, x: Any, p: Any) -> Any:
        slow, fast, back = p[0] * x[0], p[1] * x[1] ** 2, p[2] * x[1] * x[2]
        return jnp.stack([-slow + back, slow - back - fast, fast])

    return replace(task, log_time=True), equations


def _pollu() -> tuple[Task, RightHandSide]:
    model = sd.load("chemistry.pollu")
    task = task_of(
        model, _around(model, ("k1", "k2", "k3", "k4")), times=np.geomspace(1e-3, 60, TIMES), outputs=NAMES
    )

    def equations(t: Any, x: Any, p: Any) -> Any:
        return pollu_equations(t, x, JAX, (*p, *RATES[4:]))

    return replace(task, log_time=True), equations


def _building() -> tuple[Task, RightHandSide]:
    """Some rooms: the weather's numbers, the windows and the partitions vary, and all temperatures are learnt."""
    text = (folder("models") / "examples" / "building.sml").read_text()
    for name in ("T_mean", "T_swing", "cloud", "sun_peak"):
        text = text.replace(f"input {name} =", f"param {name} =")
    text = text.replace("Room(T_set", "Room(window_U = glass, T_set")
    text = text.replace(
        "  var T_outdoor [degC]\n  var sun",
        "  param glass = 1.1 [W/(m^2*K)]\n  var T_outdoor [degC]\n  var sun",
    )
    model = sd.loads(text, "Building", {"N": ROOMS})
    names = ("T_mean", "T_swing", "cloud", "sun_peak", "glass", "G_partition")
    air = [f"rooms[{i}].inside.T" for i in range(1, ROOMS + 1)]
    walls = [f"rooms[{i}].wall.T[{k}]" for k in (1, 2, 3) for i in range(1, ROOMS + 1)]
    times = np.linspace(864.0, 172800.0, TIMES)
    task = task_of(model, _around(model, names), times=times, outputs=(*air, *walls))

    def equations(t: Any, x: Any, p: Any) -> Any:
        return building_equations(ROOMS, t, x, JAX, p)

    return task, equations
