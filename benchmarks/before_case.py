"""One case of `benchmarks before`, in a process of its own: `python before_case.py CASE`, with the `stiffdsl` that
`PYTHONPATH` names, and its models. It imports nothing else of this package, which may be of another time than that.

Every line printed is a record: a name, and processor seconds.
"""

import json
import os
import sys
import time
from pathlib import Path

MODELS = Path(os.environ["PYTHONPATH"]) / "models"
PROBLEMS = {
    "van der Pol": "problems/van_der_pol",
    "Robertson": "chemistry/robertson",
    "Oregonator": "chemistry/oregonator",
    "Akzo Nobel": "chemistry/akzo_nobel",
    "HIRES": "chemistry/hires",
    "POLLU": "chemistry/pollu",
}
# Calls of `simulate`, the least of which counts, and cells of the long ladder.
CALLS, CELLS = 200, 50_000


def told(name: str, seconds: float, **more: object) -> None:
    print(json.dumps({"name": name, "seconds": seconds, **more}), flush=True)


def start_up() -> None:
    """Robertson, from the import to the first solution."""
    import stiffdsl as sd

    assert sd.load(MODELS / "chemistry" / "robertson.sml").simulate().success
    told("start-up", time.process_time())


def problems() -> None:
    """`simulate` of the six problems of the comparison, as their experiments say."""
    import stiffdsl as sd

    for name, path in PROBLEMS.items():
        model = sd.load(MODELS / f"{path}.sml")
        found = model.simulate()
        least = float("inf")
        for _ in range(CALLS):
            began = time.process_time()
            found = model.simulate()
            least = min(least, time.process_time() - began)
        told(name, least, steps=int(found.stats["accepted"]))


def scaling() -> None:
    """A ladder of a hundred thousand unknowns, from its text to the consistent start."""
    import stiffdsl as sd

    began = time.process_time()
    model = sd.load(MODELS / "examples" / "rc_ladder.sml", constants={"N": CELLS})
    model.initial_state()
    told(f"ladder of {CELLS:,} cells", time.process_time() - began)


if __name__ == "__main__":
    {"problems": problems, "scaling": scaling, "start-up": start_up}[sys.argv[1]]()
