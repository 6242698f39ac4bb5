"""Compare stiffdsl with other solvers, side by side, in one run: `python -m benchmarks`.

    python -m benchmarks                       every problem with every peer
    python -m benchmarks --problem rober --peer stiffdsl --peer "scipy BDF" --json out.json
    python -m benchmarks start-up              parse to first solution of Robertson, cold and warm
    python -m benchmarks scaling               compile time of the library at three sizes
    python -m benchmarks precision             error and work of the methods at many tolerances, and a picture

Each pair of problem and peer runs in a process of its own with a time limit, so nothing hangs and no peer
warms another one's caches. The peers are in the extra `bench`; one that is not installed is reported so.
"""
