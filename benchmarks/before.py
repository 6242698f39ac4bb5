"""This state beside an earlier commit: the same work by both, in processes that take turns.

Processor seconds, which neighbours on a busy machine lengthen less than those of the clock; the least of all turns.
The six problems: one call of `simulate` with what the experiment says; start-up: a fresh process to the first
solution of Robertson, after one that filled the folders of kernels and of bytecode; scaling: from the text to the
consistent start.
Columns: before, now, and now over before; steps of a solve, where they changed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.process import ROOT

# Turns of each case.
TURNS = {"start-up": 5, "problems": 3, "scaling": 2}


def before(limit: float, console: Console, commit: str = "HEAD~1") -> list[dict[str, Any]]:
    """A table of all cases, and a record for each: `commit` in a work tree of its own, beside the files as they are."""
    table = Table(title=f"processor time beside {commit}", title_justify="left")
    for column in ("case", "before, ms", "now, ms", "now / before", "steps"):
        table.add_column(column, justify="left" if column == "case" else "right")
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "earlier"
        _git("worktree", "add", "--detach", str(earlier), commit)
        try:
            found = _taken({"before": earlier, "now": ROOT}, Path(folder), limit)
        finally:
            _git("worktree", "remove", "--force", str(earlier))
    records = []
    for name, (old, new) in found.items():
        record = {"case": name, "before": old["seconds"], "now": new["seconds"]}
        records.append(record)
        steps = (f"{r['steps']:,}" for r in (old, new) if "steps" in r)
        milliseconds = (f"{1e3 * r['seconds']:,.{3 * (r['seconds'] < 0.1)}f}" for r in (old, new))
        changed = " -> ".join(dict.fromkeys(steps))
        table.add_row(name, *milliseconds, f"{record['now'] / record['before']:.2f}", changed)
    console.print(table)
    return records


def _taken(
    states: dict[str, Path], folder: Path, limit: float
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The best record of each name by each state."""
    best: dict[str, dict[str, dict[str, Any]]] = {which: {} for which in states}
    for which, root in states.items():
        _run("start-up", root, folder / f"cache-{which}", limit)  # fills the folder of kernels
    for case, turns in TURNS.items():
        for _ in range(turns):
            for which, root in states.items():
                for record in _run(case, root, folder / f"cache-{which}", limit):
                    known = best[which].get(record["name"])
                    if known is None or record["seconds"] < known["seconds"]:
                        best[which][record["name"]] = record
    before, now = best.values()
    return {name: (before[name], now[name]) for name in before if name in now}


def _run(case: str, root: Path, cache: Path, limit: float) -> list[dict[str, Any]]:
    """The records of a case by the package in `root`."""
    # As an installed package has it: bytecode is written once, or each start would time how long the sources are.
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(cache / "bytecode")}
    environment = {**os.environ, **bytecode, "PYTHONPATH": str(root), "STIFFDSL_CACHE": str(cache)}
    script = Path(__file__).with_name("before_case.py")
    done = subprocess.run(
        [sys.executable, str(script), case], capture_output=True, text=True, timeout=limit, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{case} by {root} ended with status {done.returncode}: {done.stderr[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _git(*words: str) -> None:
    subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True)
