"""A solve driven from Python: chunk after chunk of steps, everything kept that was asked for.

One compiled program makes a chunk of steps for any interval, tolerances and arguments of a (system, method). So no
limit on steps is built in, `Ctrl-C` works, and progress can be told.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from stiffdsl.solve.base.crossings import SAME
from stiffdsl.solve.base.dense_output import interpolate_many
from stiffdsl.solve.base.failures import verdict
from stiffdsl.solve.base.method import LEAST_ATOL, Method, Tolerance
from stiffdsl.solve.base.patience import Patience, Slides
from stiffdsl.solve.base.process import check_process
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.system import Args, System
from stiffdsl.solve.integrate import loop
from stiffdsl.solve.integrate.events import event_count
from stiffdsl.solve.integrate.loop import Counts, Limits, Problem, State, Step
from stiffdsl.solve.integrate.program_cache import jit_without_addresses
from stiffdsl.solve.integrate.time_events import has_time_events
from stiffdsl.solve.methods.make import make_method

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


# Accepted steps in a chunk, and how many numbers its buffers may hold.
CHUNK, BUFFER = 256, 4_000_000
# A chunk of a large system starts with few steps, and grows while it takes less than this many seconds.
SMALL, FIRST, PATIENCE = 2_000, 8, 0.2


@dataclass(frozen=True)
class Trajectory:
    """The recorded solution: `y[i]` at `t[i]`, until `status`.

    Recorded at `saveat`, rows after the reached time are NaN and there is no dense output. Recorded at the steps of
    the solver, `trajectory(times)` evaluates the dense output. Of a run with events at chosen times, `saved` are the
    values there, and the steps are those about instants at which values leap.
    """

    t: np.ndarray
    y: np.ndarray
    status: Status
    culprits: np.ndarray
    stats: dict[str, Any]
    K: np.ndarray | None = field(default=None, repr=False)
    saved: np.ndarray | None = field(default=None, repr=False)

    def __call__(self, times: Any) -> np.ndarray:
        """Values (k, n) at `times` (k,), NaN outside the recorded interval. Raises `ValueError` if the solution was
        recorded at chosen times only."""
        if self.K is None or self.saved is not None:
            raise ValueError("recorded with `saveat`: there is nothing between the times saved")
        times = np.atleast_1d(np.asarray(times, dtype=float))
        if len(self.t) == 1:
            return np.where((times == self.t[0])[:, None], self.y[:1], np.nan)
        direction = 1.0 if self.t[-1] >= self.t[0] else -1.0
        return _values(self.t, self.y, self.K, times, direction)


def _values(t: np.ndarray, y: np.ndarray, K: np.ndarray, times: np.ndarray, direction: float) -> np.ndarray:
    """The dense output of steps t (m + 1,), y (m + 1, n), K (m, r, n)."""
    # A time that only rounding keeps from a jump is behind it.
    behind = direction * times + SAME * np.abs(times)
    step = np.clip(np.searchsorted(direction * t, behind, side="right") - 1, 0, len(t) - 2)
    length = t[step + 1] - t[step]
    # A jump of algebraic unknowns is recorded as a step of no length.
    theta = np.where(length == 0, 1.0, (times - t[step]) / np.where(length == 0, 1.0, length))
    values = interpolate_many(y[step], y[step + 1], K[step], theta)
    # At the start and the end of a step, its values are taken as they are.
    values = np.where((theta == 0)[:, None], y[step], np.where((theta == 1)[:, None], y[step + 1], values))
    inside = (direction * times >= direction * t[0]) & (direction * times <= direction * t[-1])
    values[~inside] = np.nan
    return values


def values_at(run: Trajectory, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chosen times, and the recorded values there. Of a run that an event ended, the last time is that end."""
    if run.status not in (Status.STOPPED, Status.VIOLATED):
        return times, run(times) if run.saved is None else run.saved
    end = run.t[-1]
    kept = times[times < end]
    own = run(kept) if run.saved is None else run.saved[: len(kept)]
    return np.r_[kept, end], np.concatenate([own, run.y[-1:]])


