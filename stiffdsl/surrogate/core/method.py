"""Interface of a surrogate method: its name, the tasks that it fits, what it costs, and its fit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from stiffdsl.surrogate.core.fitted import FittedFormula
from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.stored import FormulaFormat
from stiffdsl.surrogate.core.task import Task

Prepared = TypeVar("Prepared")


class Unfit(ValueError):
    """A fit that does not follow the samples it was made from: `auto` takes another method."""


@dataclass(frozen=True, eq=False)
class MethodFit:
    """A fitted formula and what was `chosen` on the way; `needless`: why a quicker method gives the same."""

    formula: FittedFormula
    chosen: dict[str, object]
    needless: str | None = None


@dataclass(frozen=True, eq=False)
class SharedWork:
    """The training samples of a task, and what several methods make of them, made when the first asks."""

    task: Task
    training: Samples
    seed: int
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict)

    def once(self, prepare: Callable[[Task, Samples, int], Prepared]) -> Prepared:
        """The result of `prepare` for these samples."""
        if prepare not in self._made:
            self._made[prepare] = prepare(self.task, self.training, self.seed)
        return self._made[prepare]


class SurrogateMethod(Protocol):
    """A method as the registry lists it: training, storage, `--method` and the report ask it and no list of names."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str:
        """The end of the sentence "this surrogate is …", for a newcomer."""
        ...

    @property
    def inputs(self) -> bool:
        """Whether it is for tasks with inputs over time, or for those without."""
        ...

    @property
    def reach(self) -> float:
        """A worst error that it does not get below: where another method is there already it is not tried."""
        ...

    @property
    def seconds(self) -> float:
        """Seconds of a budget that are kept for its fit."""
        ...

    @property
    def format(self) -> FormulaFormat: ...

    def misfit(self, task: Task) -> str | None:
        """The reason why it does not fit a task of its kind, as the end of the sentence "the method `x` …"."""
        ...

    def fit(self, shared: SharedWork) -> MethodFit:
        """The formula that is fitted to the samples. Raises `Unfit` where it does not follow them."""
        ...
