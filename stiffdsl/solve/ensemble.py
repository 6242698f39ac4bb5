"""Many solves in one call: every lane takes its own steps, both cores work, memory is bounded by chunks."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.addresses import jit_beside_itself
from stiffdsl.solve.status import Status

# Lanes per call of the compiled program: enough to hide the call, few enough that progress is seen.
CHUNK = 64
# On devices that compute side by side: lanes that do, lanes per call, and how many numbers either may hold.
SLOTS, DEVICE_CHUNK, NUMBERS = 8192, 1 << 16, 1 << 27


class Ensemble:
    """What `ensemble` returns: `values` (lanes, times, outputs), `batch["A"]` (lanes, times), a status per lane."""

    def __init__(
        self, t: np.ndarray, outputs: tuple[str, ...], values: Any, status: Any, stats: dict[str, Any]
    ):
        self.t = t
        self.outputs = outputs
        self.values = values
        self.status = np.asarray(status)
        self.stats = stats

    @property
    def success(self) -> np.ndarray:
        """Which lanes reached the end."""
        return self.status == int(Status.SUCCESS)

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
        """Why each lane stopped."""
        return [Status(int(s)).message for s in self.status]

    def __repr__(self) -> str:
        return f"<Ensemble of {len(self)} solves, {int(self.success.sum())} to the end, {len(self.t)} times>"


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


def device_slots(size: int, times: int) -> tuple[int, int]:
    """Lanes that step side by side on a device, and lanes per call, for so many unknowns and saved times."""
    slots = max(1, min(SLOTS, NUMBERS // (32 * max(1, size))))
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
) -> Any:
    """The results of `program = lanes(one)` for all `count` rows of the pytree `values`, as NumPy arrays.

    Chunks of lanes go to `threads` threads (as many as there are cores); the last chunk is filled up with copies of
    its lane. Chunks have `most` lanes at most, and are multiples of `group`.
    """
    threads = threads or os.cpu_count() or 1
    size = min(most, max(1, -(-count // threads)))
    size = group * -(-size // group)
    starts = range(0, count, size)

    def run(start: int) -> Any:
        index = np.minimum(np.arange(start, start + size), count - 1)
        chunk = jax.tree.map(lambda a: jnp.asarray(a[index]), values)
        return jax.tree.map(np.asarray, program(shared, chunk))

    results = []
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for done, result in enumerate(pool.map(run, starts), 1):
            results.append(result)
            if progress is not None:
                progress(min(1.0, done * size / count))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *results)
