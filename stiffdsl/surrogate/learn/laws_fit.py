"""From what a model holds to the `Laws` of its surrogate: which can be kept, and how uncertain each output is."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.laws import Laws, Polynomials
from stiffdsl.surrogate.core.sampling import Samples
from stiffdsl.surrogate.core.task import Relations, Task
from stiffdsl.surrogate.regression.radial import exponent_table, tail

# A law is kept where a polynomial of the varied values gives its numbers to this share of their size.
EXACT = 1e-12
_GREATEST_DEGREE, _MOST_TERMS = 3, 120
# Uncertainties in scaled outputs are at least the first and this share of an output's over all times, at most the last.
_LEAST, _SHARE, _MOST = 1e-9, 0.05, 0.5

# An output saturates where so many runs come to its greatest value, and so many of all points are there.
_LEAST_RUNS, _RUNS_SHARE, _POINTS_SHARE = 5, 0.05, 0.01


def laws_of(
    task: Task, sets: Sequence[Samples], errors: Float[np.ndarray, "n m q"]
) -> tuple[Laws | None, list[dict[str, str]]]:
    """The laws of `task`, for solved samples and `errors` in scaled outputs; None where there is nothing to keep.

    With it the relations that are not kept, and why.
    """
    q = len(task.outputs)
    whole = [s.trajectories for s in sets if len(s)]
    lower = never_negative(whole, np.array(task.physical) if task.physical else np.ones(q, dtype=bool))
    size = np.sqrt(np.mean([np.mean(x**2, axis=(0, 1)) for x in whole], axis=0))
    given = task.relations() if task.relations is not None else None
    texts, rows, columns, varied, weights, totals, lost = _kept(task, given, sets, size)
    copies, factor, offset = _copies(given)
    upper = saturated(whole)
    if not len(texts) and not len(copies) and not np.any(lower == 0) and not np.any(np.isfinite(upper)):
        return None, lost
    told = uncertainties(errors)
    return Laws(
        texts,
        rows,
        columns,
        varied,
        weights,
        totals,
        told,
        size * told.mean(0),
        copies,
        factor,
        offset,
        lower,
        upper,
    ), lost


def _copies(given: Relations | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if given is None:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0), np.zeros(0)
    return given.copies, given.factor, given.offset


def _kept(
    task: Task, given: Relations | None, sets: Sequence[Samples], size: np.ndarray
) -> tuple[
    tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, Polynomials, Polynomials, list[dict[str, str]]
]:
    """Texts, rows, columns, varied columns, weights and totals of the relations that are kept, and the others."""
    none = np.zeros(0, dtype=np.int64)
    empty = Polynomials(np.zeros(0), np.zeros(0), 0, np.zeros((1, 0)))
    if given is None or not given.texts:
        return (), none, none, none, empty, empty, []
    varied = np.concatenate(
        [np.arange(task.scalars), task.scalars + len(task.times) * np.arange(len(task.drives))]
    ).astype(np.int64)
    values = np.concatenate([s.values for s in sets])[: samples_needed(len(varied))]
    weights, totals = given.numbers(values)
    low, high = task.low[varied], task.high[varied]
    of_weights, exact = fitted(low, high, values[:, varied], weights)
    of_totals, good = fitted(low, high, values[:, varied], totals)
    np.logical_and.at(good, given.rows, exact)
    lost = [
        {"law": text, "reason": "its numbers are no polynomial of what varies"}
        for text, kept in zip(given.texts, good, strict=True)
        if not kept
    ]
    good[np.setdiff1d(np.arange(len(good)), independent(given, weights[0], good, size))] = False
    place = np.cumsum(good) - 1
    mine = good[given.rows]
    return (
        tuple(t for t, kept in zip(given.texts, good, strict=True) if kept),
        place[given.rows[mine]],
        given.columns[mine],
        varied,
        Polynomials(low, high, of_weights.degree, np.ascontiguousarray(of_weights.coefficients[:, mine])),
        Polynomials(low, high, of_totals.degree, np.ascontiguousarray(of_totals.coefficients[:, good])),
        lost,
    )


def fitted(
    low: np.ndarray, high: np.ndarray, values: np.ndarray, numbers: np.ndarray
) -> tuple[Polynomials, np.ndarray]:
    """Polynomials of the least degree that give `numbers` (k, c) at `values` (k, s), and which of them they give."""
    size = np.maximum(np.max(np.abs(numbers), axis=0), 1e-300)
    constant = np.max(np.abs(numbers - numbers[0]), axis=0) <= 1e-15 * size
    best, good = Polynomials(low, high, 0, numbers[:1].copy()), constant
    # A third of the values is kept apart: what is fitted must hold there too.
    inside = np.arange(len(values)) % 3 > 0
    for degree in range(1, _GREATEST_DEGREE + 1):
        if np.all(good) or not len(low) or len(exponent_table(len(low), degree)) > inside.sum():
            break
        terms = tail(np, 2 * (values - low) / (high - low) - 1, degree)
        coefficients = np.linalg.lstsq(terms[inside], numbers[inside], rcond=None)[0]
        coefficients[np.abs(coefficients) < 1e-15 * size] = 0.0
        coefficients[:, constant] = 0.0
        coefficients[0, constant] = numbers[0, constant]
        good = np.max(np.abs(terms @ coefficients - numbers), axis=0) <= EXACT * size
        best = Polynomials(low, high, degree, coefficients)
    return best, good.copy()


def samples_needed(varied: int) -> int:
    """The number of samples that fit a polynomial of the greatest degree tried, with half as many to spare."""
    degree = _GREATEST_DEGREE
    while degree > 1 and len(exponent_table(varied, degree)) > _MOST_TERMS:
        degree -= 1
    return 3 * len(exponent_table(varied, degree)) // 2 + 6


def independent(given: Relations, weights: np.ndarray, among: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The relations `among` those given that no others imply, for `weights` (e,); of two the shorter."""
    used, place = np.unique(given.columns, return_inverse=True)
    matrix = np.zeros((len(given.texts), len(used)))
    np.add.at(matrix, (given.rows, place.ravel()), weights * np.maximum(size, 1e-300)[given.columns])
    norm = np.linalg.norm(matrix, axis=1)
    matrix /= np.maximum(norm, 1e-300)[:, None]
    basis, kept = np.zeros((0, len(used))), []
    for row in np.argsort(np.bincount(given.rows, minlength=len(matrix)), kind="stable").tolist():
        rest = matrix[row]
        for _ in range(2):
            rest = rest - basis.T @ (basis @ rest)
        length = np.linalg.norm(rest)
        if among[row] and norm[row] > 0 and length > 1e-8:
            kept.append(row)
            basis = np.concatenate([basis, rest[None] / length])
    return np.array(kept, dtype=np.int64)


