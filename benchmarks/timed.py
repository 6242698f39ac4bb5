"""Seconds of `simulate` for one model, method, linear solver and back end, in a process of its own.

`first` is on the clock, from the text to the first solution, nothing kept from before and imports apart; `again` is the
least processor time of the calls that follow.
"""

import argparse
import json
import sys
import time
from typing import Any

from benchmarks.problem import MODELS
from benchmarks.process import fresh

REPEATS, SECONDS = 20, 5.0
BACKENDS = ("llvm", "xla")


def timed(
    file: str, n: int, limit: float, method: str, linear: str = "auto", backend: str = "llvm"
) -> dict[str, Any]:
    """The record of a model in `models/` of size `n` (0: without one)."""
    words = ["benchmarks.timed", file, str(n), method, linear, backend]
    return fresh(words, limit, {"STIFFDSL_CACHE": ""}, cores=1)


def portable_tier_only() -> None:
    """Leaves XLA as the only back end of this process."""
    from stiffdsl.runtime import backend

    backend.BACKENDS = (backend.XLA(),)


def _measured(file: str, n: int, method: str, linear: str, backend: str) -> dict[str, Any]:
    import stiffdsl as sd

    if backend == "xla":
        portable_tier_only()
    began = time.perf_counter()
    model = sd.load(MODELS / f"{file}.sml", constants={"N": n} if n else {})
    end = model.experiment["time"][1]

    def solve() -> Any:
        return model.simulate(saveat=[end], method=method, linear=linear)

    solution = solve()
    first, spent = time.perf_counter() - began, []
    while len(spent) < REPEATS and sum(spent) < SECONDS:
        start = time.process_time()
        solve()
        spent.append(time.process_time() - start)
    assert solution.success, solution.reason
    kept = ("accepted", "rejected", "iterations", "linear_iterations", "tier", "method")
    return {
        "state": "done",
        "unknowns": model.program.size,
        "first": first,
        "again": min(spent),
        "entries": int(model.jacobian_pattern.nnz),
        "estimate": _multiplications(model),
        "stats": {key: solution.stats[key] for key in kept if key in solution.stats},
    }


def _multiplications(model: Any) -> float:
    """About the multiplications of a factorization."""
    from stiffdsl.solve.linear.ordering import estimate

    rows, columns = model.jacobian_pattern.coords
    return float(estimate(rows, columns, model.program.size))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timed")
    parser.add_argument("file")
    parser.add_argument("n", type=int)
    parser.add_argument("method")
    parser.add_argument("linear")
    parser.add_argument("backend", choices=BACKENDS)
    json.dump(_measured(**vars(parser.parse_args())), sys.stdout)
