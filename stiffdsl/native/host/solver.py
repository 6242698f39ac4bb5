"""`NativeSolver`: a compiled kernel, called with NumPy arrays. No call compiles anything or takes the GIL along."""

import ctypes
import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from stiffdsl.native.gradient.rules import LinearKernels
from stiffdsl.native.host import engine, ffi, interrupt
from stiffdsl.native.host.engine import Library
from stiffdsl.native.ir.form import CALL_SIZES, CallSizes
from stiffdsl.native.step.layout import GIVEN, OPERANDS, OPTIONS, STATE, state_areas
from stiffdsl.solve.base.method import LEAST_ATOL
from stiffdsl.solve.base.patience import Patience, Slides
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.knots import Knots
from stiffdsl.solve.integrate.record import StepsAboutInstants

# Lanes in one call.
CHUNK = 256
# A buffer of steps with no more numbers than this stays with its thread.
KEPT = 500_000
_AT = {name: k for k, name in enumerate(STATE)}
_COUNTS = _AT["accepted"]
_CAPACITY, _RESUME = OPTIONS.index("capacity"), OPTIONS.index("resume")
_TABLES = GIVEN[GIVEN.index("layout") :]
_PLACE = {name: k for k, name in enumerate(OPERANDS)}
# Looked up once: an enumeration takes longer to read than a number.
_RUNNING = int(Status.RUNNING)
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class Arrived(NamedTuple):
    """The end of a solve: as `solve.integrate.solver.Result`, and `h`, `scaled` as `solve.integrate.loop.State`.

    For lanes every array has a leading axis. `counts` are accepted, rejected, rhs, jacobians, factorizations,
    iterations, linear iterations (none); `pivoted` counts the attempts that needed other pivots than those planned.
    """

    ys: np.ndarray
    t: Any
    y: np.ndarray
    status: Any
    culprits: np.ndarray
    counts: np.ndarray
    h: Any
    scaled: np.ndarray
    pivoted: Any


class Recorded(NamedTuple):
    """The accepted steps: times t (m+1,), values y (m+1, n), rows of the dense output K (m, r, n)."""

    t: np.ndarray
    y: np.ndarray
    K: np.ndarray
    arrived: Arrived


class Tables(NamedTuple):
    """Inputs over time, in SI: signal s drives input `driven[s]` by straight lines between its points. `jumps`: the
    times at which tables jump (None: they are looked for); `knots`: where steps end."""

    driven: np.ndarray
    times: Sequence[np.ndarray]
    values: Sequence[np.ndarray]
    jumps: Sequence[np.ndarray] | None = None
    knots: Knots | None = None

    def flat(self, xp: Any = np) -> tuple[Any, ...]:
        """Layout, times, values, jumps and knots as the kernel reads them; `xp` joins them."""
        lengths = np.array([len(t) for t in self.times], dtype=float)
        layout = np.stack(
            [np.asarray(self.driven, dtype=float), np.cumsum(lengths) - lengths, lengths], axis=1
        )
        times, values = (xp.concatenate([np.zeros(0), *part]) for part in (self.times, self.values))
        jumps = [t[1:][np.diff(t) == 0] for t in self.times] if self.jumps is None else self.jumps
        several = len(jumps) > 1
        jumps = xp.concatenate([np.zeros(0), *jumps])
        # The times of one table ascend.
        jumps = xp.sort(jumps) if several else jumps
        knots = xp.concatenate([np.zeros(0), *(self.knots or ())])
        return layout.ravel(), times, values, jumps, knots


NO_TABLES = Tables(np.zeros(0), (), ())


