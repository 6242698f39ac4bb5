"""Solved samples in a folder, written as they come: a run that was killed goes on where it was.

Each file holds the rows of one chunk: their values, trajectories, and what failed and why. It appears whole or
not at all. A task has its own sub-folder, named by its fingerprint, so that another model, other times or
tolerances never meet solves that are not theirs."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from stiffdsl.surrogate.core.task import Progress, Task

# Rows per file, and per call of the solver: every call has as many, so that one shape is compiled.
CHUNK = 32

Solved = tuple[np.ndarray, np.ndarray, list[str | None]]


class Store:
    """Store of the solves of `task` in `folder`; `reused` counts the rows that were there before."""

    def __init__(self, folder: str | Path, task: Task):
        self.task = task
        self.folder = Path(folder) / named(task)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[bytes, tuple[np.ndarray, bool, str | None]] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            self._read(path)
        self.reused = len(self._known)

    def solve_many(self, values: np.ndarray, progress: Progress) -> Solved:
        """The task's `solve_many`, without the rows that are stored already."""
        rows = [row.tobytes() for row in values]
        pending = [k for k, row in enumerate(dict.fromkeys(rows)) if row not in self._known]
        unique = np.array([np.frombuffer(row) for row in dict.fromkeys(rows)]).reshape(-1, values.shape[1])
        known = len(unique) - len(pending)
        if known and pending:
            progress(known / len(unique))
        for done in range(0, len(pending), CHUNK):
            some = pending[done : done + CHUNK]
            self._solve(unique[np.resize(some, CHUNK)], len(some))
            progress((known + done + len(some)) / len(unique))
        found = [self._known[row] for row in rows]
        return (
            np.array([t for t, _, _ in found]),
            np.array([ok for _, ok, _ in found]),
            [r for _, _, r in found],
        )

    def _solve(self, values: np.ndarray, count: int) -> None:
        """Solves one chunk, of which the first `count` rows are kept."""
        trajectories, ok, reasons = self.task.solve_many(values, lambda fraction: None)
        trajectories, ok = np.asarray(trajectories, dtype=float)[:count], np.asarray(ok, dtype=bool)[:count]
        arrays = {"values": values[:count].copy(), "trajectories": trajectories.copy(), "ok": ok.copy()}
        name = hashlib.sha256(arrays["values"].tobytes()).hexdigest()[:16] + ".safetensors"
        part = self.folder / f".{name}.{os.getpid()}"
        save_file(arrays, part, {"reasons": json.dumps(reasons[:count])})
        os.replace(part, self.folder / name)
        self._remember(arrays["values"], trajectories, ok, reasons[:count])

    def _read(self, path: Path) -> None:
        try:
            with safe_open(path, "numpy") as file:
                reasons = json.loads(file.metadata()["reasons"])
                values, trajectories, ok = (file.get_tensor(n) for n in ("values", "trajectories", "ok"))
            self._remember(values, trajectories, ok, reasons)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            # A file that was damaged after it was written: its rows are solved again.
            path.unlink(missing_ok=True)

    def _remember(
        self, values: np.ndarray, trajectories: np.ndarray, ok: np.ndarray, reasons: list[str | None]
    ) -> None:
        for row, trajectory, good, reason in zip(values, trajectories, ok, reasons, strict=True):
            self._known[row.tobytes()] = trajectory, bool(good), reason


def named(task: Task) -> str:
    """The sub-folder of a task."""
    told = [task.fingerprint(), task.name, *task.outputs, *task.columns]
    digest = hashlib.sha256("\n".join(told).encode())
    digest.update(task.times.tobytes())
    return digest.hexdigest()[:16]


def remembered(task: Task, folder: str | Path | None) -> Task:
    """`task`, solved through a store in `folder` where there is one."""
    if folder is None:
        return task
    solve: Callable[[np.ndarray, Progress], Solved] = Store(folder, task).solve_many
    return replace(task, solve_many=solve)


def stored(folder: str | Path) -> int:
    """The number of solved runs in `folder`, of any task."""
    count = 0
    for path in Path(folder).glob("*/*.safetensors"):
        try:
            with safe_open(path, "numpy") as file:
                count += file.get_slice("values").get_shape()[0]
        except (OSError, SafetensorError):
            continue
    return count
