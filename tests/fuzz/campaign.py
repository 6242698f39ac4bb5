"""Runs cases in worker processes, writes failures to a folder, and counts."""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .kinds import Outcome, kind_of

# Failures that are alike are kept so many times.
KEPT = 5


@dataclass
class Tally:
    """Counts of a campaign's cases by kind and verdict."""

    verdicts: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    alike: Counter = field(default_factory=Counter)
    first: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    slowest: dict[str, Outcome] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> int:
        """The number of failures alike so far, this one included; 0 where it is none."""
        self.verdicts[outcome.kind, outcome.verdict] += 1
        self.seconds[outcome.kind] += outcome.seconds
        if outcome.seconds > getattr(self.slowest.get(outcome.kind), "seconds", 0.0):
            self.slowest[outcome.kind] = outcome
        if not outcome.failed:
            return 0
        key = outcome.kind, outcome.key
        self.first.setdefault(key, outcome)
        self.alike[key] += 1
        return self.alike[key]

    @property
    def failures(self) -> int:
        return sum(self.alike.values())


class Campaign:
    """`cases` cases from `first` on, of some `kinds`, with `jobs` processes; `limit` seconds for a case."""

    def __init__(
        self, seed: int, first: int, cases: int, kinds: list[str], jobs: int, limit: float, out: Path
    ):
        self.seed, self.first, self.last, self.kinds = seed, first, first + cases, kinds
        self.jobs, self.limit, self.out = jobs, limit, out
        self.counts = Tally()
        self._lock = threading.Lock()
        self._workers: list[subprocess.Popen] = []

    def run(self) -> Tally:
        threads = [threading.Thread(target=self._job, args=(k,), daemon=True) for k in range(self.jobs)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(1.0)
        finally:
            for worker in self._workers:
                worker.kill()
        return self.counts

    def _job(self, number: int) -> None:
        """Workers one after another over every `jobs`-th case, until all are done."""
        index = self.first + number
        while index < self.last:
            index = self._worker(index)

    def _worker(self, index: int) -> int:
        """Runs one worker to its end; the first case that is not done."""
        with tempfile.TemporaryFile("w+") as errors:
            command = [sys.executable, "-m", "tests.fuzz.worker"]
            numbers = [self.seed, index, self.jobs, self.last]
            worker = subprocess.Popen(
                [*command, *map(str, numbers), ",".join(self.kinds), str(self.limit)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            self._workers.append(worker)
            began, at = time.monotonic(), None
            assert worker.stdout is not None
            for line in worker.stdout:
                try:
                    told = json.loads(line)
                except ValueError:
                    continue  # something that a case printed
                if "begun" in told:
                    at, began = told["begun"], time.monotonic()
                else:
                    at = None
                    index = told["index"] + self.jobs
                    self._note(Outcome(**told))
            worker.wait()
            self._workers.remove(worker)
            if at is not None or worker.returncode != 0:
                at = index if at is None else at
                errors.seek(0)
                self._note(self._ended(at, worker.returncode, time.monotonic() - began, errors.read()))
                index = at + self.jobs
        return index

    def _ended(self, index: int, status: int, seconds: float, told: str) -> Outcome:
        """The case in which a worker ended: by its time limit, or by a crash."""
        kind = kind_of(self.seed, index, self.kinds)
        verdict = "hang" if "Timeout (" in told or status == -signal.SIGPROF else "crash"
        detail = f"exit status {status} after {seconds:.0f} s\n{told[-6000:]}"
        return Outcome(index, kind, verdict, f"{verdict}, exit status {status}", detail, "", seconds)

    def _note(self, outcome: Outcome) -> None:
        with self._lock:
            alike = self.counts.add(outcome)
            if alike and alike <= KEPT:
                write(outcome, self.seed, self.kinds, self.out)


def write(outcome: Outcome, seed: int, kinds: list[str], out: Path) -> Path:
    """A failure as files: the input, and what differs."""
    folder = out / f"{outcome.kind}-{outcome.index}"
    folder.mkdir(parents=True, exist_ok=True)
    if outcome.text:
        (folder / "repro.sml").write_text(outcome.text, encoding="utf-8", errors="surrogateescape")
    again = f"python -m tests.fuzz --seed {seed} --index {outcome.index} --kinds {outcome.kind}"
    lines = [f"{outcome.verdict}: {outcome.key}", f"features: {outcome.features}", again, "", outcome.detail]
    (folder / "report.txt").write_text("\n".join(lines), encoding="utf-8", errors="backslashreplace")
    return folder


def table(counts: Tally, wall: float) -> str:
    """A table of the cases run, and the failures in groups of alike ones."""
    kinds = sorted({kind for kind, _ in counts.verdicts}, key=lambda k: -sum(_of(counts, k).values()))
    rows = ["kind         cases       ok  skipped   failed   CPU s/case   slowest s"]
    for kind in kinds:
        own = _of(counts, kind)
        total = sum(own.values())
        failed = total - own["ok"] - own["skipped"]
        slowest = counts.slowest[kind].seconds if kind in counts.slowest else 0.0
        each = counts.seconds[kind] / max(1, total)
        rows.append(
            f"{kind:10} {total:7} {own['ok']:8} {own['skipped']:8} {failed:8} {each:12.4f} {slowest:11.1f}"
        )
    total = sum(counts.verdicts.values())
    rows.append(f"{total} cases in {wall:.0f} s, {counts.failures} failures of {len(counts.alike)} sorts")
    for (kind, key), count in counts.alike.most_common():
        first = counts.first[kind, key]
        detail = first.detail.strip().splitlines()
        told = (detail[-1] if first.verdict == "fault" else detail[0]) if detail else ""
        rows.append(f"  {count:5} x {kind}: {key} (first: {first.index}) {told[:160]}")
    return "\n".join(rows)


def _of(counts: Tally, kind: str) -> Counter:
    return Counter({v: n for (k, v), n in counts.verdicts.items() if k == kind})
