"""Solves with the factors of `lu_blocks.py` where all of their rows and columns are short: chains, and chains of them.

There a row often waits for the one before. It is summed number by number, the newest last, without a branch: what is
missing in a row is zero times its own number.
"""

import numpy as np

from stiffdsl.native.factors.lu_blocks import Blocks
from stiffdsl.native.ir.code import Code

# Vectors of rows that are worth a loop of their own.
SEVERAL = 3


def is_narrow(layout: Blocks) -> bool:
    plan = layout.plan
    ends = [plan.left, plan.top]
    inside = [plan.top < plan.left, plan.top > plan.left]
    widest = plan.form.narrow_rows
    return all(np.bincount(end[part], minlength=1).max() <= widest for end in ends for part in inside)


def solve(code: Code, layout: Blocks) -> None:
    """`solve(LU, b, x, z)`."""
    plan = layout.plan
    _permuted(code, layout, "%b", plan.row)
    _sweep(code, layout, lower=True, transposed=False)
    _sweep(code, layout, lower=False, transposed=False)
    _given_back(code, layout, plan.column)


def solve_transposed(code: Code, layout: Blocks) -> None:
    """`solve_transposed(LU, c, x, z)`."""
    plan = layout.plan
    _permuted(code, layout, "%c", plan.column)
    _sweep(code, layout, lower=False, transposed=True)
    _sweep(code, layout, lower=True, transposed=True)
    _given_back(code, layout, plan.row)


def _permuted(code: Code, layout: Blocks, given: str, places: np.ndarray) -> None:
    table = code.module.constants(places.astype(np.int32))
    with code.sweep(layout.plan.n) as k:
        code.store_part(code.gather(given, code.indices(table, k)), "%z", k)


def _given_back(code: Code, layout: Blocks, places: np.ndarray) -> None:
    table = code.module.constants(np.argsort(places).astype(np.int32))
    with code.sweep(layout.plan.n) as k:
        code.store_part(code.gather("%z", code.indices(table, k)), "%x", k)


def _sweep(code: Code, layout: Blocks, lower: bool, transposed: bool) -> None:
    """Every number of z less what those found before it say, and with U over its pivot."""
    factors, found, counts = _terms(layout, lower, transposed)
    rising = lower != transposed
    inverses = None if lower else code.at("%LU", layout.padded)
    for low, high, together in _sections(found, rising, code.module.widest):
        width = int(counts[low:high].max())
        parts = factors[low:high, factors.shape[1] - width :], found[low:high, found.shape[1] - width :]
        write = _together if together else _one_by_one
        write(code, low, high - low, parts, inverses, rising)


# Of a run of rows: where in the factors every term lies, and its number of z.
Terms = tuple[np.ndarray, np.ndarray]


def _one_by_one(code: Code, low: int, count: int, terms: Terms, inverses: str | None, rising: bool) -> None:
    width = terms[0].shape[1]
    factor_table, found_table = (code.module.constants(t.astype(np.int32)) for t in terms)
    z = code.at("%z", low)
    inverses = None if inverses is None else code.at(inverses, low)
    with code.loop(count) as step:
        k = step if rising else code.integer("sub", str(count - 1), step)
        first = code.integer("mul", k, str(width))
        # Over the pivot before the sum: nothing follows the number that a row waits for.
        inverse = None if inverses is None else code.load(inverses, k)
        value = _over(code, code.load(z, k), inverse)
        for j in range(width):
            at = code.integer("add", first, str(j))
            factor = _over(code, code.load("%LU", code.index(factor_table, at)), inverse)
            product = code.apply("mul", factor, code.load("%z", code.index(found_table, at)))
            value = code.apply("sub", value, product)
        code.store(value, z, k)


def _together(code: Code, low: int, count: int, terms: Terms, inverses: str | None, rising: bool) -> None:
    """Rows that do not wait for each other, in vectors."""
    del rising
    tables = [[code.module.constants(column.astype(np.int32)) for column in part.T] for part in terms]
    z = code.at("%z", low)
    inverses = None if inverses is None else code.at(inverses, low)
    with code.sweep(count) as k:
        inverse = None if inverses is None else code.load_part(inverses, k)
        value = _over(code, code.load_part(z, k), inverse)
        for factor_table, found_table in zip(*tables, strict=True):
            factor = _over(code, code.gather("%LU", code.indices(factor_table, k)), inverse)
            product = code.apply("mul", factor, code.gather("%z", code.indices(found_table, k)))
            value = code.apply("sub", value, product)
        code.store_part(value, z, k)


def _over(code: Code, value: str, inverse: str | None) -> str:
    return value if inverse is None else code.apply("mul", value, inverse)


def _sections(found: np.ndarray, rising: bool, widest: int) -> list[tuple[int, int, bool]]:
    """Runs of rows in the order in which they are computed: from, to, and whether none of them waits for another one
    of its run. Those are whole vectors, and some of them."""
    n = len(found)
    order = np.arange(n) if rising else np.arange(n)[::-1]
    time = np.argsort(order)
    # A row is padded with its own number, which adds no dependence.
    latest = np.where(found == np.arange(n)[:, None], -1, time[found]).max(axis=1, initial=-1)[order]
    runs: list[tuple[int, int, bool]] = []

    def add(start: int, end: int, together: bool) -> None:
        if start == end:
            return
        if runs and not together and not runs[-1][2]:
            start = runs.pop()[0]
        runs.append((start, end, together))

    start = 0
    while start < n:
        end = start + 1
        while end < n and latest[end] < start:
            end += 1
        whole = (end - start) // widest * widest
        middle = start + (whole if whole >= SEVERAL * widest else 0)
        add(start, middle, True)
        add(middle, end, False)
        start = end
    return [(a, b, t) if rising else (n - b, n - a, t) for a, b, t in runs]


def _terms(layout: Blocks, lower: bool, transposed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions of the factors of every row, the numbers of z that they multiply, the nearest last, and their count.
    Rows are padded to one length with the first place of the array for a row under way, which a factorization leaves
    zero."""
    plan = layout.plan
    inside = plan.top < plan.left if lower else plan.top > plan.left
    places = layout.places(lower)
    own, other = (plan.top, plan.left) if transposed else (plan.left, plan.top)
    own, other = own[inside], other[inside]
    order = np.lexsort((-np.abs(own - other), own))
    own, other, places = own[order], other[order], places[order]
    counts = np.bincount(own, minlength=plan.n)
    width = int(counts.max()) if len(own) else 0
    factors = np.zeros((plan.n, width), dtype=np.int64)
    found = np.repeat(np.arange(plan.n)[:, None], width, axis=1)
    within = np.arange(len(own)) - (np.cumsum(counts) - counts)[own]
    slot = width - counts[own] + within
    factors[own, slot], found[own, slot] = places, other
    return factors, found, counts
