"""Factors of `lu.py` computed level by level: rows that wait for none of each other, and are alike, in vectors.

A row stands in the level after those of all rows that share an entry with it and come before it (level scheduling:
Anderson and Saad, Int. J. High Speed Comput. 1:73, 1989). Forty particles of a battery, or a hundred walls, are then
solved side by side, entry q of all alike rows in one piece of memory. Rows that are alone go one after another.

`W = L U` with ones on the diagonal of U. Storage: inverse pivots in the order of elimination, then the entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stiffdsl.native.factors.lu_elimination import Elimination
from stiffdsl.native.ir.code import Code

# The most multiplications: all of them are listed.
LISTED = 100_000


@dataclass(frozen=True)
class Section:
    """Rows `low` ... `high` - 1. Alike ones (`vector`): `lower` and `upper` entries each, entry q of the k-th row at
    `first + q*count + k` and, of U, at `second + …`. Others: their entries row after row."""

    low: int
    high: int
    vector: bool
    first: int
    second: int
    lower: int = 0
    upper: int = 0

    @property
    def count(self) -> int:
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class Levels:
    """`slot[e]`: where entry e of the plan lies; `level[k]`: that of row k."""

    plan: Elimination
    sections: tuple[Section, ...]
    slot: np.ndarray
    level: np.ndarray


def levels_of(left: np.ndarray, top: np.ndarray, n: int) -> np.ndarray:
    """The level of every row, from the entries of the factors in the order of elimination."""
    first, second = np.minimum(left, top), np.maximum(left, top)
    level = [0] * n
    for e in np.argsort(second, kind="stable").tolist():
        i, j = int(first[e]), int(second[e])
        if i != j and level[j] <= level[i]:
            level[j] = level[i] + 1
    return np.array(level, dtype=np.int64)


def ordered(left: np.ndarray, top: np.ndarray, n: int) -> np.ndarray:
    """The rows by level; alike ones stand together, in the order of those that they wait for."""
    level = levels_of(left, top, n)
    lower, upper = (np.bincount(left[inside], minlength=n) for inside in (top < left, top > left))
    # The last of the earlier rows that share an entry with each.
    first, second = np.minimum(left, top), np.maximum(left, top)
    place, found = np.full(n, -1, dtype=np.int64), []
    apart = first != second
    first, second = first[apart], second[apart]
    by_second = np.argsort(second, kind="stable")
    starts = np.searchsorted(second[by_second], np.arange(n + 1))
    for number in range(int(level.max(initial=0)) + 1):
        rows = np.flatnonzero(level == number)
        latest = [
            max((int(place[i]) for i in first[by_second[starts[k] : starts[k + 1]]]), default=-1)
            for k in rows.tolist()
        ]
        mine = rows[np.lexsort(np.array([rows, latest, upper[rows], lower[rows]]))]
        place[mine] = len(found) + np.arange(len(mine))
        found += mine.tolist()
    return np.array(found, dtype=np.int64)


def levels(plan: Elimination) -> Levels:
    """The layout of a plan."""
    n, left, top = plan.n, plan.left, plan.top
    level = levels_of(left, top, n)
    is_lower, is_upper = top < left, top > left
    lower, upper = (np.bincount(left[inside], minlength=n) for inside in (is_lower, is_upper))
    changes = sum(np.diff(what) != 0 for what in (level, lower, upper))
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), n]
    slot = np.full(plan.entries, -1, dtype=np.int64)
    slot[left == top] = np.arange(n)
    row_start = np.searchsorted(left, np.arange(n + 1))
    within = np.arange(plan.entries) - row_start[left]
    within_upper = within - lower[left] - 1
    at, sections, alone = n, [], 0

    def one_by_one(low: int, high: int) -> None:
        nonlocal at
        if low == high:
            return
        inside = (left >= low) & (left < high)
        first = at
        for part in (inside & is_lower, inside & is_upper):
            count = int(part.sum())
            slot[part] = at + np.arange(count)
            at += count
        sections.append(Section(low, high, False, first, first + int((inside & is_lower).sum())))

    for low, high in pairwise(edges):
        count = high - low
        if count < plan.form.alike_rows:
            continue
        one_by_one(alone, low)
        alone = high
        inside = (left >= low) & (left < high)
        wide = int(lower[low]), int(upper[low])
        sections.append(Section(low, high, True, at, at + wide[0] * count, *wide))
        for part, number in ((inside & is_lower, within), (inside & is_upper, within_upper)):
            slot[part] = at + number[part] * count + left[part] - low
            at += int(part.sum())
    one_by_one(alone, n)
    return Levels(plan, tuple(sections), slot, level)


def serves(layout: Levels) -> bool:
    """Whether the rows stand level by level, and enough of them go side by side."""
    plan = layout.plan
    if plan.multiplications > LISTED or plan.n < plan.form.alike_rows or np.any(np.diff(layout.level) < 0):
        return False
    together = sum(section.count for section in layout.sections if section.vector)
    return together >= plan.form.level_share * plan.n


def storage(plan: Elimination) -> int:
    return plan.entries


# --- factors ------------------------------------------------------------------------------------


def factor(code: Code, layout: Levels) -> None:
    """`factor(W, LU)`: the rows of U over their pivots, and what they say subtracted, level after level."""
    plan = layout.plan
    _spread(code, layout)
    upper = np.flatnonzero(plan.top > plan.left)
    number = int(layout.level.max()) + 1
    rows = np.searchsorted(layout.level, np.arange(number + 1))
    scaled = np.searchsorted(layout.level[plan.left[upper]], np.arange(number + 1))
    updates, starts = _updates(layout)
    table = _tables(code, rows, scaled, starts, layout.slot[upper], plan.left[upper], *updates)
    of_rows, of_scaled, of_updates, slots, own, multiplier, taken, target = table
    with code.loop(number) as level:
        following = code.integer("add", level, "1")
        with code.loop(code.index(of_rows, following), code.index(of_rows, level)) as k:
            code.store(code.apply("div", code.number(1.0), code.load("%LU", k)), "%LU", k)
        with code.loop(code.index(of_scaled, following), code.index(of_scaled, level)) as e:
            at = code.index(slots, e)
            value = code.apply("mul", code.load("%LU", at), code.load("%LU", code.index(own, e)))
            code.store(value, "%LU", at)
        with code.loop(code.index(of_updates, following), code.index(of_updates, level)) as e:
            at = code.index(target, e)
            factors = (code.load("%LU", code.index(t, e)) for t in (multiplier, taken))
            product = code.apply("mul", *factors)
            code.store(code.apply("sub", code.load("%LU", at), product), "%LU", at)


def _spread(code: Code, layout: Levels) -> None:
    """W where the factors will be, and zeros where they fill."""
    plan = layout.plan
    source = np.full(plan.entries, -1, dtype=np.int64)
    source[layout.slot[plan.positions]] = np.arange(len(plan.source))
    fill = np.flatnonzero(source < 0)
    given, filled = _tables(code, np.where(source < 0, 0, source), fill)
    with code.sweep(plan.entries) as s:
        code.store_part(code.gather("%W", code.indices(given, s)), "%LU", s)
    if len(fill):
        with code.loop(len(fill)) as e:
            code.store(code.number(0.0), "%LU", code.index(filled, e))


def _updates(layout: Levels) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Of all multiplications: where the entries of L and of U lie, and that they are subtracted from, by the levels
    of their pivots; and where those of a level start."""
    plan, n = layout.plan, layout.plan.n
    place = plan.left * n + plan.top
    by_column = np.lexsort((plan.left, plan.top))
    lower = by_column[plan.left[by_column] > plan.top[by_column]]
    upper = np.flatnonzero(plan.top > plan.left)
    starts = np.searchsorted(plan.left[upper], np.arange(n + 1))
    counts = np.diff(starts)[plan.top[lower]]
    of_lower = np.repeat(lower, counts)
    within = np.arange(len(of_lower)) - np.repeat(np.cumsum(counts) - counts, counts)
    of_upper = upper[starts[plan.top[of_lower]] + within]
    target = np.searchsorted(place, plan.left[of_lower] * n + plan.top[of_upper])
    level = layout.level[plan.top[of_lower]]
    bounds = np.searchsorted(level, np.arange(int(layout.level.max()) + 2))
    slot = layout.slot
    return (slot[of_lower], slot[of_upper], slot[target]), bounds


