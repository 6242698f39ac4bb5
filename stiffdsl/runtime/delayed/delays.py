"""Runs of models with `delay`, by the method of steps: piece after piece, each no longer than the least lag, in which
all that is delayed is known from the pieces before.

In a piece, delayed values are inputs: polynomials over the steps that were made, which follow the dense output of the
states. Pieces end where a delayed value has a kink, at the beginning plus sums of lags; each time round it becomes
smoother by one order, so that sums of more lags than `SMOOTH` end none. Before the run, values are those of its start.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import STATIC, Inputs
from stiffdsl.runtime.initialization.initial_state import begin
from stiffdsl.runtime.initialization.start_report import StartReport
from stiffdsl.runtime.system import Args
from stiffdsl.solve.base.dense_output import interpolate_many
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.record import Trajectory, record

# Kinks are followed through so many delays.
SMOOTH = 6
# Of many lags there are too many sums: error control meets kinks beyond so many.
MOST_KINKS = 2000
# A run of more lags than this takes longer than anybody waits.
MOST_LAGS = 100_000
# Times nearer to one another than this part of the least lag are one.
SAME = 1e-9
# Entries of a history, at least: there are as many as the next power of two, so that few shapes are compiled.
LEAST = 256
# Coefficients of the polynomial of a step, at least, for the same reason.
DEGREES = 7
# Rounds in which values at the beginning are found, of which delayed ones are a part, and their relative change.
ROUNDS, STILL = 50, 1e-13
METHOD = "rodas5p"
# The beginning of what was before a run.
LONG_AGO = -1e300


def has_delays(model: CompiledProgram) -> bool:
    """Whether a model looks back by `delay`."""
    return bool(model.program.system.flat.delays)


def numbers_of(model: CompiledProgram) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all delayed values one by one: the hidden inputs, the variables that they were, and the places of lags."""
    delays = model.program.system.flat.delays
    index, sources, lags = ([getattr(d, name) for d in delays] for name in ("inputs", "sources", "lags"))
    return np.concatenate(index), np.concatenate(sources), np.concatenate(lags)


def refuse_events(model: CompiledProgram) -> None:
    """Raises `ValueError` where a model looks back beside events."""
    if model.program.events.count:
        line = model.program.system.flat.events[0].span.line
        raise ValueError(
            f"`delay` beside events or conditions that jump (line {line}) is not compiled yet: `noevent(…)` evaluates "
            "a condition as it is written"
        )


def refuse_delays(model: CompiledProgram, what: str) -> None:
    """Raises `ValueError` where a model looks back: for calls that cannot follow it."""
    delays = model.program.system.flat.delays
    if delays:
        line = delays[0].span.line
        raise ValueError(
            f"{what} a model with `delay` (line {line}) yet: `model.simulate` and `model.ensemble` run it"
        )


class _DelayedSignal:
    """Delayed values as a signal of several inputs, which is no table and does not jump."""

    indices: tuple[int, ...]
    times = values = function = jumps = None

    @property
    def index(self) -> np.ndarray:
        """The numbers of the inputs."""
        return np.array(self.indices)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class History(_DelayedSignal):
    """Delayed values over time, as a signal of several inputs: in step k, which begins at `begins[k]` and is
    `widths[k]` long, the polynomial `powers[k]` (degrees, values) of the part of it that is behind."""

    indices: tuple[int, ...] = field(metadata=STATIC)
    begins: Any  # (c,)
    widths: Any  # (c,)
    powers: Any  # (c, q, d)
    lags: Any  # (d,)
    # The first and the last step that values are looked up in, one by one, where a step from now on knows them.
    first: Any = None
    last: Any = None
    name: str = field(metadata=STATIC, default="delay")

    def __call__(self, t: Any, side: Any = None) -> Any:
        return self._at(t - self.lags, jnp)

    def table(self, t: np.ndarray) -> np.ndarray:
        """The values at the times t (n,), by NumPy: (n, values)."""
        return self._at(np.asarray(t, dtype=float)[:, None] - np.asarray(self.lags), np)

    def _at(self, time: Any, xp: Any) -> Any:
        """The values at times of which the last axis is that of the values."""
        begins, widths, powers = (xp.asarray(x) for x in (self.begins, self.widths, self.powers))
        k = xp.clip(xp.searchsorted(begins, time, side="right") - 1, 0, len(begins) - 1)
        part = (time - begins[k]) / widths[k]
        if self.first is None:
            part = xp.clip(part, 0.0, None)
        else:
            k = xp.clip(k, self.first, self.last)
            # Long ago values were constant: powers of its times would leave no number to derivatives.
            known = begins[k] > LONG_AGO
            part = xp.where(known, (time - xp.where(known, begins[k], 0.0)) / widths[k], 0.0)
        own = xp.arange(len(self.indices))
        value = powers[k, -1, own]
        for degree in range(powers.shape[1] - 2, -1, -1):
            value = value * part + powers[k, degree, own]
        return value


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Found(_DelayedSignal):
    """Delayed values that are known at `at` (m,) alone, ascending, as a signal of several inputs: (m, values)."""

    indices: tuple[int, ...] = field(metadata=STATIC)
    at: Any
    known: Any
    name: str = field(metadata=STATIC, default="delay")

    def __call__(self, t: Any, side: Any = None) -> Any:
        return self.known[jnp.minimum(jnp.searchsorted(self.at, t), len(self.at) - 1)]


