"""Run a module of this package in a fresh process with a time limit, and read its JSON, a record a line."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def fresh(
    words: list[str],
    limit: float,
    environment: dict[str, str] | None = None,
    cores: int | None = None,
) -> dict[str, Any]:
    """The last record that `python -m WORDS` prints; `state` is `over limit` or `failed` where it prints none."""
    found, end = records(words, limit, environment, cores)
    return found[-1] if found else end


def records(
    words: list[str],
    limit: float,
    environment: dict[str, str] | None = None,
    cores: int | None = None,
    python: str = sys.executable,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The records that `python -m WORDS` prints within `limit` seconds, on `cores` cores (Linux), and its end:
    `state` is `done`, `over limit` or `failed`, with the reason `why`."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, **(environment or {}), "PYTHONPATH": os.pathsep.join(paths)}
    pin = None
    if cores is not None:
        env |= dict.fromkeys(_THREADS, str(cores))
        if hasattr(os, "sched_setaffinity"):
            pin = partial(os.sched_setaffinity, 0, sorted(os.sched_getaffinity(0))[-cores:])
    command = [python, "-m", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, env=env, check=False, preexec_fn=pin
        )
    except subprocess.TimeoutExpired as stopped:
        out = stopped.stdout or b""
        return _read(out.decode() if isinstance(out, bytes) else out), {
            "state": "over limit",
            "why": f"more than {limit:g} s",
        }
    except OSError as error:
        return [], {"state": "missing", "why": f"{python}: {error.strerror}"}
    found = _read(done.stdout)
    if done.returncode == 0 and found:
        return found, {"state": "done"}
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    return found, {"state": "failed", "why": f"status {done.returncode}: {last[:300]}"}


def _read(text: str) -> list[dict[str, Any]]:
    """The records among the lines; a process that was stopped may have left half a line."""
    found = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found
