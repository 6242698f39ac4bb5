"""Conserved quantities in the form in which people know them: few states, positive weights, small numbers.

before   A + B + C    A - D + C    after   A + B + C    B + D

Any basis says the same. Total amounts are its vectors without negative weights, and of those the ones that hold as
little as possible (the extreme semi-positive relations of Schuster and Höfer 1991): each is the solution of a linear
programme, found numerically and then made exact.
"""

from fractions import Fraction

import numpy as np

# A weighted sum of states: the weight of `(state, name of the factor, factor, kinds, ids)` as a fraction.
Vector = dict[tuple, Fraction]

# More quantities, or more weights in all, are left as they were found.
MANY, LARGEST = 100, 100_000
# So many programmes are solved for each quantity that is wanted.
TRIES = 6
# Whole numbers up to this size are products without rounding.
EXACT = 2.0**25
DENOMINATOR = 1000
ROUNDS = 10


def order_of(key: tuple) -> tuple:
    return key[0], key[1], key[4]


def added(one: dict, other: dict, times: Fraction) -> dict:
    """`one + times*other`."""
    result = dict(one)
    for key, n in other.items():
        n = result.get(key, 0) + times * n
        if n:
            result[key] = n
        else:
            result.pop(key, None)
    return result


def shortest(vectors: list[Vector]) -> list[Vector]:
    """The same space in vectors of few, positive entries, as far as they are found."""
    vectors = [_normal(v) for v in vectors]
    keys = sorted({key for v in vectors for key in v}, key=order_of)
    if not 1 < len(vectors) <= MANY or len(keys) * len(vectors) > LARGEST:
        return vectors
    place = {key: k for k, key in enumerate(keys)}
    table = np.zeros((len(vectors), len(keys)))
    for i, v in enumerate(vectors):
        table[i, [place[key] for key in v]] = [float(n) for n in v.values()]
    if np.max(np.abs(table)) > EXACT:
        return vectors
    chosen: list[np.ndarray] = []
    for candidate in (*_positive(table), *_reduced(table)):
        if np.linalg.matrix_rank(np.array([*chosen, candidate])) > len(chosen):
            chosen.append(candidate)
        if len(chosen) == len(table):
            break
    return [{keys[k]: Fraction(int(row[k])) for k in np.flatnonzero(row).tolist()} for row in chosen]


def _positive(table: np.ndarray) -> list[np.ndarray]:
    """Combinations of the rows without negative entries, each the smallest that holds some column."""
    from scipy.optimize import linprog

    rows, columns = table.shape
    found: list[np.ndarray] = []
    # Columns that few of the found hold come first, then those that few rows hold.
    waiting = list(np.argsort(np.count_nonzero(table, axis=0), kind="stable"))
    for _ in range(TRIES * rows):
        held = np.any(np.array(found) != 0, axis=0) if found else np.zeros(columns, dtype=bool)
        column = next((c for c in waiting if not held[c]), waiting[0] if waiting else None)
        if column is None:
            break
        waiting.remove(column)
        solved = linprog(
            table.sum(axis=1),
            A_ub=-table.T,
            b_ub=np.zeros(columns),
            A_eq=table[:, [column]].T,
            b_eq=[1.0],
            bounds=(None, None),
        )
        if solved.status != 0:
            continue
        exact = _exact(solved.x @ table, table)
        if exact is not None and not any(np.array_equal(exact, f) for f in found):
            found.append(exact)
    return sorted(found, key=np.count_nonzero)


def _exact(vector: np.ndarray, table: np.ndarray) -> np.ndarray | None:
    """The smallest whole multiple of `vector`, where that is a combination of the rows of `table`."""
    distinct, place = np.unique(np.round(vector, 9), return_inverse=True)
    fractions = [Fraction(float(x)).limit_denominator(DENOMINATOR) for x in distinct]
    multiple = int(np.lcm.reduce(np.array([f.denominator for f in fractions], dtype=object)))
    numbers = np.array([int(f * multiple) for f in fractions], dtype=object)
    numbers //= int(np.gcd.reduce(numbers)) or 1
    if max(map(abs, numbers.tolist())) > EXACT:
        return None
    whole = numbers.astype(float)[place.ravel()]
    return whole if _in_space(whole, table) else None


def _in_space(vector: np.ndarray, table: np.ndarray) -> bool:
    """Whether whole numbers are a combination of whole rows: to an accuracy that no other whole numbers reach."""
    solution, *_ = np.linalg.lstsq(table.T, vector, rcond=None)
    return bool(np.max(np.abs(solution @ table - vector), initial=0.0) < 1e-6)


def _reduced(table: np.ndarray) -> list[np.ndarray]:
    """The rows with multiples of one another added, as long as that makes them shorter."""
    table = table.copy()
    for _ in range(ROUNDS):
        before = table.copy()
        for i in range(len(table)):
            for j in np.flatnonzero(np.arange(len(table)) != i).tolist():
                table[i] = _better(table[i], table[j])
        if np.array_equal(before, table):
            break
    return list(table)


def _better(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`one`, or the sum with a multiple of `other` that is best; whole numbers, as floats."""
    best, cost = one, _cost(one)
    common = np.flatnonzero((one != 0) & (other != 0))
    if not len(common):
        return one
    divisor = np.gcd(one[common].astype(np.int64), other[common].astype(np.int64))
    ratios, counts = np.unique(
        np.column_stack([one[common] / divisor, other[common] / divisor]), axis=0, return_counts=True
    )
    # Candidates: the steps that remove most states, and the smallest and largest steps.
    by_size = np.argsort(np.abs(ratios[:, 0] / ratios[:, 1]), kind="stable")
    chosen = [*np.argsort(-counts, kind="stable")[:3].tolist(), int(by_size[0]), int(by_size[-1])]
    for above, below in ratios[list(dict.fromkeys(chosen))].tolist():
        made = below * one - above * other
        if np.max(np.abs(made)) > EXACT:
            continue
        divisor = np.gcd.reduce(made.astype(np.int64)) or 1
        made = made / divisor
        if np.sum(made < 0) > np.sum(made > 0):
            made = -made
        if _cost(made) < cost:
            best, cost = made, _cost(made)
    return best


def _cost(vector: np.ndarray) -> tuple[int, int, float]:
    """Quantities of positive weights are better, then those of few states, then those of small weights."""
    positive, negative = int(np.sum(vector > 0)), int(np.sum(vector < 0))
    return min(positive, negative), positive + negative, float(np.sum(np.abs(vector)))


def _normal(vector: Vector) -> Vector:
    """In whole numbers without a common divisor, mostly positive."""
    multiple = int(np.lcm.reduce(np.array([n.denominator for n in vector.values()], dtype=object)))
    numbers = [int(n * multiple) for n in vector.values()]
    divisor = int(np.gcd.reduce(np.array(numbers, dtype=object)))
    positive = sum(n > 0 for n in numbers)
    first = numbers[0] if 2 * positive == len(numbers) else positive - len(numbers) / 2
    sign = 1 if first > 0 else -1
    return {key: Fraction(sign * n // divisor) for key, n in zip(vector, numbers, strict=True)}