class _Past:
    """All steps of a run so far, as far as delays look back."""

    def __init__(self, model: CompiledProgram, p: np.ndarray, first: np.ndarray, t0: float, end: float):
        delays = model.program.system.flat.delays
        self.model, self.p = model, p
        index, self.sources, lags = numbers_of(model)
        self.index, self.lags = tuple(index.tolist()), p[lags]
        if not np.all(np.isfinite(self.lags) & (self.lags > 0)):
            worst = float(self.lags[np.argmin(np.where(np.isfinite(self.lags), self.lags, -np.inf))])
            line = delays[0].span.line
            raise ValueError(f"the lag of a `delay` (line {line}) must be positive, not {worst:g} s")
        self.least = float(self.lags.min())
        if end - t0 > MOST_LAGS * self.least:
            raise ValueError(
                f"the lag of a `delay` (line {delays[0].span.line}) is {self.least:g} s, too short for a run of "
                f"{end - t0:g} s: steps end at every lag; leave the delay out where it is next to nothing"
            )
        self.begins, self.widths = [t0], [1.0]
        self.powers: list[np.ndarray] = [first[None]]

    def add(self, found: Trajectory, inputs: Inputs) -> None:
        """The steps of a piece, whose delayed values were those of `inputs`."""
        assert found.K is not None
        count = found.K.shape[1] + 2
        nodes = np.arange(count) / (count - 1)
        steps = np.repeat(np.arange(len(found.K)), count)
        theta = np.tile(nodes, len(found.K))
        widths = np.diff(found.t)
        y = interpolate_many(found.y[steps], found.y[steps + 1], found.K[steps], theta)
        values = self.values(found.t[steps] + theta * widths[steps], y, inputs)
        values = values.reshape(len(widths), count, -1)
        powers = np.einsum("qn,snd->sqd", np.linalg.inv(np.vander(nodes, increasing=True)), values)
        # What holds behind the last step gives way to those that follow.
        for each in (self.begins, self.widths, self.powers):
            each.pop()
        last = np.zeros((count, values.shape[2]))
        last[0] = values[-1, -1]
        self.begins += [*found.t[:-1].tolist(), float(found.t[-1])]
        self.widths += [*np.where(widths > 0, widths, 1.0).tolist(), 1.0]
        self.powers += [*powers, last]

    def values(self, t: np.ndarray, y: np.ndarray, inputs: Inputs) -> np.ndarray:
        """The undelayed values of what is delayed."""
        return self.model.evaluator("variables", t, y, self.p, inputs)[:, self.sources]

    def history(self, low: float, high: float) -> History:
        """The steps that times from `low` to `high` look back at."""
        first = max(bisect_left(self.begins, low - float(self.lags.max())) - 1, 0)
        last = min(bisect_left(self.begins, high - self.least) + 1, len(self.begins))
        first = min(first, last - 1)
        degrees = max(DEGREES, *(len(each) for each in self.powers[first:last]))
        count, room = last - first, LEAST
        while room < count + 1:
            room *= 2
        begins, widths = np.full(room, np.inf), np.ones(room)
        powers = np.zeros((room, degrees, len(self.index)))
        begins[:count], widths[:count] = self.begins[first:last], self.widths[first:last]
        for k, each in enumerate(self.powers[first:last]):
            powers[k, : len(each)] = each
        return History(self.index, begins, widths, powers, self.lags)


