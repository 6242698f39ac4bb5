"""`python -m tests.hybrid --cases N --seed S`: random systems with events against their closed forms.

Every system follows from the seed and its index: `--family NAME --index I` runs one again.
"""

import argparse
import sys
import time
from collections import Counter

from .cases import differences, drawn
from .families import FAMILIES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hybrid", description=__doc__)
    parser.add_argument("--cases", type=int, default=1200, help="systems of all families together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", default=",".join(FAMILIES), help="some of: " + ", ".join(FAMILIES))
    parser.add_argument("--first", type=int, default=0, help="the index of the first system of each family")
    parser.add_argument("--index", type=int, help="run this system alone")
    parser.add_argument("--shown", type=int, default=3, help="failures of a family that are printed")
    given = parser.parse_args()
    names = given.family.split(",")
    unknown = [n for n in names if n not in FAMILIES]
    if unknown:
        parser.error(f"there are no families {', '.join(unknown)}")
    each = -(-given.cases // len(names))
    indices = range(given.first, given.first + each) if given.index is None else [given.index]
    failed, events = Counter(), Counter()
    for name in names:
        began = time.process_time()
        for index in indices:
            system = drawn(FAMILIES[name], given.seed, index)
            wrong = differences(name, system)
            events[name] += sum(map(len, system.events.values()))
            failed[name] += bool(wrong)
            if wrong and failed[name] <= given.shown:
                print(f"{name} {index}: {system.params}, to {system.end!r}", *wrong, sep="\n    ")
        seconds = time.process_time() - began
        told = f"{len(indices):6} systems {events[name]:8} events {failed[name]:6} wrong"
        print(f"{name:10} {told} {seconds / len(indices):10.4f} CPU s/system", flush=True)
    return 1 if failed.total() else 0


if __name__ == "__main__":
    sys.exit(main())