# --- solves -------------------------------------------------------------------------------------


def solve(code: Code, layout: Levels) -> None:
    """`solve(LU, b, x, z)`."""
    plan = layout.plan
    (rows,) = _tables(code, plan.row)
    with code.sweep(plan.n) as k:
        code.store_part(code.gather("%b", code.indices(rows, k)), "%z", k)
    for section in layout.sections:
        _reduced(code, layout, section, lower=True)
    for section in reversed(layout.sections):
        _reduced(code, layout, section, lower=False)
    (places,) = _tables(code, np.argsort(plan.column))
    with code.sweep(plan.n) as k:
        code.store_part(code.gather("%z", code.indices(places, k)), "%x", k)


def _reduced(code: Code, layout: Levels, section: Section, lower: bool) -> None:
    """The rows of a section less what those found before them say, with L over their pivots."""
    plan, low, high = layout.plan, section.low, section.high
    inside = (plan.left >= low) & (plan.left < high)
    inside &= (plan.top < plan.left) if lower else (plan.top > plan.left)
    found = plan.top[inside]
    if not lower and not len(found):
        return
    first = section.first if lower else section.second
    if not section.vector:
        counts = np.bincount(plan.left[inside] - low, minlength=section.count)
        _one_by_one(code, section, first, found, np.r_[0, np.cumsum(counts)], lower)
        return
    others = found.reshape(section.count, -1).T
    for at in _pieces(code, section.count):
        value = code.load_part("%z", code.integer("add", at, str(low)))
        for q, of_term in enumerate(others):
            taken = code.load_part("%LU", code.integer("add", at, str(first + q * section.count)))
            value = code.apply("sub", value, code.apply("mul", taken, _found(code, of_term, at)))
        if lower:
            value = code.apply("mul", value, code.load_part("%LU", code.integer("add", at, str(low))))
        code.store_part(value, "%z", code.integer("add", at, str(low)))