def begun(
    model: CompiledProgram, t: float, args: Args, given: Overrides, overridden: bool
) -> tuple[Args, np.ndarray, StartReport]:
    """Consistent values at the beginning, where what is delayed is what it is there, and the arguments with it."""
    past = _Past(model, np.asarray(args.p), np.zeros(0), t, t)
    index = np.array(past.index)
    now = np.zeros(len(index))

    def tried() -> tuple[Args, np.ndarray, StartReport]:
        constant: Any = np.array(args.inputs.constant)
        constant[index] = now
        filled = args._replace(inputs=Inputs(constant, args.inputs.signals))
        y, found = begin(model, t, filled, given, overridden=overridden)
        return filled, y, found

    args, y0, report = tried()
    for _ in range(ROUNDS):
        if report.failure is not None:
            break
        before, now = now, past.values(np.array([t]), np.asarray(y0)[None], args.inputs)[0]
        args, y0, report = tried()
        if np.all(np.abs(now - before) <= STILL * np.abs(now)):
            break
    return args, y0, report


def trajectory(
    model: CompiledProgram,
    options: Options,
    start: float,
    end: float,
    y0: np.ndarray,
    args: Args,
    tolerated: tuple[Any, Any],
    progress: Callable[[float], None] | None,
) -> tuple[Trajectory, Args]:
    """A run step by step, and the arguments with all delayed values over it."""
    if end < start:
        raise ValueError("a model with `delay` looks back: it runs forward in time")
    refuse_events(model)
    p, own = np.asarray(args.p), np.asarray(args.inputs.constant)
    past = _Past(model, p, own[numbers_of(model)[0]], start, end)
    breaks = _breaks(past, start, end)
    method = METHOD if options.method == "auto" else options.method
    pieces: list[Trajectory] = []
    at, y, first_step, inputs = start, y0, options.first_step, args.inputs
    while at < end:
        far = min(at + past.least, end)
        place = bisect_left(breaks, at + SAME * past.least)
        to = min(far, breaks[place]) if place < len(breaks) else far
        to = end if end - to <= SAME * past.least else to
        inputs = Inputs(own, (*args.inputs.signals, past.history(at, to)))  # type: ignore[arg-type]
        piece = record(
            model.system(driven=True),
            method,
            at,
            to,
            y,
            args._replace(inputs=inputs),
            None,
            rtol=tolerated[0],
            atol=tolerated[1],
            max_steps=options.max_steps,
            first_step=first_step,
            max_step=options.max_step,
            linear=options.linear,
        )
        pieces.append(piece)
        if len(piece.t) > 1:
            past.add(piece, inputs)
        if progress is not None:
            progress(float((piece.t[-1] - start) / (end - start)))
        if piece.status != Status.SUCCESS:
            break
        at, y = to, piece.y[-1]
        # A piece that no kink begins goes on with the steps of the one before.
        smooth = to >= breaks[-1] if breaks else True
        first_step = float(np.diff(piece.t)[-1]) if smooth and len(piece.t) > 2 else options.first_step
    whole = past.history(start, end + past.least)
    inputs = Inputs(own, (*args.inputs.signals, whole))  # type: ignore[arg-type]
    return _joined(pieces), args._replace(inputs=inputs)


def _breaks(past: _Past, start: float, end: float) -> list[float]:
    """Times at which delayed values have kinks, ascending: the beginning plus sums of at most `SMOOTH` lags."""
    found: list[float] = []
    lags = np.unique(past.lags).tolist()
    new = [start]
    for _ in range(SMOOTH):
        if len(found) + len(new) * len(lags) > MOST_KINKS and found:
            break
        later = sorted({t + lag for t in new for lag in lags if t + lag < end})
        new = []
        for t in later:
            k = bisect_left(found, t - SAME * past.least)
            if k == len(found) or found[k] > t + SAME * past.least:
                insort(found, t)
                new.append(t)
    return found


def _joined(pieces: list[Trajectory]) -> Trajectory:
    """Pieces that follow one another, as one run."""
    first, last = pieces[0], pieces[-1]
    stats = {key: sum(piece.stats[key] for piece in pieces) for key in first.stats}
    return Trajectory(
        np.concatenate([first.t, *(piece.t[1:] for piece in pieces[1:])]),
        np.concatenate([first.y, *(piece.y[1:] for piece in pieces[1:])]),
        last.status,
        last.culprits,
        stats,
        np.concatenate([piece.K for piece in pieces if piece.K is not None]),
    )