class StepsAboutInstants:
    """Of the steps of a run, those about instants at which values leap (steps of no length), the first and the last:
    what the history of its events is made of, however long the run."""

    def __init__(self):
        self._kept: list[tuple[np.ndarray, ...]] = []
        self._open: tuple[np.ndarray, ...] | None = None

    def add(self, t: np.ndarray, y: np.ndarray, K: np.ndarray) -> None:
        """Further steps: times and values that they begin with, and their dense output, a row each."""
        steps = t, y, K
        before = 0 if self._open is None else len(self._open[0])
        times = t if self._open is None else np.concatenate([self._open[0], t])
        leaps = np.flatnonzero(times[1:] == times[:-1])
        beside = np.unique(np.concatenate([leaps - 1, leaps, leaps + 1]))
        # What leaps behind the last three is not known yet.
        last = max(0, len(times) - 3)
        kept = beside[(beside >= 0) & (beside < last)]
        if self._open is None:
            kept = np.union1d(kept, np.arange(min(1, last)))
        else:
            self._kept.append(tuple(x[kept[kept < before]] for x in self._open))
        self._kept.append(tuple(x[kept[kept >= before] - before] for x in steps))
        if self._open is None or len(t) >= 3:
            self._open = tuple(x[-3:].copy() for x in steps)
        else:
            self._open = tuple(np.concatenate(pair)[-3:] for pair in zip(self._open, steps, strict=True))

    def all(self, rows: int, size: int) -> tuple[np.ndarray, ...]:
        """Times, values and dense output (steps, `rows`, `size`) of the steps that are kept."""
        parts = [*self._kept, *([] if self._open is None else [self._open])]
        if not parts:
            return np.zeros(0), np.zeros((0, size)), np.zeros((0, rows, size))
        t, y, K = (np.concatenate(column) for column in zip(*parts, strict=True))
        return t, y, K.reshape(-1, rows, size)


class _Chunk(NamedTuple):
    """Buffers of accepted steps: ends, values there, dense output."""

    filled: Int[Array, ""]
    t: Float[Array, " c"]
    y: Float[Array, "c n"]
    K: Float[Array, "c r n"]


