"""Run a module of this package in a fresh process with a time limit, and read its JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def fresh(words: list[str], limit: float, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """What `python -m WORDS` prints, as JSON; `state` is `over limit` or `failed` where it prints none."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, **(environment or {}), "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            capture_output=True,
            text=True,
            timeout=limit,
            env=env,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"state": "over limit", "why": f"more than {limit:g} s"}
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"state": "failed", "why": f"status {done.returncode}: {last[:300]}"}