def uncertainties(errors: Float[np.ndarray, "n m q"]) -> np.ndarray:
    """(m, q): the root mean square of errors in scaled outputs at each time, never zero."""
    squares = np.where(np.isfinite(errors), errors, _MOST) ** 2
    mean = np.sqrt(np.mean(squares, axis=0))
    overall = np.sqrt(np.mean(squares, axis=(0, 1)))
    return np.clip(mean, np.clip(_SHARE * overall, _LEAST, _MOST), _MOST)


def never_negative(trajectories: Sequence[np.ndarray], physical: np.ndarray) -> np.ndarray:
    """(q,) 0 for outputs that are nowhere negative (but for rounding) and have a `physical` zero, else -inf."""
    low = np.min([x.min((0, 1)) for x in trajectories], axis=0)
    high = np.max([x.max((0, 1)) for x in trajectories], axis=0)
    return np.where(physical & (low >= -1e-9 * np.maximum(high, 0.0)) & (high > 0), 0.0, -np.inf)


def saturated(trajectories: Sequence[np.ndarray]) -> np.ndarray:
    """(q,) the greatest value of outputs that saturate at it, else inf: that many runs come to, on their way."""
    x = np.concatenate(trajectories)
    low, high = x.min((0, 1)), x.max((0, 1))
    at = x >= high - 1e-9 * (high - low)
    # Where it is left only, it is a start; where only few come to it, it is the largest that was seen.
    entered = np.any(at[:, 1:] & ~at[:, :-1], axis=1).sum(0)
    often = entered >= max(_LEAST_RUNS, _RUNS_SHARE * len(x))
    return np.where(often & (high > low) & (at.mean((0, 1)) >= _POINTS_SHARE), high, np.inf)


def kept_report(
    laws: Laws | None,
    lost: list[dict[str, str]],
    outputs: tuple[str, ...],
    test: Samples,
    before: Float[np.ndarray, "n m q"],
    after: Float[np.ndarray, "n m q"],
) -> dict[str, object]:
    """Report on the laws kept, with residuals on the test samples `before` and `after`, and on signs."""
    if laws is None:
        return {"laws": [], "lost": lost, "not_negative": {"outputs": [], "before": 0, "after": 0}}
    residuals = [laws.residuals(test.values, x).tolist() for x in (before, after)]
    signed = np.flatnonzero(laws.lower == 0)
    return {
        "laws": [
            {"law": text, "before": first, "after": second}
            for text, first, second in zip(laws.texts, *residuals, strict=True)
        ],
        "lost": lost,
        "not_negative": {
            "outputs": [outputs[k] for k in signed],
            "before": int(np.sum(before[..., signed] < 0)),
            "after": int(np.sum(after[..., signed] < 0)),
        },
    }