class _Recorder:
    """The compiled pieces for one system and method."""

    def __init__(self, system: System, method: str, linear: str):
        self.system = system
        self.method = make_method(method, system, linear=linear)
        width = system.size * (self.method.rows + 1) + 1
        self.capacity = max(FIRST, min(CHUNK, BUFFER // max(1, width)))
        self.begin = jit_without_addresses(partial(loop.begin, self.method, system))
        self.chunk = jit_without_addresses(partial(_chunk, self.method, system, self.capacity))
        self.verdict = jit_without_addresses(partial(verdict, system))


def _chunk(
    method: Method,
    system: System,
    capacity: int,
    problem: Problem,
    limits: Limits,
    state: State,
    quota,
    max_steps,
):
    """Steps until `quota` are accepted, or the solve ends."""
    # A jump of algebraic unknowns is a step of no length, which may come after the last one.
    rows = capacity + 1
    buffers = _Chunk(
        jnp.int32(0),
        jnp.zeros(rows),
        jnp.zeros((rows, system.size)),
        jnp.zeros((rows, method.rows, system.size)),
    )
    stopping = has_time_events(system, problem.args) or event_count(system) > 0
    limit = jnp.minimum(max_steps, state.counts[0] + state.counts[1] + 4 * quota)

    def going(carry):
        state, buffers = carry
        attempts = state.counts[0] + state.counts[1]
        return (state.status == Status.RUNNING) & (attempts < limit) & (buffers.filled < quota)

    def body(carry):
        state, buffers = carry
        state, step = loop.advance(method, system, problem, limits, state)
        i = buffers.filled
        # A rejected step is overwritten by the next.
        buffers = _Chunk(
            i + step.accept,
            buffers.t.at[i].set(step.end),
            buffers.y.at[i].set(step.y1),
            buffers.K.at[i].set(step.K),
        )
        return state, _jumped(buffers, step) if stopping else buffers

    return lax.while_loop(going, body, (state, buffers))


def _jumped(buffers: _Chunk, step: Step) -> _Chunk:
    """With a step of no length where algebraic unknowns have jumped; else what is written is overwritten."""
    i = buffers.filled
    return _Chunk(
        i + step.jumps,
        buffers.t.at[i].set(step.end),
        buffers.y.at[i].set(step.after),
        buffers.K.at[i].set(0.0),
    )


def _recorder(system: System, method: str, linear: str) -> _Recorder:
    """Compiled once and kept with the system."""
    kept = system.__dict__.get("_recorders")
    if kept is None:
        kept = {}
        object.__setattr__(system, "_recorders", kept)
    if (method, linear) not in kept:
        kept[method, linear] = _Recorder(system, method, linear)
    return kept[method, linear]


def record(
    system: System,
    method: str,
    t0: float,
    t1: float,
    y0: Any,
    args: Args = None,
    saveat: Sequence[float] | np.ndarray | None = None,
    *,
    rtol: float = 1e-6,
    atol: Any = 1e-9,
    max_steps: int | None = 100_000,
    first_step: float | None = None,
    max_step: float = math.inf,
    progress: Callable[[float], None] | None = None,
    linear: str = "auto",
    slides: Slides | None = None,
    instants: bool = False,
) -> Trajectory:
    """Solve from t0 to t1 and keep every step with its dense output, or the values at `saveat` (running from t0 to
    t1) and, with `instants`, the steps about those. `progress` is told the fraction of time behind after every chunk.
    Interrupted by the keyboard, it returns what there is with `Status.INTERRUPTED`."""
    check_process()
    recorder = _recorder(system, method, linear)
    start: Any = np.asarray(y0, dtype=float)
    problem = Problem(_real(t0), _real(t1), start, args, _real(()))
    limits = Limits(
        Tolerance(_real(rtol), np.maximum(_real(atol), LEAST_ATOL)), _real(first_step or 0.0), _real(max_step)
    )
    times = None if saveat is None else np.asarray(saveat, dtype=float)
    kept = _Kept(float(t0), start, 1.0 if t1 >= t0 else -1.0, times, instants)
    most = np.int32(np.iinfo(np.int32).max if max_steps is None else max_steps)
    patience = Patience(float(t0), float(t1), max_steps, slides)
    quota = recorder.capacity if system.size <= SMALL else FIRST
    status, culprits, counts = Status.INTERRUPTED, np.full(3, -1), np.zeros(7, dtype=int)
    state: Any = None
    try:
        state = recorder.begin(problem, limits)
        kept.begin(np.asarray(state.y))
        while True:
            began = time.perf_counter()
            state, buffers = recorder.chunk(problem, limits, state, np.int32(quota), most)
            number, counts = int(state.status), np.asarray(state.counts)
            kept.add(int(buffers.filled), buffers)
            if progress is not None and t1 != t0:
                progress(abs(kept.end - t0) / abs(t1 - t0))
            attempts = int(counts[0] + counts[1])
            if number != Status.RUNNING or patience.spent(float(state.t), attempts, kept.reached):
                break
            if time.perf_counter() - began < PATIENCE:
                quota = min(recorder.capacity, 2 * quota)
        status = Status.MAX_STEPS if number == Status.RUNNING else Status(number)
        if status != Status.SUCCESS:
            number, culprits = recorder.verdict(problem, state, np.int32(status))
            status, culprits = Status(int(number)), np.asarray(culprits)
    except KeyboardInterrupt:
        # The chunk that is under way reads arrays of ours until it ends.
        jax.block_until_ready(state)
    stats = dict(zip(Counts._fields, (int(c) for c in counts), strict=True))
    return kept.trajectory(status, culprits, stats)


def _real(x: Any) -> Any:
    """NumPy's: a JAX array would cost a transfer each."""
    return np.asarray(x, dtype=float)


class _Kept:
    """The stored part of a run's chunks: all steps, or the values at chosen times."""

    def __init__(self, t0: float, y0: np.ndarray, direction: float, times: np.ndarray | None, instants: bool):
        self.direction, self.times = direction, times
        self.about = StepsAboutInstants() if instants and times is not None else None
        self.end, self.last = t0, y0
        self.t, self.y, self.K, self.rows = [np.array([t0])], [y0[None]], [], 1
        self.cursor = 0
        if times is not None:
            self.values = np.full((len(times), len(y0)), np.nan)
            self.values[times == t0] = y0
            self.cursor = int(np.sum(direction * times <= direction * t0))

    def begin(self, y: np.ndarray) -> None:
        """With the values that the solve begins with: its algebraic unknowns may jump at once."""
        self.last, self.y = y, [y[None]]
        if self.times is not None:
            self.values[self.times == self.t[0][0]] = y

    def add(self, count: int, chunk: _Chunk) -> None:
        if count == 0:
            return
        t, y, K = (np.asarray(x)[:count] for x in (chunk.t, chunk.y, chunk.K))
        self.rows = K.shape[1]
        if self.times is None:
            self.t.append(t.copy())
            self.y.append(y.copy())
            self.K.append(K.copy())
        else:
            if self.about is not None:
                self.about.add(np.r_[self.end, t[:-1]], np.concatenate([self.last[None], y[:-1]]), K)
            reached = int(np.searchsorted(self.direction * self.times, self.direction * t[-1], side="right"))
            if reached > self.cursor:
                passed = slice(self.cursor, reached)
                ends, values = np.r_[self.end, t], np.concatenate([self.last[None], y])
                self.values[passed] = _values(ends, values, K, self.times[passed], self.direction)
                self.cursor = reached
        self.end, self.last = float(t[-1]), y[-1].copy()

    def reached(self) -> np.ndarray:
        """The state that the run has come to."""
        return self.last

    def trajectory(self, status: Status, culprits: np.ndarray, stats: dict[str, Any]) -> Trajectory:
        n = len(self.last)
        if self.about is not None:
            t, y, K = self.about.all(self.rows, n)
            t, y = np.r_[t, self.end], np.concatenate([y, self.last[None]])
            return Trajectory(t, y, status, culprits, stats, K, self.values)
        if self.times is not None:
            return Trajectory(self.times, self.values, status, culprits, stats)
        K = np.concatenate(self.K) if self.K else np.zeros((0, 1, n))
        return Trajectory(np.concatenate(self.t), np.concatenate(self.y), status, culprits, stats, K)
