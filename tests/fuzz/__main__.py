"""`python -m tests.fuzz --cases N --seed S`: random models, mutated texts, odd arguments, spoiled processes.

Every case follows from the seed and its index: `--index I --kinds KIND` runs one again, here, with its traceback.
Failures are written to a folder each, with the input and what differs.
"""

import argparse
import sys
import time
from pathlib import Path

from .campaign import Campaign, table, write
from .kinds import KINDS, run_case


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS), help="some of: " + ", ".join(KINDS))
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--first", type=int, default=0, help="the index of the first case")
    parser.add_argument("--index", type=int, help="run this case alone, in this process")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for a case before it is a hang")
    parser.add_argument("--out", type=Path, default=Path("fuzz-failures"))
    given = parser.parse_args()
    kinds = given.kinds.split(",")
    unknown = [k for k in kinds if k not in KINDS]
    if unknown:
        parser.error(f"there are no kinds {', '.join(unknown)}")
    if given.index is not None:
        for kind in kinds:
            outcome = run_case(given.seed, given.index, kind)
            print(outcome.text, f"{outcome.kind} {outcome.index}: {outcome.verdict} {outcome.key}", sep="\n")
            print(outcome.detail)
            if outcome.failed:
                print(f"written to {write(outcome, given.seed, kinds, given.out)}")
        return 0
    began = time.monotonic()
    campaign = Campaign(given.seed, given.first, given.cases, kinds, given.jobs, given.limit, given.out)
    try:
        campaign.run()
    except KeyboardInterrupt:
        print("interrupted; so far:", file=sys.stderr)
    print(table(campaign.counts, time.monotonic() - began))
    return 1 if campaign.counts.failures else 0


if __name__ == "__main__":
    sys.exit(main())
