"""What a surrogate is trained on: ranges of parameters, names of outputs, times, and a way to solve the full
model.

The runtime fills a `Task` from a compiled model; anything else that can be solved for many parameters can
fill one too. All values are in the units a user declared."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One varied scalar: it is sampled in `low`..`high`; `default` is what a call takes where it is not
    given.
    """

    name: str
    low: float
    high: float
    default: float
    unit: str | None = None

    @property
    def value(self) -> float:
        """The default, under the name it has in a model's table."""
        return self.default

    @property
    def range(self) -> tuple[float, float]:
        return self.low, self.high

    def __post_init__(self):
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"the range of `{self.name}` must be finite and ascend, not {self.low:g}..{self.high:g}"
            )


@dataclass(frozen=True, eq=False)
class Task:
    """A model over a box of parameters and a span of time.

    `times` (m,) ascend from `start` or later; with `log_time` they are log-spaced after `start`, and `start`
    itself may lead them. `solve_many(values (k, d), progress)` returns trajectories (k, m, q), which of them are
    good (k,), and a reason for each (None where it is good); values of failed ones are ignored.

    `solve_one(values (d,))` and `solve_batch(values (k, d))` solve at the tolerances that a user has, where
    `solve_many` may be finer: they are only timed. `full` answers outside the domain where a user asks for that;
    `fixed` are the values of the parameters that do not vary.
    """

    name: str
    parameters: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    units: tuple[str | None, ...]
    times: np.ndarray
    log_time: bool
    solve_many: Callable[[np.ndarray, Progress], tuple[np.ndarray, np.ndarray, list[str | None]]]
    solve_one: Callable[[np.ndarray], Any] | None = None
    solve_batch: Callable[[np.ndarray], Any] | None = None
    full: Any = None
    start: float = 0.0
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self):
        times = np.asarray(self.times, dtype=float)
        if not self.parameters:
            raise ValueError(
                "there is nothing to vary: a surrogate needs at least one parameter with a range"
            )
        if not self.outputs or len(self.outputs) != len(self.units):
            raise ValueError("a surrogate needs at least one output, and a unit (or None) for each")
        if times.ndim != 1 or len(times) < 8 or np.any(np.diff(times) <= 0) or not np.all(np.isfinite(times)):
            raise ValueError("a surrogate needs at least 8 finite times that ascend")
        if times[0] < self.start:
            raise ValueError(f"the first time, {times[0]:g}, lies before the start, {self.start:g}")
        object.__setattr__(self, "times", times)

    @property
    def low(self) -> np.ndarray:
        return np.array([p.low for p in self.parameters])

    @property
    def high(self) -> np.ndarray:
        return np.array([p.high for p in self.parameters])
