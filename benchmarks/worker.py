"""One problem with one peer at some tolerances, in a process of its own: prints a line of JSON for each."""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.peers import Run, Unsupported, prepare, settles
from benchmarks.problem import BenchmarkProblem
from benchmarks.problems import PROBLEMS

# Repeats stop after this many seconds or this many solves: at the first tolerance, and at those after it.
SECONDS, MOST = (1.0, 0.3), (100, 30)
# A tighter tolerance is not begun where this many times what the last one took would not fit in the limit.
ROOM = 2.0


def measure(
    problem: BenchmarkProblem, peer: str, tolerances: list[float], limit: float
) -> Iterator[dict[str, Any]]:
    """A record for each tolerance: `solve` is the median of the solves, `values` the end values. The first has
    `first` too: from nothing to the first solution, imports apart."""
    began = time.perf_counter()
    try:
        make = prepare(peer)
    except ImportError as error:
        yield {"state": "missing", "why": str(error)}
        return
    try:
        start = time.perf_counter()
        run = make(problem)
        made = time.perf_counter() - start
        for k, rtol in enumerate(tolerances):
            entered = time.perf_counter()
            record = _at(problem, run, rtol, settles(peer), SECONDS[k > 0], MOST[k > 0])
            if k == 0:
                record["first"] = made + record["earliest"]
            yield {"state": "done", **record}
            now = time.perf_counter()
            if now - began + ROOM * (now - entered) > limit:
                return
    except Unsupported as error:
        yield {"state": "not run", "why": str(error)}
    except Exception as error:
        yield {"state": "failed", "why": f"{type(error).__name__}: {error}".splitlines()[0][:300]}


def _at(
    problem: BenchmarkProblem, run: Run, rtol: float, settled: bool, seconds: float, most: int
) -> dict[str, Any]:
    atol = problem.absolute(rtol)
    values, earliest = _timed(lambda: run(rtol, atol))
    # Where the first run compiles it does not count.
    solves = [earliest] if settled else []
    while not solves or (len(solves) < most and sum(solves) < seconds):
        values, spent = _timed(lambda: run(rtol, atol))
        solves.append(spent)
    return {
        "rtol": rtol,
        "earliest": earliest,
        "solve": float(np.median(solves)),
        "repeats": len(solves),
        "values": [float(v) for v in values],
    }


def _timed(call: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker")
    parser.add_argument("problem", choices=list(PROBLEMS))
    parser.add_argument("peer")
    parser.add_argument("--rtol", type=float, nargs="+", default=[1e-6])
    parser.add_argument("--limit", type=float, default=60.0)
    args = parser.parse_args()
    for record in measure(PROBLEMS[args.problem](), args.peer, args.rtol, args.limit):
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
