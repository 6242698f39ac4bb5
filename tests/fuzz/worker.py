"""A process that runs cases one after another: `python -m tests.fuzz.worker SEED FIRST STEP LAST KINDS LIMIT`.

It writes a line of JSON before and after each case. A case beyond its time ends the process with the tracebacks of all
threads on standard error; the one that started it goes on behind that case.
"""

import faulthandler
import gc
import json
import resource
import signal
import sys
import warnings
from importlib import import_module

from .kinds import kind_of, run_case

# Address space, in bytes; processes that JAX works in have large parts that are never touched.
MEMORY = 10 << 30
# Resident memory beyond which a worker gives way to a new one, in KiB.
FULL = 1_800_000
# A case that takes so many times its processor time hangs, too.
WAITING = 20
SLOW = {"portable": 4, "lanes": 6, "processes": 10}


def main() -> None:
    seed, first, step, last = map(int, sys.argv[1:5])
    kinds, limit = sys.argv[5].split(","), float(sys.argv[6])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    faulthandler.enable()
    # The default action of the signal ends the process behind the tracebacks.
    faulthandler.register(signal.SIGPROF, chain=True)
    import_module("stiffdsl.model")  # seconds, which are no case's
    for index in range(first, last, step):
        kind = kind_of(seed, index, kinds)
        print(json.dumps({"begun": index, "kind": kind}), flush=True)
        # By processor time, which does not depend on what else runs; a case that waits for something ends later.
        most = limit * SLOW.get(kind, 1)
        signal.setitimer(signal.ITIMER_PROF, most)
        faulthandler.dump_traceback_later(WAITING * most, exit=True)
        outcome = run_case(seed, index, kind)
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(outcome.to_dict()), flush=True)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > FULL:
            return
        if index % 200 == 0:
            gc.collect()


if __name__ == "__main__":
    main()
