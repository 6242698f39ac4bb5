"""The training task of a surrogate: ranges of parameters, start values and inputs, names of outputs, times,
and a way to solve the full model.

The runtime fills a `Task` from a compiled model; anything else that can be solved for many parameters can
fill one too. All values are in the units a user declared."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from stiffdsl.surrogate.core.between import refined
from stiffdsl.surrogate.core.formula import Formula

# The greatest share of a drawn signal in a blend of examples.
FOREIGN = 0.3
# How values are drawn over a range that spans more than ten times: evenly, or evenly in the logarithm.
DISTRIBUTIONS = ("uniform", "log")

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One varied scalar: it is sampled in `low`..`high`; `default` is what a call takes where it is not
    given. Its `kind` is `parameter`, or `start` for the start value of a state.
    """

    name: str
    low: float
    high: float
    default: float
    unit: str | None = None
    kind: str = "parameter"

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


@dataclass(frozen=True, slots=True)
class Drive:
    """One input that varies over time between `low` and `high`; `default` is its value where nobody drives it."""

    name: str
    low: float
    high: float
    default: float
    unit: str | None = None

    @property
    def range(self) -> tuple[float, float]:
        return self.low, self.high

    def __post_init__(self):
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"the range of `{self.name}` must be finite and ascend, not {self.low:g}..{self.high:g}"
            )


@dataclass(frozen=True, eq=False)
class Relations:
    """Linear relations that all trajectories hold, over e entries: the sum of weight times output is a total.

    Entry e stands in relation `rows[e]`, before output `columns[e]`; `numbers(values (k, d))` returns the weights
    (k, e) and the totals (k, relations) in declared units. `copies` (c, 2) are outputs and those that they are the
    same as, but for `factor` and `offset` (c,).
    """

    texts: tuple[str, ...]
    rows: np.ndarray
    columns: np.ndarray
    numbers: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    copies: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    factor: np.ndarray = field(default_factory=lambda: np.zeros(0))
    offset: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, eq=False)
class Equations:
    """A model y' = f(t, y, p, u) of `size` ordinary differential equations, in SI; p are parameters.

    `rhs` is f and `outputs` what is learnt, both over t, y, p, u; in declared units it is (x - `shift`) / `scale`.
    `parameters` gives p over `given` (base + scalars @ matrix) and `mask`, the three of `given`; u is base + signals @
    matrix, the two of `inputs`. `states(values (k, d), times (m,))` solves: (k, m, size), and which are good (k,).
    """

    size: int
    rhs: Formula
    outputs: Formula
    scale: np.ndarray
    shift: np.ndarray
    parameters: Formula
    given: tuple[np.ndarray, np.ndarray, np.ndarray]
    inputs: tuple[np.ndarray, np.ndarray]
    states: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Task:
    """A model over a box of parameters and a span of time.

    A row of values holds one number for each of `parameters`, then for each of `drives` its values at `times`, which
    are its knots: d in all. Where a knot interval is divided into `pieces`, `solve_many` takes longer rows too: after
    these numbers come the deviations of each drive from the straight lines between knots, at all F `fine` times.
    `examples` are signals (e, F) of some drives, by name, that stand for what the user will ask about: example k
    of one drive belongs to example k of all others that have as many. In training half of their blends have a share
    of up to `foreign` of a drawn signal mixed in. A `generator` draws all drives together, by name (F,).

    `times` (m,) ascend from `start` or later; with `log_time` they are log-spaced after `start`, and `start`
    itself may lead them. `solve_many(values (k, d), progress)` returns trajectories (k, m, q), which of them are
    good (k,), and a reason for each (None where it is good); values of failed ones are ignored.

    `solve_one(values (d,))` and `solve_batch(values (k, d))` solve at the tolerances that a user has, where
    `solve_many` may be finer: they are only timed. `full` answers outside the domain where a user asks for that;
    `dense(values (d,))` is the solution as a function of times (k,) that returns (k, q), as exact as `solve_many`; None
    where it fails. Fronts that move with the parameters are found between `times` by it.
    `fixed` are numbers given for parameters that do not vary; `given` all that was given for the full model beside what
    varies (`params`, `inputs`, `initial`, by name), which is handed on where it answers; `identity` tells the model
    from others, empty where nothing is known of it. `relations()` finds what every trajectory holds; `physical` says
    of each output whether its unit has a zero that is one (kelvins and not degrees), empty: all have. `equations()`
    gives the model's own, or why there are none. `distribution` says how values are drawn where errors are measured:
    `uniform`, or `log`, evenly in the logarithm of ranges that span more than ten times (of the others evenly).
    `headline` are the outputs that errors are summed up over, and methods compared by: those that the model declares
    so, or one of each set of aliases; empty: all outputs.
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
    dense: Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray] | None] | None = None
    start: float = 0.0
    fixed: Mapping[str, float] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    identity: str = ""
    headline: tuple[str, ...] = ()
    distribution: str = "uniform"
    drives: tuple[Drive, ...] = ()
    pieces: int = 1
    examples: Mapping[str, np.ndarray] = field(default_factory=dict)
    foreign: float = FOREIGN
    generator: Callable[[np.random.Generator], Mapping[str, np.ndarray]] | None = None
    relations: Callable[[], Relations] | None = None
    equations: Callable[[], Equations | str] = lambda: "its equations are not known"
    physical: tuple[bool, ...] = ()
    # What tells this task from others: solves that were stored for one are not used for another.
    fingerprint: Callable[[], str] = str

    def __post_init__(self):
        times = np.asarray(self.times, dtype=float)
        if not self.outputs or len(self.outputs) != len(self.units):
            raise ValueError("a surrogate needs at least one output, and a unit (or None) for each")
        if times.ndim != 1 or len(times) < 8 or np.any(np.diff(times) <= 0) or not np.all(np.isfinite(times)):
            raise ValueError("a surrogate needs at least 8 finite times that ascend")
        if times[0] < self.start:
            raise ValueError(f"the first time, {times[0]:g}, lies before the start, {self.start:g}")
        if self.distribution not in DISTRIBUTIONS:
            known = " or ".join(DISTRIBUTIONS)
            raise ValueError(f"values are drawn from a distribution {known}, not `{self.distribution}`")
        object.__setattr__(self, "times", times)

    @property
    def scalars(self) -> int:
        """The number of columns of a row that are parameters and start values."""
        return len(self.parameters)

    @cached_property
    def fine(self) -> np.ndarray:
        """(F,) the times between which inputs run straight: the knots, refined."""
        return refined(self.times, self.pieces)

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of each entry of a row."""
        return column_names(self.parameters, self.drives, len(self.times))

    @property
    def low(self) -> np.ndarray:
        return np.array([p.low for p in self.parameters] + [d.low for d in self.drives for _ in self.times])

    @property
    def high(self) -> np.ndarray:
        return np.array([p.high for p in self.parameters] + [d.high for d in self.drives for _ in self.times])


def column_names(parameters: tuple[Parameter, ...], drives: tuple[Drive, ...], knots: int) -> tuple[str, ...]:
    """The names of the entries of a row: a drive's stands for each of its knots."""
    return (*(p.name for p in parameters), *(d.name for d in drives for _ in range(knots)))
