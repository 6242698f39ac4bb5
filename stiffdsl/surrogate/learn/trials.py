"""Fits one method after the other to the same samples, within a budget, and compares them on samples held out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.core.between import Deviations, bound, moved
from stiffdsl.surrogate.core.constrained import reader
from stiffdsl.surrogate.core.fitted import FittedFormula
from stiffdsl.surrogate.core.laws import Laws
from stiffdsl.surrogate.core.method import SharedWork, SurrogateMethod, Unfit
from stiffdsl.surrogate.core.scaling import relative_to
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.learn.budget import again
from stiffdsl.surrogate.learn.gather import Data
from stiffdsl.surrogate.learn.progress import Tell, silent
from stiffdsl.surrogate.learn.validation import errors, headline, summary

# With more samples, a method is fitted again if it erred at most so many times as much as the best one.
_NEAR = 3.0
# Seconds from which on the time that a fit takes says something of the machine.
_LONG = 2.0
# How many times the error of a method that is slower than the model a faster one may have, and is kept all the same.
_NEARLY = 2.0


@dataclass(frozen=True, eq=False)
class Trial:
    """A fitted method: its errors at the calibration samples, what was chosen, and how long it took."""

    method: str
    expansion: FittedFormula
    samples: int
    summary: dict[str, float]
    chosen: dict[str, object]
    seconds: float

    @property
    def error(self) -> float:
        """The worst."""
        return self.summary["worst"]

    @property
    def score(self) -> float:
        """The error that 95 % are below, infinite where a prediction is no number."""
        return self.summary["p95"] if np.isfinite(self.summary["p95"]) else np.inf


class Trials:
    """The last trial of each of `methods`, in `tried`, and why others were `skipped`, by name."""

    def __init__(
        self,
        task: Task,
        methods: tuple[SurrogateMethod, ...],
        seed: int,
        until: float | None,
        tell: Tell = silent,
    ):
        """`until`: no method is begun that would not be ready at this time of `time.perf_counter`."""
        self.task, self.methods, self.seed, self.until, self.tell = task, methods, seed, until, tell
        self.tried: dict[str, Trial] = {}
        self.skipped: dict[str, str] = {}

    def best(
        self,
        goal: float | None = None,
        seconds: Mapping[str, float] | None = None,
        full: float = np.inf,
    ) -> Trial:
        """The trial with the least error that 95 % are below, then the least worst one.

        A trial that meets the goal goes before those that do not. With the `seconds` of a prediction by method, one
        that takes longer than the `full` model gives way to a faster one whose error is at most `_NEARLY` times as
        large.
        """

        def rank(trial: Trial) -> tuple[bool, float, float]:
            return goal is not None and not trial.error <= goal, trial.score, _finite(trial.error)

        ranked = sorted(self.tried.values(), key=rank)
        first = ranked[0]
        if seconds is None or seconds[first.method] <= full:
            return first
        faster = (
            t
            for t in ranked
            if seconds[t.method] <= full and t.score <= _NEARLY * first.score and rank(t)[0] == rank(first)[0]
        )
        return next(faster, first)

    def fit(self, data: Data, goal: float | None = None) -> None:
        """Fits all methods that are worth it to `data`."""
        shared = SharedWork(self.task, data.training, self.seed)
        kept, first = self._again(), not self.tried
        for number, method in enumerate(self.methods, 1):
            if not first and method.name not in kept:
                continue
            why = self._needless(method, goal) if first and self.tried else None
            if why is not None:
                self.skipped[method.name] = why
                continue
            of = f", method {number} of {len(self.methods)}" if self.methods[1:] else ""
            self.tell(f"fitting `{method.name}` to {len(data.training):,} runs{of}")
            try:
                trial, needless = self._trial(method, shared, data)
            except Unfit as error:
                if len(self.methods) == 1:
                    raise
                self.skipped[method.name] = str(error).split(":", 1)[0]
                continue
            if needless is not None and len(self.methods) > 1:
                self.skipped[method.name] = needless
                continue
            self.tried[method.name] = trial

    def _again(self) -> set[str]:
        """The methods that are fitted to more samples: those that erred about as little as the best one, as far as the
        budget goes; that one in any case."""
        if not self.tried:
            return set()
        best = self.best()
        near = [t for t in self.tried.values() if t.score <= _NEAR * best.score]
        left = np.inf if self.until is None else self.until - time.perf_counter() - again(best.seconds)
        found = {best.method}
        for trial in sorted(near, key=lambda t: t.score):
            if trial is not best and again(trial.seconds) <= left:
                found.add(trial.method)
                left -= again(trial.seconds)
        return found

    def seconds_of_another(self) -> float:
        """The seconds that fits took for those methods that another round would fit again."""
        return sum(self.tried[method].seconds for method in self._again())

    def _trial(self, method: SurrogateMethod, shared: SharedWork, data: Data) -> tuple[Trial, str | None]:
        """The method fitted and its errors at the calibration samples; and why it is needless, if it is."""
        task = self.task
        begin = time.perf_counter()
        made = method.fit(shared)
        predicted = predict(
            task, made.formula, None, data.calibration.values, data.calibration.deviations(task)
        )
        leads = made.formula.start is not None
        denominator = relative_to(data.calibration.trajectories, data.training.trajectories, leads)
        found = errors(data.calibration.trajectories, predicted, denominator, data.calibration.hidden(task))
        seconds = time.perf_counter() - begin
        told = headline(task.outputs, task.headline, data.training.trajectories)
        errs = summary(found.of(told))
        trial = Trial(method.name, made.formula, len(data.training), errs, made.chosen, seconds)
        return trial, made.needless

    def _pace(self) -> float:
        """The factor by which fits take longer than expected on this machine: at least one."""
        expected = {method.name: method.seconds for method in self.methods}
        long = (t.seconds / expected[t.method] for t in self.tried.values() if expected[t.method] >= _LONG)
        return max(1.0, *long, 1.0)

    def _needless(self, method: SurrogateMethod, goal: float | None) -> str | None:
        error = min(t.error for t in self.tried.values())
        if goal is not None and error <= goal:
            return "another one meets the goal"
        if error < method.reach:
            return "another one is more exact than this can be"
        if self.until is not None and time.perf_counter() + self._pace() * method.seconds > self.until:
            return "the budget is spent"
        return None


def _finite(error: float) -> float:
    return error if np.isfinite(error) else np.inf


def predict(
    task: Task,
    expansion: FittedFormula,
    laws: Laws | None,
    values: np.ndarray,
    off: Deviations | None = None,
) -> np.ndarray:
    """(n, m, q) at the times learnt, for rows of values (n, d) and inputs between knots."""
    formula = reader(expansion, laws, task.times, task.times, np.arange(len(task.outputs)))
    formula = bound(formula, moved(formula, np, off))
    with np.errstate(over="ignore", invalid="ignore"):
        return formula(np, values)