class _Scratch(threading.local):
    """Arrays of a thread that calls the kernel: their addresses are asked for once."""

    def __init__(self, solver: "NativeSolver"):
        self.busy = False
        n, self._capacity = solver.size, solver.sizes.capacity
        self._steps, self._width = None, 2 + n + solver.rows * n
        sizes = {
            "options": len(OPTIONS),
            "atol": n,
            "y0": n,
            "p": solver.parameters,
            "u": solver.inputs,
            "state": state_areas(n)[2],
            "nothing": 1,
        }
        self.arrays = {name: np.zeros(max(1, size)) for name, size in sizes.items()}
        addresses = {name: array.ctypes.data for name, array in self.arrays.items()}
        self.pointers = np.array([addresses.get(o, addresses["nothing"]) for o in OPERANDS], dtype=np.int64)
        self.strides = np.zeros(len(OPERANDS), dtype=np.int64)
        self.address = self.pointers.ctypes.data
        self.stride_address = self.strides.ctypes.data
        self.nothing = addresses["nothing"]

    def recording(self) -> np.ndarray:
        """A buffer of accepted steps, which the kernel writes to: that of the last call, where it is small."""
        buffer = self._steps
        if buffer is None:
            buffer = np.empty((self._capacity, self._width))
            self._steps = buffer if buffer.size <= KEPT else None
            self.pointers[_PLACE["steps"]] = buffer.ctypes.data
        return buffer


class SimdKernel:
    """The form of a kernel that steps lanes side by side: compiled where so many are to be solved that it pays, or
    where that was done before."""

    def __init__(self, key: str, width: int, text: Callable[[], str], many: int):
        self.key, self.width, self._text, self._many = key, width, text, many
        self._lock, self._library, self._asked = threading.Lock(), None, False

    def library(self, count: int) -> Library | None:
        """The code for `count` lanes; None where lanes had better be solved one after the other."""
        if count < self.width:
            return None
        with self._lock:
            if self._library is None and count >= self._many:
                self._library = engine.load(self.key, self._text)
            elif not self._asked:
                self._library = engine.kept(self.key)
            self._asked = True
            return self._library


