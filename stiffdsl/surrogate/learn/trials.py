"""Fits one method after the other to the same samples, within a budget, and compares them on samples held out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stiffdsl.surrogate.core.constrained import reader
from stiffdsl.surrogate.core.fitted import FittedFormula
from stiffdsl.surrogate.core.laws import Laws
from stiffdsl.surrogate.core.scaling import relative_to
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.learn.choice import GALERKIN, RECURRENT, REGISTERED, REGRESSION
from stiffdsl.surrogate.learn.gather import Data
from stiffdsl.surrogate.learn.progress import Tell, silent
from stiffdsl.surrogate.learn.validation import errors, headline, summary
from stiffdsl.surrogate.methods.driven import fit as driven_fit
from stiffdsl.surrogate.methods.expansion.fit import expand
from stiffdsl.surrogate.methods.expansion.prepare import Prepared, prepare
from stiffdsl.surrogate.methods.galerkin import fit as reduced_fit
from stiffdsl.surrogate.methods.recurrent import fit as recurrent_fit
from stiffdsl.surrogate.methods.registered import fit as registered_fit
from stiffdsl.surrogate.methods.registered.registered import Registered

# The worst error that a method does not get below: networks in single precision, curves of straight pieces. Where
# another is there already it is not tried.
REACH = {"neural": 1e-4, REGISTERED: 1e-3, REGRESSION: 1e-3}
# Seconds that are kept for a method that has not run yet; once it has, it is taken to need as long again.
SECONDS = {"neural": 5.0, REGISTERED: 10.0, REGRESSION: 30.0, RECURRENT: 60.0}
# With more samples, a method is fitted again if it erred at most so many times as much as the best one.
_NEAR = 3.0
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
        self, task: Task, methods: tuple[str, ...], seed: int, until: float | None, tell: Tell = silent
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
        shared = _Shared(self.task, data, self.seed)
        again = {m for m, t in self.tried.items() if t.score <= _NEAR * self.best().score}
        first = not self.tried
        for method in self.methods:
            if not first and method not in again:
                continue
            why = self._needless(method, goal) if first and self.tried else None
            if why is not None:
                self.skipped[method] = why
                continue
            of = (
                f", method {self.methods.index(method) + 1} of {len(self.methods)}"
                if self.methods[1:]
                else ""
            )
            self.tell(f"fitting `{method}` to {len(data.training):,} runs{of}")
            try:
                trial = shared.trial(method)
            except reduced_fit.Unfit as error:
                if len(self.methods) == 1:
                    raise
                self.skipped[method] = str(error).split(":", 1)[0]
                continue
            if (
                isinstance(trial.expansion, Registered)
                and not trial.expansion.walks
                and len(self.methods) > 1
            ):
                self.skipped[method] = "no output gains by a clock of its own"
                continue
            self.tried[method] = trial

    def _needless(self, method: str, goal: float | None) -> str | None:
        error = min(t.error for t in self.tried.values())
        if goal is not None and error <= goal:
            return "another one meets the goal"
        if error < REACH.get(method, 0.0):
            return "another one is more exact than this can be"
        if self.until is not None and time.perf_counter() + SECONDS.get(method, 0.0) > self.until:
            return "the budget is spent"
        return None


class _Shared:
    """Intermediate results that methods share on the same samples, made when the first of them asks."""

    def __init__(self, task: Task, data: Data, seed: int):
        self.task, self.data, self.seed = task, data, seed
        self._prepared: Prepared | None = None
        self._driven: driven_fit.Driven | None = None

    def trial(self, method: str) -> Trial:
        task, data = self.task, self.data
        begin = time.perf_counter()
        expansion, chosen = self._expanded(method)
        predicted = predict(task, expansion, None, data.calibration.values)
        leads = expansion.start is not None
        denominator = relative_to(data.calibration.trajectories, data.training.trajectories, leads)
        found = errors(data.calibration.trajectories, predicted, denominator)
        seconds = time.perf_counter() - begin
        told = headline(task.outputs, task.headline, data.training.trajectories)
        return Trial(method, expansion, len(data.training), summary(found.of(told)), chosen, seconds)

    def _expanded(self, method: str) -> tuple[FittedFormula, dict[str, object]]:
        task, seed, training = self.task, self.seed, self.data.training
        if not task.drives and method != REGRESSION:
            prepared = self._prepared = self._prepared or prepare(task, training, seed)
            if method == REGISTERED:
                return registered_fit.expand(task, training, prepared, expand(prepared, "rbf", seed)[0], seed)
            return expand(prepared, method, seed)
        driven = self._driven = self._driven or driven_fit.prepare(task, training, seed)
        if method == RECURRENT:
            return recurrent_fit.expand(driven, seed)
        if method == GALERKIN:
            equations = task.equations()
            assert not isinstance(equations, str)
            return reduced_fit.expand(task, driven, training, equations, seed)
        return driven_fit.expand(driven, seed, network=method != "lpctesn")


def _finite(error: float) -> float:
    return error if np.isfinite(error) else np.inf


def predict(task: Task, expansion: FittedFormula, laws: Laws | None, values: np.ndarray) -> np.ndarray:
    """(n, m, q) at the times learnt, for rows of values (n, d)."""
    formula = reader(expansion, laws, task.times, task.times, np.arange(len(task.outputs)))
    with np.errstate(over="ignore", invalid="ignore"):
        return formula(np, values)
