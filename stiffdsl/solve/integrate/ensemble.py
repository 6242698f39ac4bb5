"""Many solves in one call: every lane takes its own steps, both cores work, memory is bounded by chunks."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.core import Tracer

from stiffdsl.solve.base import html, kernels
from stiffdsl.solve.base.pictures import drawn
from stiffdsl.solve.base.status import Status, reached
from stiffdsl.solve.integrate.program_cache import jit_beside_itself

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Rows of the table of a notebook.
SHOWN = 50
# Asked for once: it takes as long as several steps.
CORES = os.cpu_count() or 1
# Lanes per call of the compiled program: enough to hide the call, few enough that progress is seen.
CHUNK = 64
# Seconds that threads take to start and to stop, and some.
QUICK = 4e-3
# Seconds after which chunks that cannot be interrupted are not waited for.
PATIENCE = 3.0
# Seconds of all lanes from which on it pays to compile chunks for threads.
SLOW = 0.2
# On devices that compute side by side: lanes per call, and how many numbers these, or those side by side, may hold.
DEVICE_CHUNK, NUMBERS = 1 << 16, 1 << 27


class InterruptedRuns(KeyboardInterrupt):
    """Ctrl-C while many runs were solved: `lanes` are the numbers of those that were finished, `results` what the
    program found for them, and `ensemble` is made of these."""

    def __init__(self, lanes: np.ndarray, results: Any):
        super().__init__(f"interrupted with {len(lanes):,} runs finished")
        self.lanes, self.results = lanes, results
        self.ensemble: Ensemble | None = None

    def finished(self, mask: np.ndarray) -> "InterruptedRuns":
        """The same of some of these lanes alone."""
        return InterruptedRuns(self.lanes[mask], jax.tree.map(lambda part: part[mask], self.results))


class Ensemble:
    """The result of `ensemble`: `values` (lanes, times, outputs), `batch["A"]` (lanes, times), a status per lane.

    `varied` holds what differs between lanes, by name, an array with the lanes as first axis each; `units` the declared
    unit of every output and of what is varied, `docs` the documentation of outputs; `notes` say where inputs given as
    tables do not reach over the interval.
    """

    def __init__(
        self, t: np.ndarray, outputs: tuple[str, ...], values: Any, status: Any, stats: dict[str, Any]
    ):
        self.t = t
        self.outputs = outputs
        self.values = values
        self.status = status if isinstance(status, Tracer) else np.asarray(status)
        self.stats = stats
        self.model_name = ""
        self.varied: dict[str, Any] = {}
        self.units: dict[str, str | None] = {}
        self.docs: dict[str, str] = {}
        # By status, the first lane that ended so, and its reason in full.
        self.details: dict[int, tuple[int, str]] = {}
        # What a reader should know of the runs, as in `Solution.notes`.
        self.notes: tuple[str, ...] = ()

    def described(
        self,
        model_name: str,
        varied: Mapping[str, Any],
        units: Mapping[str, str | None],
        docs: Mapping[str, str],
    ) -> "Ensemble":
        """The same results with their model's name, what differs between lanes, units, and documentation."""
        self.model_name, self.varied, self.units, self.docs = (
            model_name,
            dict(varied),
            dict(units),
            dict(docs),
        )
        return self

    def noted(self, notes: Iterable[str]) -> "Ensemble":
        """The same results with notes for their reader."""
        self.notes = tuple(notes)
        return self

    @property
    def success(self) -> Any:
        """Mask of the lanes that ended as they were meant to: at the end, or by a `stop` of the model, behind which
        their values are NaN."""
        return reached(self.status)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Any:
        if name not in self.outputs:
            wanted = [k for k, o in enumerate(self.outputs) if o.startswith(name + "[")]
            if not wanted:
                raise KeyError(f"the ensemble has no output `{name}`; it has {', '.join(self.outputs[:8])}")
            return self.values[..., np.array(wanted)]
        return self.values[..., self.outputs.index(name)]

    def reasons(self) -> list[str]:
        """The reason of each lane's end."""
        return [self._reason(k, Status(int(s))) for k, s in enumerate(self.status)]

    def _reason(self, lane: int, status: Status) -> str:
        if int(status) not in self.details:
            return status.message
        first, reason = self.details[int(status)]
        return reason if lane == first else f"{status.message}, as in lane {first}"

    def keys(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return self.outputs

    def to_pandas(self):
        """A `pandas.DataFrame` with a row for each lane and time: what is varied, then the outputs, in declared units.

        `frame.attrs["units"]` holds the units.
        """
        import pandas

        index = pandas.MultiIndex.from_product([range(len(self)), self.t], names=["lane", "time"])
        columns = {name: np.repeat(values, len(self.t)) for name, values in self._scalars().items()}
        values = np.asarray(self.values).reshape(-1, len(self.outputs))
        columns |= {name: values[:, k] for k, name in enumerate(self.outputs)}
        frame = pandas.DataFrame(columns, index=index)
        frame.attrs["units"] = {"time": "s", **{name: self.units.get(name) for name in columns}}
        return frame

    def to_xarray(self):
        """An `xarray.Dataset` over `lane` and `time`, one variable for each output; what is varied are coordinates."""
        import xarray

        def attributes(name: str) -> dict[str, str]:
            unit = self.units.get(name)
            return {"units": unit} if unit else {}

        values = np.asarray(self.values)
        outputs = {
            name: (("lane", "time"), values[..., k], attributes(name)) for k, name in enumerate(self.outputs)
        }
        varied = {name: ("lane", column, attributes(name)) for name, column in self._scalars().items()}
        times = ("time", self.t, {"units": "s"})
        return xarray.Dataset(outputs, coords={"lane": np.arange(len(self)), "time": times, **varied})

    def _scalars(self) -> dict[str, np.ndarray]:
        """Varied scalars as columns (lanes,): an array gives one for each of its elements."""
        columns: dict[str, np.ndarray] = {}
        for name, values in self.varied.items():
            values = np.asarray(values)
            for index in np.ndindex(values.shape[1:]):
                label = f"{name}[{','.join(str(i + 1) for i in index)}]" if index else name
                columns[label] = values[(slice(None), *index)]
        return columns

    def plot(self, *names: str, path: str | None = None, ax: "Axes | None" = None):
        """Draws outputs over time: every lane where there are few, else the median and how far 90 % of the lanes go.

        Writes the picture to `path` where one is given. With `ax`, they are drawn into these axes of the caller's.
        Returns the Matplotlib figure.
        """
        return drawn("ensemble", self, *names, path=path, ax=ax)

    def _repr_html_(self) -> str:
        """The table for a notebook: outputs at the last time, over the lanes that reached it."""
        head, rows = ("at the end", "least", "median", "greatest", "unit", "doc"), []
        for name in self.outputs[:SHOWN]:
            last = np.asarray(self[name])[self.status == int(Status.SUCCESS), -1]
            told = [f"{f(last):g}" for f in (np.min, np.median, np.max)] if len(last) else ["", "", ""]
            rows.append((name, *told, self.units.get(name) or "", self.docs.get(name) or ""))
        return html.table(head, rows, repr(self), len(self.outputs) - len(rows))

    def __repr__(self) -> str:
        to_the_end, stopped = (int((self.status == int(s)).sum()) for s in (Status.SUCCESS, Status.STOPPED))
        others = f", {stopped} stopped by the model" if stopped else ""
        return f"<Ensemble of {len(self)} solves, {to_the_end} to the end{others}, {len(self.t)} times>"


def lanes(
    one: Callable[..., Any],
    alone: bool = False,
    compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = jit_beside_itself,
) -> Callable[..., Any]:
    """`one(shared, lane)` over a chunk of lanes, compiled; a finished lane costs nothing to the rest.

    Lanes go one after the other, or under `vmap` where they step `alone` there. Threads may run different chunks at the
    same time, where `compiled` is not replaced.
    """

    def chunk_of(shared, chunk):
        if alone:
            return jax.vmap(lambda lane: one(shared, lane))(chunk)
        return jax.lax.map(lambda lane: one(shared, lane), chunk)

    return compiled(chunk_of)


def device_slots(size: int, times: int, greatest: int) -> tuple[int, int]:
    """Lanes that step side by side on a device, at the `greatest`, and lanes per call, for so many unknowns and saved
    times."""
    slots = max(1, min(greatest, NUMBERS // (32 * max(1, size))))
    return slots, max(slots, min(DEVICE_CHUNK, NUMBERS // max(1, size * (times + 8))))


def run_lanes(
    program: Callable[..., Any],
    shared: Any,
    values: Any,
    count: int,
    progress: Callable[[float], None] | None = None,
    threads: int | None = None,
    group: int = 1,
    most: int = CHUNK,
    pace: dict[int, float] | None = None,
    together: bool = False,
) -> Any:
    """The results of `program = lanes(one)` for all `count` rows of the pytree `values`, as NumPy arrays.

    Chunks of lanes go to `threads` threads (as many as there are cores); the last chunk is filled up with copies of
    its lane. Chunks have `most` lanes at most, and are multiples of `group`. `pace` keeps the seconds that a lane took
    at best, once known, by the size of chunks: few quick lanes are not worth a thread. Lanes that are quick as far as
    is known before go `together`, in one chunk where they fit into one.
    """
    threads = threads or CORES
    pace = {} if pace is None else pace
    slow = count * pace.get(count, 0.0) > SLOW
    size = count if together and not slow and count <= most else min(most, max(1, -(-count // threads)))
    size = group * -(-size // group)
    starts = range(0, count, size)

    def run(start: int) -> Any:
        chunk = values
        if size != count:
            index = np.minimum(np.arange(start, start + size), count - 1)
            chunk = jax.tree.map(lambda a: a[index], values)
        began = time.perf_counter()
        found = jax.tree.map(np.asarray, program(shared, chunk))
        # The first run of a size compiles it.
        taken = (time.perf_counter() - began) / size if size in pace else 0.0
        pace[size] = taken if not pace.get(size) else min(taken, pace[size])
        return found

    # Who is told of progress waits for long: what others finish must outlive an interruption.
    quick = progress is None and (size == count or 0.0 < pace.get(size, 0.0) * count < QUICK)
    results = (
        [run(start) for start in starts] if quick else _beside(run, starts, size, count, threads, progress)
    )
    if size == count:
        return results[0]
    return _joined(results, count)


def _beside(
    run: Callable[[int], Any],
    starts: range,
    size: int,
    count: int,
    threads: int,
    progress: Callable[[float], None] | None,
) -> list[Any]:
    """The results of all chunks, by threads. Raises `InterruptedRuns` with those that there are."""
    pool = ThreadPoolExecutor(max_workers=threads)
    chunks = [pool.submit(run, start) for start in starts]
    results, interrupted = [], False
    try:
        for done, chunk in enumerate(chunks, 1):
            results.append(chunk.result())
            if progress is not None:
                progress(min(1.0, done * size / count))
    except KeyboardInterrupt:
        interrupted = True
        with kernels.stopping():
            pool.shutdown(wait=False, cancel_futures=True)
            wait([chunk for chunk in chunks if not chunk.cancelled()], timeout=PATIENCE)
        known = [k for k, c in enumerate(chunks) if c.done() and not c.cancelled() and c.exception() is None]
        if not known:
            raise
        own = np.concatenate([np.arange(starts[k], starts[k] + size) for k in known])
        found = _joined([chunks[k].result() for k in known], len(own))
        raise InterruptedRuns(own, found).finished(own < count) from None
    finally:
        pool.shutdown(wait=not interrupted, cancel_futures=True)
    return results


def _joined(results: list[Any], count: int) -> Any:
    """The first `count` rows of all results together."""
    if len(results) == 1:
        return jax.tree.map(lambda part: part[:count], results[0])
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *results)