class NativeSolver:
    """One model and one method as machine code. Parameters, times, inputs and tolerances are arguments."""

    def __init__(
        self,
        library: Library,
        key: str,
        simd: SimdKernel | None,
        linear: LinearKernels | None,
        n: int,
        parameters: int,
        inputs: int,
        rows: int,
        eventful: bool = False,
        sizes: CallSizes = CALL_SIZES,
    ):
        # Whether there are events.
        self.eventful, self.sizes = eventful, sizes
        self.size, self.parameters, self.inputs, self.rows = n, parameters, inputs, rows
        self.key, self.simd, self.linear = key, simd, linear
        self.library = library
        interrupt.install()
        self._lanes = _KERNEL(library.address("lanes"))
        self._scratch = _Scratch(self)

    def solve(
        self,
        t0: float,
        t1: float,
        y0: np.ndarray,
        p: np.ndarray,
        u: np.ndarray | None = None,
        tables: Tables = NO_TABLES,
        saveat: np.ndarray | Sequence[float] = (),
        rtol: float = 1e-6,
        atol: float | np.ndarray = 1e-9,
        first_step: float | None = None,
        max_step: float = math.inf,
        max_steps: int | None = 100_000,
        progress: Callable[[float], None] | None = None,
        slides: Slides | None = None,
        stiff: float = math.inf,
    ) -> Arrived:
        """One solve from t0 to t1, as `make_solve(...)`. An explicit one ends with `Status.STIFF` after so many steps
        in a row as `stiff` says that stability has bounded. Interrupted by the keyboard, it returns what there is with
        `Status.INTERRUPTED`."""
        call = _Call(
            self, t0, t1, y0, p, u, tables, saveat, rtol, atol, first_step, max_step, max_steps, stiff
        )
        call.watch(slides)
        try:
            while not call.run(0) and not call.given_up():
                if progress is not None:
                    progress(call.fraction())
        except KeyboardInterrupt:
            call.interrupt()
        return call.arrived()

    def record(
        self,
        t0: float,
        t1: float,
        y0: np.ndarray,
        p: np.ndarray,
        u: np.ndarray | None = None,
        tables: Tables = NO_TABLES,
        saveat: np.ndarray | Sequence[float] = (),
        rtol: float = 1e-6,
        atol: float | np.ndarray = 1e-9,
        first_step: float | None = None,
        max_step: float = math.inf,
        max_steps: int | None = 100_000,
        progress: Callable[[float], None] | None = None,
        slides: Slides | None = None,
        stiff: float = math.inf,
    ) -> Recorded:
        """One solve with all of its accepted steps, or, where values are saved at chosen times, those about instants;
        interrupted as `solve`."""
        call = _Call(
            self, t0, t1, y0, p, u, tables, saveat, rtol, atol, first_step, max_step, max_steps, stiff
        )
        call.watch(slides)
        n = self.size
        buffer = call.scratch.recording()
        parts: list[np.ndarray] = []
        about = StepsAboutInstants() if len(saveat) else None
        done = False

        def keep(steps: np.ndarray) -> None:
            if about is None:
                parts.append(steps.copy())
            else:
                about.add(steps[:, 0], steps[:, 2 : 2 + n], steps[:, 2 + n :])

        try:
            while not done:
                done = call.run(self.sizes.capacity) or call.given_up()
                keep(call.taken(buffer))
                if progress is not None and not done:
                    progress(call.fraction())
        except KeyboardInterrupt:
            keep(call.taken(buffer))
            call.interrupt()
        arrived = call.arrived()
        if about is not None:
            t, y, K = about.all(self.rows, n)
            return Recorded(np.r_[t, arrived.t], np.concatenate([y, arrived.y[None]]), K, arrived)
        steps = parts[0] if len(parts) == 1 else np.concatenate(parts)
        t, y = np.empty(len(steps) + 1), np.empty((len(steps) + 1, n))
        t[:-1], t[-1] = steps[:, 0], arrived.t
        y[:-1], y[-1] = steps[:, 2 : 2 + n], arrived.y
        return Recorded(t, y, steps[:, 2 + n :].reshape(len(steps), self.rows, n), arrived)

    def solve_lanes(
        self,
        t0: Any,
        t1: Any,
        y0: np.ndarray,
        p: np.ndarray,
        u: np.ndarray | None = None,
        tables: Tables = NO_TABLES,
        saveat: np.ndarray | Sequence[float] = (),
        rtol: Any = 1e-6,
        atol: float | np.ndarray = 1e-9,
        first_step: Any = None,
        max_step: Any = math.inf,
        max_steps: int = 100_000,
        threads: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Arrived:
        """Many solves: y0, p, u may have a leading axis of lanes, t0, t1, rtol, first_step, max_step one entry for
        each lane; what has none is shared. Every lane takes its own steps; lanes are spread over threads."""
        n = self.size
        operands = {
            "atol": np.broadcast_to(np.maximum(_array(atol), LEAST_ATOL), (n,)),
            "y0": _array(y0),
            "p": _array(p),
            "u": _array(u if u is not None else np.zeros(self.inputs)),
            "saveat": _array(saveat),
        }
        operands |= dict(zip(_TABLES, tables.flat(), strict=True))
        settings = (t0, t1, rtol, 0.0 if first_step is None else first_step, max_step)
        columns = [_array(s) for s in settings]
        counts = {len(a) for a in columns if a.ndim} | {
            len(operands[k]) for k in ("y0", "p", "u") if operands[k].ndim == 2
        }
        assert len(counts) == 1, "all arrays with an axis of lanes have the same number of them"
        count = counts.pop()
        options = np.zeros((count, len(OPTIONS)))
        for k, column in enumerate(columns):
            options[:, k] = column
        sizes = len(tables.driven), len(operands["jumps"]), len(operands["knots"]) // 2
        options[:, OPTIONS.index("stiff")] = math.inf
        options[:, 5:11] = max_steps, math.inf, len(operands["saveat"]), *sizes
        y_at, scaled_at, width = state_areas(n)
        operands |= {
            "options": options,
            "state": np.empty((count, width)),
            "ys": np.empty((count, len(operands["saveat"]), n)),
            "steps": np.zeros(1),
        }
        kept = {name: np.ascontiguousarray(a) for name, a in operands.items()}
        pointers = np.array([kept[o].ctypes.data for o in OPERANDS], dtype=np.int64)
        per_lane = {"options", "state", "ys"} | {k for k in ("y0", "p", "u") if kept[k].ndim == 2}
        sizes = {name: kept[name][0].size if name in per_lane else 0 for name in OPERANDS}
        strides = np.array([sizes[o] for o in OPERANDS], dtype=np.int64)

        library = None if self.simd is None else self.simd.library(count)
        kernel = self._lanes if library is None else _KERNEL(library.address("lanes"))

        def run(start: int) -> int:
            own = pointers + 8 * strides * start
            size = min(CHUNK, count - start)
            kernel(own.ctypes.data, strides.ctypes.data, size)
            return size

        workers = threads or os.cpu_count() or 1
        done = 0
        with ThreadPoolExecutor(max_workers=workers) as pool:
            try:
                for size in pool.map(run, range(0, count, CHUNK)):
                    done += size
                    if progress is not None:
                        progress(done / count)
            except KeyboardInterrupt:
                with interrupt.stopping():
                    pool.shutdown(cancel_futures=True)
                raise
        state = kept["state"]
        return _arrived(state, kept["ys"], y_at, scaled_at)

    def jax_solve(
        self,
        t0: Any,
        t1: Any,
        y0: Any,
        p: Any,
        u: Any = None,
        tables: Tables = NO_TABLES,
        saveat: Any = (),
        rtol: Any = 1e-6,
        atol: Any = 1e-9,
        first_step: Any = None,
        max_step: Any = math.inf,
        max_steps: Any = 100_000,
    ) -> ffi.Reached:
        """`solve` inside JAX: every argument may be traced, `jit` and `vmap` work; on the CPU only. Not
        differentiable: derivatives are the business of a rule around it."""
        inputs = np.zeros(self.inputs) if u is None else u
        flat = tables.flat(jnp)
        first = 0.0 if first_step is None else first_step
        return ffi.call(
            self._target,
            self.size,
            t0,
            t1,
            y0,
            p,
            inputs,
            flat,
            saveat,
            rtol,
            jnp.maximum(atol, LEAST_ATOL),
            first,
            max_step,
            max_steps,
        )

    def expect(self, count: int) -> bool:
        """Says that `count` lanes will come, if in several calls; whether they will be stepped side by side."""
        return self.simd is not None and self.simd.library(count) is not None

    def _target(self, count: int) -> str:
        """The name that XLA knows the kernel for `count` lanes by."""
        # The number of lanes of an exported program may be left open.
        known = isinstance(count, int)
        library = self.simd.library(count) if known and self.simd is not None else None
        if library is None:
            return ffi.register(f"stiffdsl_{self.key}", self.library)
        assert self.simd is not None
        return ffi.register(f"stiffdsl_{self.simd.key}", library)


class _Call:
    """One solve in progress, in the arrays of its thread."""

    def __init__(
        self,
        solver: NativeSolver,
        t0,
        t1,
        y0,
        p,
        u,
        tables,
        saveat,
        rtol,
        atol,
        first_step,
        max_step,
        max_steps,
        stiff,
    ):
        # Who reports progress may call another solve.
        scratch = _Scratch(solver) if solver._scratch.busy else solver._scratch
        scratch.busy = True
        self.solver, self.scratch, arrays = solver, scratch, scratch.arrays
        times = np.ascontiguousarray(saveat, dtype=float)
        self.ys = np.empty((len(times), solver.size))
        self.span = (t0, t1)
        self.patience = Patience(t0, t1, None) if max_steps is None else None
        self.kept: list[np.ndarray] = []
        flat = tables.flat() if len(tables.driven) or tables.knots is not None else None
        arrays["options"][:] = (
            t0,
            t1,
            rtol,
            0.0 if first_step is None else first_step,
            max_step,
            math.inf if max_steps is None else max_steps,
            max(1, solver.sizes.attempts // max(1, solver.size // 4)),
            len(times),
            len(tables.driven),
            0 if flat is None else len(flat[3]),
            0 if flat is None else len(flat[4]) // 2,
            0.0,
            0.0,
            stiff,
        )
        arrays["atol"][:] = np.maximum(atol, LEAST_ATOL)
        arrays["y0"][:] = y0
        if solver.parameters:
            arrays["p"][:] = p
        if solver.inputs:
            arrays["u"][:] = u
        if len(times):
            self.operand("saveat", times)
            self.operand("ys", self.ys)
        if flat is not None:
            for name, array in zip(_TABLES, flat, strict=True):
                self.operand(name, array)

    def operand(self, name: str, array: np.ndarray) -> None:
        self.kept.append(array)
        self.scratch.pointers[_PLACE[name]] = array.ctypes.data

    def run(self, capacity: int) -> bool:
        """Goes on; whether the solve has ended."""
        options, state = self.scratch.arrays["options"], self.scratch.arrays["state"]
        options[_CAPACITY] = capacity
        self.solver._lanes(self.scratch.address, self.scratch.stride_address, 1)
        options[_RESUME] = 1.0
        return state[_AT["status"]] != _RUNNING

    def watch(self, slides: Slides | None) -> None:
        """Gives up where the solution slides, too."""
        if self.patience is not None:
            self.patience.slides = slides

    def given_up(self) -> bool:
        """Whether a solve without a limit no longer gets on; then that is its status."""
        state = self.scratch.arrays["state"]
        attempts = int(state[_AT["accepted"]] + state[_AT["rejected"]])
        if self.patience is None or not self.patience.spent(float(state[0]), attempts, self._reached):
            return False
        state[_AT["status"]] = Status.MAX_STEPS
        return True

    def _reached(self) -> np.ndarray:
        """The state that the solve has come to."""
        y_at, scaled_at, _ = state_areas(self.solver.size)
        return self.scratch.arrays["state"][y_at:scaled_at].copy()

    def interrupt(self) -> None:
        self.scratch.arrays["state"][_AT["status"]] = Status.INTERRUPTED

    def fraction(self) -> float:
        t0, t1 = self.span
        return float((self.scratch.arrays["state"][0] - t0) / (t1 - t0))

    def taken(self, buffer: np.ndarray) -> np.ndarray:
        """The accepted steps that were recorded since the last time; the next run overwrites these rows."""
        state = self.scratch.arrays["state"]
        count, state[_AT["recorded"]] = int(state[_AT["recorded"]]), 0
        return buffer[:count]

    def arrived(self) -> Arrived:
        """The results; the arrays of the thread are free again."""
        y_at, scaled_at, _ = state_areas(self.solver.size)
        self.scratch.busy = False
        return _arrived(self.scratch.arrays["state"].copy(), self.ys, y_at, scaled_at)


def _arrived(state: np.ndarray, ys: np.ndarray, y_at: int, scaled_at: int) -> Arrived:
    """The state of one solve, or of lanes, as results."""
    scaled = state[..., scaled_at:]
    status = state[..., _AT["status"]].astype(np.int32)
    if state.ndim == 1:
        culprits = worst(scaled) if status else _NOBODY
    else:
        culprits = np.full((len(state), 3), -1, dtype=np.int32)
        for lane in np.flatnonzero(status).tolist():
            culprits[lane] = worst(scaled[lane])
    return Arrived(
        ys,
        state[..., _AT["t"]],
        state[..., y_at:scaled_at],
        status,
        culprits,
        state[..., _COUNTS : _COUNTS + 7].astype(np.int32),
        state[..., _AT["h"]],
        scaled,
        state[..., _AT["pivoted"]].astype(np.int32),
    )


_NOBODY = np.full(3, -1, dtype=np.int32)


def worst(scaled: np.ndarray) -> np.ndarray:
    """As `solve.failures.worst`: the indices of the three largest errors, -1 where they are far below the largest."""
    blame = np.abs(scaled)
    blame = np.where(np.isfinite(blame), np.minimum(blame, 1e300), np.inf)
    order = np.argsort(-blame, kind="stable")[:3]
    kept = (blame[order] > 0) & (blame[order] >= 0.1 * blame[order[0]])
    result = np.full(3, -1, dtype=np.int32)
    result[: len(order)] = np.where(kept, order, -1)
    return result


def _array(value: Any) -> np.ndarray:
    return np.asarray(value, dtype=float)