def _found(code: Code, places: np.ndarray, at: str) -> str:
    """The entries of z at `places[at …]`."""
    if np.all(np.diff(places) == 1):
        return code.load_part("%z", code.integer("add", at, str(places[0])))
    (table,) = _tables(code, places)
    return code.gather("%z", code.indices(table, at))


def _pieces(code: Code, count: int) -> Iterator[str]:
    """The first rows of vectors that cover `count` rows, each once; code emitted meanwhile is for such vectors."""
    widest = code.module.widest
    whole = count // widest
    if whole > 1:
        with code.loop(whole) as block, code.vectors(widest):
            yield code.integer("mul", block, str(widest))
    for first, lanes in code.parts(count):
        if whole > 1 and int(first) < whole * widest:
            continue
        with code.vectors(lanes):
            yield first


def _one_by_one(
    code: Code, section: Section, first: int, found: np.ndarray, starts: np.ndarray, lower: bool
) -> None:
    columns, bounds = _tables(code, found if len(found) else np.zeros(1), starts)
    values, total = code.at("%LU", first), code.variable("double")
    with code.loop(section.count) as step:
        k = step if lower else code.integer("sub", str(section.count - 1), step)
        row = code.integer("add", k, str(section.low))
        code.store(code.load("%z", row), total)
        if len(found):
            with code.loop(code.index(bounds, code.integer("add", k, "1")), code.index(bounds, k)) as e:
                product = code.apply("mul", code.load(values, e), code.load("%z", code.index(columns, e)))
                code.store(code.apply("sub", code.load(total), product), total)
        value = code.load(total)
        code.store(code.apply("mul", value, code.load("%LU", row)) if lower else value, "%z", row)


def solve_transposed(code: Code, layout: Levels) -> None:
    """`solve_transposed(LU, c, x, z)`: what a row has found is subtracted where its entries lie."""
    plan, n = layout.plan, layout.plan.n
    columns, rows = _tables(code, plan.column, np.argsort(plan.row))
    with code.sweep(n) as k:
        code.store_part(code.gather("%c", code.indices(columns, k)), "%z", k)
    for lower in (False, True):
        inside = (plan.top < plan.left) if lower else (plan.top > plan.left)
        bounds = np.searchsorted(plan.left[inside], np.arange(n + 1))
        slots, tops, starts = _tables(code, layout.slot[inside], plan.top[inside], bounds)
        with code.loop(n) as step:
            k = code.integer("sub", str(n - 1), step) if lower else step
            value = code.load("%z", k)
            if lower:
                value = code.apply("mul", value, code.load("%LU", k))
                code.store(value, "%z", k)
            with code.loop(code.index(starts, code.integer("add", k, "1")), code.index(starts, k)) as e:
                at = code.index(tops, e)
                product = code.apply("mul", code.load("%LU", code.index(slots, e)), value)
                code.store(code.apply("sub", code.load("%z", at), product), "%z", at)
    with code.sweep(n) as k:
        code.store_part(code.gather("%z", code.indices(rows, k)), "%x", k)


def _tables(code: Code, *arrays: np.ndarray) -> list[str]:
    return [code.module.constants(np.asarray(array, dtype=np.int32)) for array in arrays]
