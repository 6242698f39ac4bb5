"""Lanes of an ensemble on other workers: processes, a Dask or Ray cluster, several devices of this process.

A model travels as what it was compiled from (its text, that of its imports, its constants), and each worker compiles it
once. So nothing depends on what JAX or LLVM keep in this process.
"""

import concurrent.futures
import pickle
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from stiffdsl.solve.base.options import Options

# Lanes that a task has, at least and at most: between these, there are sixteen tasks.
FEW, MANY, TASKS = 64, 2048, 16

# Makes a `CompiledModel`: plain data, so that it can be pickled.
Origin = Callable[[], Any]


class EnsembleTask(NamedTuple):
    """Settings that all tasks of an ensemble share; `inputs` are the user's, without tables that differ by lane."""

    origin: Origin | None
    options: Options
    time: tuple[float, float]
    saveat: np.ndarray
    outputs: tuple[str, ...] | None
    fixed: dict[str, dict[str, Any]]
    inputs: dict[str, Any]


def devices(executor: Any) -> tuple[Any, ...]:
    """The devices of JAX that are meant, none where it is something else."""
    if isinstance(executor, Sequence) and all(isinstance(d, jax.Device) for d in executor):
        return tuple(executor)
    return ()


def over_devices(program: Callable[..., Any], devices: Sequence[Any]) -> Callable[..., Any]:
    """`program(shared, chunk)` with the lanes of the chunk divided among the devices; each runs its own loops."""
    mesh = Mesh(np.array(devices), ("lanes",))
    lanes, everywhere = PartitionSpec("lanes"), PartitionSpec()
    divided = jax.shard_map(
        program, mesh=mesh, in_specs=(everywhere, lanes), out_specs=lanes, check_vma=False
    )
    return jax.jit(divided)


def spread(
    executor: Any,
    task: EnsembleTask,
    varied: dict[str, dict[str, np.ndarray]],
    count: int,
    progress: Callable[[float], None] | None,
    solve: Callable[..., Any],
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, dict[str, int]]:
    """Names of outputs, values (lanes, times, outputs), statuses and summed counts, from the workers of `executor`:
    each runs `solve(task, own)` for its lanes."""
    submit = _submitter(executor, solve)
    if task.origin is None:
        raise ValueError("a model that was not compiled from a text cannot travel to other workers")
    size = max(FEW, min(MANY, -(-count // TASKS)))
    results = []
    waiting = []
    for start in range(0, count, size):
        own = {
            kind: {name: value[start : start + size] for name, value in given.items()}
            for kind, given in varied.items()
        }
        waiting.append(submit(task, own))
    for done, result in enumerate(waiting, 1):
        results.append(result())
        if progress is not None:
            progress(done / len(waiting))
    stats = {name: sum(r[3][name] for r in results) for name in results[0][3]}
    values = np.concatenate([r[1] for r in results])
    return results[0][0], values, np.concatenate([r[2] for r in results]), stats


def _submitter(executor: Any, solve: Callable[..., Any]) -> Callable[[EnsembleTask, Any], Callable[[], Any]]:
    """`submit(task, own)`, which returns a function that waits for the result."""
    if callable(getattr(executor, "submit", None)):
        context = getattr(executor, "_mp_context", None)
        if context is not None and context.get_start_method() == "fork":
            raise ValueError(
                "processes that are forked hang, as JAX runs threads; make the pool with "
                '`ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))`'
            )
        return lambda task, own: executor.submit(solve, task, own).result
    if getattr(executor, "__name__", None) == "ray":
        remote = executor.remote(solve)

        def submit(task, own):
            reference = remote.remote(task, own)
            return lambda: executor.get(reference)

        return submit
    raise ValueError(
        "`executor` takes a pool of `concurrent.futures`, a Dask client, the module `ray`, or a list of JAX devices, "
        f"not {executor!r}"
    )


def check_inputs(inputs: dict[str, Any], executor: Any) -> None:
    """Raises `ValueError` for an input that cannot travel."""
    if isinstance(executor, concurrent.futures.ThreadPoolExecutor):
        return
    for name, value in inputs.items():
        if callable(value):
            raise ValueError(
                f"the input `{name}` is a function, which cannot travel: give a table of its values"
            )


# By what they are compiled from, pickled: each task brings a copy of it.
_models: dict[bytes, Any] = {}
_compiling = threading.Lock()


def compiled(origin: Origin) -> Any:
    """The model of an origin, compiled once in a process."""
    key = pickle.dumps(origin)
    with _compiling:
        if key not in _models:
            _models[key] = origin()
    return _models[key]


def of_lane(first: Any, values: Any) -> Any:
    """An input with `values` in the place of those of the `first` lane: in its table, or constants."""
    return (first[0], values) if isinstance(first, Sequence) else values
