"""`Surrogate`: answers the calls of the model it stands for, and knows how far it can be trusted."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stiffdsl.solve.base.process import check_process
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.ensemble import Ensemble
from stiffdsl.solve.integrate.solution import OutsideDomainWarning, Solution
from stiffdsl.surrogate.core import bindings as given
from stiffdsl.surrogate.core.batches import Predict, batched
from stiffdsl.surrogate.core.between import Deviations, bound, moved
from stiffdsl.surrogate.core.constrained import over_clock, reader
from stiffdsl.surrogate.core.domain import Domain
from stiffdsl.surrogate.core.fitted import FittedFormula, FittedReader
from stiffdsl.surrogate.core.intervals import LEVELS, Widths
from stiffdsl.surrogate.core.laws import Laws
from stiffdsl.surrogate.core.names import Columns
from stiffdsl.surrogate.core.pure import PurePrediction
from stiffdsl.surrogate.core.task import Drive, Parameter
from stiffdsl.surrogate.core.verdict import Verdict, verdict

# Tables of the times and outputs asked for last are kept.
_READERS = 8


@dataclass(frozen=True, eq=False)
class Description:
    """Description of the learnt task: see `Task`."""

    name: str
    parameters: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    units: tuple[str | None, ...]
    times: np.ndarray
    log_time: bool
    start: float
    fixed: dict[str, float]
    method: str
    drives: tuple[Drive, ...] = ()
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    identity: str = ""
    distribution: str = "uniform"

    def handed_on(self, own: Mapping[str, Mapping[str, Any] | None]) -> dict[str, dict[str, Any]]:
        """Arguments of the full model: those given in training, overruled by a call's `own`."""
        whole = {kind: {**self.given.get(kind, {}), **(own[kind] or {})} for kind in own}
        return {kind: values for kind, values in whole.items() if values}


