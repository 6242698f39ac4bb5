"""One problem with one peer, in a process of its own: prints one line of JSON."""

import argparse
import json
import sys
import time

import numpy as np

from benchmarks.peers import Unsupported, prepare
from benchmarks.problems import PROBLEMS

# Repeats stop after this many seconds or this many solves.
SECONDS, MOST = 3.0, 50


def measure(problem_name: str, peer: str) -> dict[str, object]:
    """`first`: from nothing to the first solution, imports apart. `solve`: the median of those after it."""
    problem = PROBLEMS[problem_name]()
    try:
        make = prepare(peer)
    except ImportError as error:
        return {"state": "missing", "why": str(error)}
    start = time.perf_counter()
    try:
        run = make(problem)
        values = run()
        first = time.perf_counter() - start
        solves: list[float] = []
        while len(solves) < MOST and sum(solves) < SECONDS:
            start = time.perf_counter()
            values = run()
            solves.append(time.perf_counter() - start)
    except Unsupported as error:
        return {"state": "not run", "why": str(error)}
    except Exception as error:
        return {"state": "failed", "why": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
    return {
        "state": "done",
        "first": first,
        "solve": float(np.median(solves)),
        "best": min(solves),
        "repeats": len(solves),
        "values": [float(v) for v in values],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker")
    parser.add_argument("problem", choices=list(PROBLEMS))
    parser.add_argument("peer")
    args = parser.parse_args()
    json.dump(measure(args.problem, args.peer), sys.stdout)


if __name__ == "__main__":
    main()