class Surrogate:
    """A fast stand-in for a model, over a box of parameters and a span of time.

    `validation` (a dict) holds the errors on samples that took no part in training, `speed` the seconds
    against the full model, `held_out` the arrays behind the pictures, `domain` the ranges, and `counts` how
    many runs were asked inside and outside of the domain and answered by the full model."""

    def __init__(
        self,
        about: Description,
        expansion: FittedFormula,
        region: Domain,
        widths: Widths,
        validation: dict[str, Any],
        held_out: dict[str, np.ndarray],
        full: Any = None,
        laws: Laws | None = None,
        *,
        writer: Callable[["Surrogate", str | Path], Path],
    ):
        """`writer(surrogate, directory)` is what `save` does."""
        self._writer = writer
        self.about = about
        self.expansion = expansion
        self.laws = laws
        self.region = region
        self.widths = widths
        self.validation = validation
        self.held_out = held_out
        self.full = full
        self.speed: dict[str, Any] = {}
        self.counts = {"inside": 0, "outside": 0, "fallback": 0}
        self._outputs = Columns(about.outputs, "output")
        self._given = given.Given(about.parameters, about.drives, about.times, about.fixed)
        self._readers: dict[Any, tuple[FittedReader, Predict]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what was compiled."""
        return self.__dict__ | {"_readers": {}}

    # --- what it is ---

    @property
    def name(self) -> str:
        return self.about.name

    @property
    def method(self) -> str:
        return self.about.method

    @property
    def outputs(self) -> tuple[str, ...]:
        """The scalars it predicts."""
        return self.about.outputs

    @property
    def times(self) -> np.ndarray:
        """The times it was trained at; it answers at any time between the start and the last of them."""
        return self.about.times

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The varied parameters and start values by name: `value`, `range`, `unit`, `kind`."""
        return {p.name: p for p in self.about.parameters}

    @property
    def inputs(self) -> dict[str, Drive]:
        """The inputs that may vary over time, by name: `default`, `range`, `unit`."""
        return {d.name: d for d in self.about.drives}

    @property
    def domain(self) -> dict[str, tuple[float, float]]:
        """The ranges that the stated error holds for."""
        return {p.name: (p.low, p.high) for p in (*self.about.parameters, *self.about.drives)}

    def doc(self, name: str) -> str | None:
        """The documentation of a variable, a parameter or an input, where the full model is at hand."""
        names = ("variable_names", "parameter_names", "input_names")
        tables = [getattr(self.full, table) for table in names if hasattr(self.full, table)]
        return next((table.find(name).block.doc or None for table in tables if name in table), None)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the surrogate: good for something or not, in a sentence, and remedies."""
        return verdict(self.validation, self.speed, bool(self.about.drives))

    @property
    def report(self) -> dict[str, Any]:
        """The statements on it in one place: verdict, errors of values and of slopes, coverage, speed, domain."""
        found = self.validation
        return {
            "verdict": self.verdict.sentence,
            "errors": {key: found[key] for key in ("median", "p95", "worst")},
            "slopes": found.get("slopes"),
            "outputs": found["outputs"],
            "coverage": found["coverage"],
            "failed": found["failed"],
            "speed": self.speed,
            "domain": self.domain,
        }

    # --- predictions ---

    def simulate(
        self,
        time: tuple[float, float] | None = None,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        saveat: Any = None,
        points: int | None = None,
        initial: Any = None,
        fallback: bool = False,
        **options: Any,
    ) -> Solution:
        """The trajectory for `params`, `inputs` and start values `initial` (by name, in declared units; those left
        out have the values of the model).

        Outside of its domain it warns (`OutsideDomainWarning`) by which parameter and how far, and answers
        all the same; with `fallback` the full model answers there, with `options` as for its own `simulate`.
        Raises `ValueError` for times that were not learnt."""
        values, hidden, off = self._row(params, initial, inputs)
        times = self._times(time, saveat, points)
        if self._judged(values, hidden, fallback)[0] and fallback and self.full is not None:
            self.counts["fallback"] += 1
            called = self.about.handed_on({"params": params, "inputs": inputs, "initial": initial})
            return self.full.simulate(time, called.pop("params", None), saveat=times, **called, **options)
        formula = self._reader(times, None)[0]
        formula = bound(formula, moved(formula, np, off))
        view = _View(self, values[0])

        with np.errstate(over="ignore", invalid="ignore"):
            y = formula(np, values)[0]
        stats = {"method": self.method}
        return Solution(
            view, times, y, Status.SUCCESS, "predicted by the surrogate", stats, _Dense(self, values, off)
        )

    def solver(
        self,
        saveat: Any = None,
        outputs: Sequence[str] | None = None,
        *,
        time: tuple[float, float] | None = None,
        **options: Any,
    ) -> PurePrediction:
        """A pure function `solve(params=None, initial=None, inputs=None, *, saveat, time) -> (times, outputs)`, as a
        model's.

        `jit`, `vmap` and `grad` work on it. It warns outside of the domain where its values are numbers; `solve.full`
        returns the flag, for traced values too. `options` of a solver are accepted and mean nothing here."""
        del options
        return PurePrediction(self, time, saveat, outputs)

    def ensemble(
        self,
        params: Mapping[str, Any] | None = None,
        saveat: Any = None,
        outputs: Sequence[str] | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        time: tuple[float, float] | None = None,
        fallback: bool = False,
        **options: Any,
    ) -> Ensemble:
        """One trajectory for each entry of the arrays in `params`, `initial` and `inputs`, and each row of a table
        `(times, values)` in `inputs`; numbers are the same for all lanes.

        With `fallback` the lanes outside of the domain are solved by the full model.
        """
        times = self._times(time, saveat, None)
        values, hidden, off = self._given.lanes(params, initial, inputs)
        labels = self._outputs.labels(outputs)[0]
        outside = self._judged(values, hidden, fallback)
        y = self._reader(times, outputs)[1](values, off)
        status = np.zeros(len(values), dtype=np.int32)
        if fallback and self.full is not None and outside.any():
            self.counts["fallback"] += int(outside.sum())
            own = self._given.named(values[outside])
            # Inputs as they were given: what lies between knots is not lost on the full model.
            own["inputs"] |= self._given.of_lanes(inputs, np.flatnonzero(outside))
            called = self.about.handed_on(own)
            solved = self.full.ensemble(called.pop("params", {}), times, labels, **called, **options)
            y[outside], status[outside] = solved.values, solved.status
        batch = Ensemble(times, labels, y, status, {"lanes outside": int(outside.sum())})
        units = dict(zip(self.about.outputs, self.about.units, strict=True))
        units |= {p.name: p.unit for p in (*self.about.parameters, *self.about.drives)}
        docs = {name: doc for name in labels if (doc := self.doc(name))}
        return batch.described(self.name, self._given.varied(params, initial, inputs), units, docs)

    def predict(self, values: Any, times: Any = None) -> np.ndarray:
        """(k, m, q) for parameters (k, d) in the order of `parameters`, without judging them: the fastest
        call. The values of each input at the times that were learnt follow the parameters.
        """
        values = np.atleast_2d(np.asarray(values, dtype=float))
        if values.shape[1] != self._given.size:
            raise ValueError(f"the surrogate takes {self._given.size} parameters, not {values.shape[1]}")
        return self._reader(self._times(None, times, None), None)[1](values)

    def calls_for(self, values: np.ndarray) -> dict[str, dict[str, Any]]:
        """The `params`, `initial` and `inputs` of an ensemble that rows (k, d) of `predict` stand for."""
        return {kind: given for kind, given in self._given.named(values).items() if given}

    def call_for(self, values: np.ndarray) -> dict[str, dict[str, Any]]:
        """The `params`, `initial` and `inputs` that a row (d,) of `predict` stands for."""
        found = self._given.named(np.asarray(values, dtype=float)[None])
        called: dict[str, Any] = {}
        for kind in ("params", "initial"):
            called[kind] = {name: float(value[0]) for name, value in found[kind].items()}
        called["inputs"] = {name: (times, rows[0]) for name, (times, rows) in found["inputs"].items()}
        return {kind: given for kind, given in called.items() if given}

    def interval(
        self,
        params: Mapping[str, Any] | None = None,
        saveat: Any = None,
        level: float = 0.95,
        *,
        inputs: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Lower and upper ends (times,) by output: where the full model lies with probability `level` at any
        one time.

        That holds for parameters drawn evenly from the domain (split conformal prediction) at the times that were
        learnt; between them the ends are interpolated. `level` is one of 0.5, 0.8, 0.9, 0.95.
        """
        if level not in LEVELS:
            raise ValueError(f"intervals are calibrated for {', '.join(map(str, LEVELS))}, not {level}")
        times = self._times(None, saveat, None)
        values, hidden, off = self._row(params, initial, inputs)
        self._judged(values, hidden, False)
        formula = self._reader(times, None)[0]
        formula = bound(formula, moved(formula, np, off))
        level_widths = self.widths.of(LEVELS.index(level), float(np.max(hidden, initial=0.0)))
        level_widths = level_widths * self.region.expected(values)[0]
        widths = over_clock(self.expansion, self.times, level_widths, times)
        scaled = formula.scaled(values)
        with np.errstate(over="ignore", invalid="ignore"):
            ends = [formula.unscaled(values, scaled + sign * widths)[0] for sign in (-1, 1)]
        low, high = np.minimum(*ends), np.maximum(*ends)
        return {name: (low[:, k], high[:, k]) for k, name in enumerate(self.outputs)}

    def save(self, directory: str | Path) -> Path:
        """Writes the surrogate into a folder, without pickle; `stiffdsl.load_surrogate` reads it."""
        return self._writer(self, directory)

    # --- inner parts ---

    def _times(self, time: tuple[float, float] | None, saveat: Any, points: int | None) -> np.ndarray:
        about = self.about
        start, last = about.start, float(about.times[-1])
        if time is not None and (float(time[0]) != start or not start < float(time[1]) <= last):
            raise ValueError(
                f"the surrogate was trained from {start:g} to {last:g}, not {time[0]:g}..{time[1]:g}"
            )
        end = last if time is None else float(time[1])
        if saveat is not None:
            times = np.atleast_1d(np.asarray(saveat, dtype=float))
            if times.ndim != 1 or not np.all((times >= start) & (times <= end)):
                raise ValueError(f"`saveat` must lie in the time that was learnt, {start:g}..{end:g}")
            if not about.log_time and np.any(times < about.times[0]):
                raise ValueError(
                    f"`saveat` must not lie before the first time that was learnt, {about.times[0]:g}"
                )
            return times
        if points is None:
            times = about.times[about.times <= end]
            return times if times[-1] == end else np.append(times, end)
        if points < 2:
            raise ValueError("`points` must be at least 2")
        first = about.times[0]
        if not about.log_time:
            return np.linspace(first, end, points)
        positive = about.times[about.times > start][0]
        later = start + np.geomspace(positive - start, end - start, points - 1)
        later[-1] = end
        return np.append(first if first < positive else start, later)

    def _row(
        self, params: Mapping[str, Any] | None, initial: Any, inputs: Mapping[str, Any] | None
    ) -> given.QueryRows:
        """The row of one call, in NumPy."""
        values, hidden, off = self._given.row(params, initial, inputs)
        return given.QueryRows(np.array(values, dtype=float), np.array(hidden, dtype=float), off)

    def _reader(self, times: np.ndarray, outputs: Sequence[str] | None) -> tuple[FittedReader, Predict]:
        """The formula at `times`, and the same compiled for batches (k, d) -> (k, m, q)."""
        check_process()
        labels, which = self._outputs.labels(outputs)
        key = times.tobytes(), None if outputs is None else labels
        if key not in self._readers:
            if len(self._readers) >= _READERS:
                self._readers.pop(next(iter(self._readers)))
            formula = self._formula(times, which)
            self._readers[key] = formula, batched(formula)
        return self._readers[key]

    def _formula(self, times: np.ndarray, which: np.ndarray) -> FittedReader:
        return reader(self.expansion, self.laws, self.times, times, which)

    def _judged(self, values: np.ndarray, hidden: np.ndarray, fallback: bool) -> np.ndarray:
        """(k,) which rows lie outside of the domain; warns where nobody else will answer for them."""
        outside = self.region.outside(values, hidden)
        self.counts["outside"] += int(outside.sum())
        self.counts["inside"] += int((~outside).sum())
        if outside.any() and not (fallback and self.full is not None):
            told = f"outside of the surrogate's domain: {self.region.complaint(values, hidden)}"
            if fallback:
                told += "; the full model is not at hand to answer instead"
            warnings.warn(told, OutsideDomainWarning, stacklevel=3)
        return outside

    def __repr__(self) -> str:
        error = self.validation["worst"]
        return (
            f"<Surrogate of {self.name} ({self.method}): {len(self.about.parameters)} parameters, "
            f"{len(self.outputs)} outputs, worst relative error {100 * error:.2g} % on "
            f"{self.validation['samples']['test']} samples held out>"
        )


@dataclass(frozen=True, eq=False)
class _Dense:
    """A prediction at any times."""

    surrogate: Surrogate
    values: np.ndarray
    off: Deviations | None

    def __call__(self, t: np.ndarray) -> np.ndarray:
        surrogate = self.surrogate
        formula = surrogate._formula(t, np.arange(len(surrogate.outputs)))
        with np.errstate(over="ignore", invalid="ignore"):
            return bound(formula, moved(formula, np, self.off))(np, self.values)[0]


class _View:
    """A prediction as a `solve.solution.View`: its states are its outputs, in declared units."""

    def __init__(self, surrogate: Surrogate, values: np.ndarray):
        self._surrogate = surrogate
        self._values = values
        self.model_name = f"{surrogate.name} ({surrogate.method})"

    @property
    def names(self) -> list[str]:
        return list(self._surrogate.outputs)

    @property
    def units(self) -> dict[str, str | None]:
        about = self._surrogate.about
        return dict(zip(about.outputs, about.units, strict=True))

    def doc(self, name: str) -> str | None:
        """Documentation of a variable, from the full model where it is at hand."""
        return self._surrogate.doc(name)

    def modes(self, name: str) -> tuple[str, ...]:
        return ()

    @property
    def highlights(self) -> list[str]:
        return self.names

    def evaluate(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        del t
        return y

    def pick(self, every: np.ndarray, name: str) -> np.ndarray:
        parameters = self._surrogate._given.columns
        if name in parameters and name not in self._surrogate._outputs:
            value = self._values[parameters.find(name)]
            return np.broadcast_to(value, (len(every), *value.shape))
        return every[:, self._surrogate._outputs.find(name)]

    def table(self, every: np.ndarray) -> np.ndarray:
        return every
