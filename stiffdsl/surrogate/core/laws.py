"""Exact laws of a model, kept by its surrogate: linear relations among outputs, and signs.

    A(v) x(t) = b(v)        conserved totals, sums, Kirchhoff's laws: v are varied values
    x_k(t) >= 0             outputs that are nowhere negative

A prediction x is moved by the least change that meets the relations, counted in the uncertainty d of each output:

    x' = x + D^2 A^T (A D^2 A^T)^-1 (b - A x),    D = diag(d)

(weighted least squares with equality constraints; Golub and Van Loan, Matrix Computations, 2013, section 6.2; used to
repair learnt dynamics as by Beucler et al., Phys. Rev. Lett. 126, 2021). Where an output is learnt as a logarithm d is
a share of x, so that a trace species is moved by a share of itself and no output changes its sign."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.scaling import OutputScaling
from stiffdsl.surrogate.regression.radial import tail

# Relations that depend on the state's size are solved one by one up to so many that share outputs.
SMALL = 4
# The share of all outputs from which on relations are applied to all, those that are not in them by nothing.
_WHOLE = 0.3
# No step takes more than this share of an output that must not become negative.
_STEP = 0.9


@dataclass(frozen=True, eq=False)
class Polynomials:
    """Numbers (c,) as Chebyshev sums in values that are scaled to [-1, 1] over `low`..`high` (s,)."""

    low: np.ndarray
    high: np.ndarray
    degree: int
    coefficients: np.ndarray

    def __call__(self, xp: Any, values: Float[Any, "k s"]) -> Any:
        """(k, c), or (1, c) where they are the same for all values."""
        if self.degree == 0:
            return self.coefficients
        z = 2 * (values - self.low) / (self.high - self.low) - 1
        return tail(xp, z, self.degree) @ self.coefficients


@dataclass(frozen=True, eq=False)
class Laws:
    """Relation l: the sum over entries e with `rows[e]` = l of `weights[e] * x[columns[e]]` is `totals[l]`.

    `varied` are the columns of values that weights and totals depend on. `uncertainty` (m, q) at the times learnt is in
    scaled outputs, `size` (q,) in declared units. `copies` (c, 2) are outputs and those that they equal, times
    `factor` plus `offset` (c,). `lower` (q,) is zero for an output that must not become negative, else -inf; `upper`
    (q,) what it saturates at, else inf.
    """

    texts: tuple[str, ...]
    rows: np.ndarray
    columns: np.ndarray
    varied: np.ndarray
    weights: Polynomials
    totals: Polynomials
    uncertainty: np.ndarray
    size: np.ndarray
    copies: np.ndarray
    factor: np.ndarray
    offset: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def involved(self, which: np.ndarray) -> np.ndarray:
        """`which`, and the outputs that these are tied to by relations, directly or not."""
        known = np.zeros(len(self.lower), dtype=bool)
        known[which] = True
        while True:
            known[self.copies[known[self.copies[:, 0]], 1]] = True
            touched = np.isin(self.rows, self.rows[known[self.columns]])
            if np.all(known[self.columns[touched]]):
                break
            known[self.columns[touched]] = True
        rest = np.setdiff1d(np.flatnonzero(known), which)
        return np.concatenate([which, rest])

    def residuals(self, values: np.ndarray, x: Float[np.ndarray, "k m q"]) -> np.ndarray:
        """(laws,) the worst |A x - b|, relative to the greatest of its terms."""
        weights, totals = self.weights(np, values[:, self.varied]), self.totals(np, values[:, self.varied])
        found = np.zeros(len(self.texts))
        for row in range(len(found)):
            mine = self.rows == row
            terms = weights[:, None, mine] * x[:, :, self.columns[mine]]
            rest = np.abs(terms.sum(-1) - totals[:, None, row])
            found[row] = np.max(rest) / max(np.max(np.abs(terms)), 1e-300)
        return found


class Keeper:
    """Laws for some outputs at fixed times: moves predictions (k, q, m) onto them, over NumPy or JAX.

    `uncertainty` (m, q) is of the outputs numbered `which`, which are closed under the laws; `scaling` is of all.
    """

    def __init__(self, laws: Laws, scaling: OutputScaling, uncertainty: np.ndarray, which: np.ndarray):
        self.laws = laws
        place = np.full(len(laws.lower), -1)
        place[which] = np.arange(len(which))
        self._lower, self._upper = laws.lower[which][:, None], laws.upper[which][:, None]
        self._bounded = np.any((laws.lower[which] == 0) & (scaling.kind[which] != 1))
        self._saturated = np.any(np.isfinite(self._upper))
        mine = place[laws.columns] >= 0
        groups = _components(laws.rows[mine], laws.columns[mine])
        self._groups = [_Group(laws, rows, scaling, uncertainty, place, which) for rows in groups]
        kept = (laws.copies[:, 0] >= 0) & (place[laws.copies[:, 0]] >= 0) if len(laws.copies) else []
        self._copies = place[laws.copies[kept]] if len(laws.copies) else np.zeros((0, 2), dtype=np.int64)
        self._factor, self._offset = laws.factor[kept], laws.offset[kept]

    @property
    def moved(self) -> np.ndarray:
        """Places of the outputs that may change."""
        found = [g.places for g in self._groups]
        bounded = (self._lower[:, 0] == 0) | np.isfinite(self._upper[:, 0])
        return np.unique(np.concatenate([np.flatnonzero(bounded), *found, self._copies[:, 0]])).astype(
            np.int64
        )

    def __call__(self, xp: Any, values: Any, x: Float[Any, "k q m"]) -> Any:
        if self._bounded:
            x = xp.maximum(x, self._lower)
        if self._saturated:
            x = xp.minimum(x, self._upper)
        if self._groups:
            varied = values[:, self.laws.varied]
            weights, totals = self.laws.weights(xp, varied), self.laws.totals(xp, varied)
            for group in self._groups:
                if group.whole:
                    x = group(xp, weights, totals, x)
                else:
                    x = _put(xp, x, group.places, group(xp, weights, totals, x[:, group.places]))
        if len(self._copies):
            copied = x[:, self._copies[:, 1]] * self._factor[:, None] + self._offset[:, None]
            x = _put(xp, x, self._copies[:, 0], copied)
        return x


class _Group:
    """Relations that share outputs, at `places`: all outputs where it is many of them, which saves moving them."""

    def __init__(
        self,
        laws: Laws,
        rows: np.ndarray,
        scaling: OutputScaling,
        uncertainty: np.ndarray,
        place: np.ndarray,
        which: np.ndarray,
    ):
        self.rows = rows
        outputs = np.unique(laws.columns[np.isin(laws.rows, rows)])
        self.whole = len(rows) <= SMALL and len(outputs) > _WHOLE * len(which)
        if self.whole:
            outputs = which
        self.places = place[outputs]
        position = np.full(len(place), -1)
        position[outputs] = np.arange(len(outputs))
        self._entries = [
            [(int(position[laws.columns[e]]), int(e)) for e in np.flatnonzero(laws.rows == row)]
            for row in rows
        ]
        self._picks = [_pick(entries, len(outputs)) for entries in self._entries]
        self._kind, self._width = scaling.kind[outputs][:, None], scaling.width[outputs][:, None]
        self._small = scaling.small[outputs][:, None]
        self._positive = (laws.lower[outputs] == 0) | ((self._kind[:, 0] == 1) & (scaling.sign[outputs] > 0))
        self._uncertainty = np.ascontiguousarray(uncertainty[:, self.places].T)
        self._size = laws.size[outputs]
        still = np.all((self._kind == 0) & ~self._positive[:, None])
        self._by_size = len(rows) <= SMALL and not still

    def __call__(self, xp: Any, weights: Any, totals: Any, x: Any) -> Any:
        step = self._by_state if self._by_size else self._by_matrix
        moved = step(xp, weights, totals, x)
        if not self._positive.any():
            return moved
        # A step that would take all of an output is cut, and the others are asked again.
        least = xp.where(self._positive[:, None], (1 - _STEP) * x, -np.inf)
        cut = xp.any(moved < least)
        held = xp.maximum(moved, least)

        def again(held: Any) -> Any:
            return xp.maximum(step(xp, weights, totals, held), (1 - _STEP) * least)

        if xp is np:
            return again(held) if cut else moved
        return jax.lax.cond(cut, again, lambda held: held, held)

    def _by_state(self, xp: Any, weights: Any, totals: Any, x: Any) -> Any:
        """d depends on x: the relations of one time are solved by elimination, written out."""
        d = self._uncertainty * xp.where(self._kind == 1, x, self._width)
        if np.any(self._kind == 2):
            d = xp.where(self._kind == 2, self._uncertainty * xp.sqrt(x**2 + self._small**2), d)
        capped = self._positive[:, None] & (self._kind != 1)
        if capped.any():
            d = xp.where(capped, xp.minimum(d, x), d)
        squares = d * d
        count = len(self._entries)
        S, right = self._system(xp, weights, totals, x, squares)
        for i in range(count):
            S[i][i] = S[i][i] + 1e-300
            for k in range(i + 1, count):
                share = S[k][i] / S[i][i]
                S[k] = [S[k][j] - share * S[i][j] for j in range(count)]
                right[k] = right[k] - share * right[i]
        force: list[Any] = [None] * count
        for i in reversed(range(count)):
            force[i] = (right[i] - sum(S[i][j] * force[j] for j in range(i + 1, count))) / S[i][i]
        pull = sum(self._row(weights, row)[:, :, None] * f[:, None, :] for row, f in enumerate(force))
        return x + squares * pull

    def _system(
        self, xp: Any, weights: Any, totals: Any, x: Any, squares: Any
    ) -> tuple[list[Any], list[Any]]:
        """A D^2 A^T and b - A x, entry by entry, each (k, m)."""
        count = len(self._entries)
        if xp is np:
            A = np.stack([self._row(weights, row) for row in range(count)], axis=1)
            pairs = (A[:, :, None] * A[:, None]).reshape(len(A), count * count, -1)
            products, rest = pairs @ squares, totals[:, self.rows, None] - A @ x
            S = [[products[:, i * count + k] for k in range(count)] for i in range(count)]
            return S, [rest[:, i] for i in range(count)]
        # Written out, it is one loop of the compiler over what is there.
        d2 = [squares[:, j] for j in range(len(self.places))]
        a = [{j: weights[:, e, None] for j, e in entries} for entries in self._entries]
        S = [
            [sum(a[i][j] * a[k][j] * d2[j] for j in a[i] if j in a[k]) for k in range(count)]
            for i in range(count)
        ]
        right = [
            totals[:, row, None] - sum(a[i][j] * x[:, j] for j in a[i]) for i, row in enumerate(self.rows)
        ]
        return S, right

    def _by_matrix(self, xp: Any, weights: Any, totals: Any, x: Any) -> Any:
        """d as it is on average: one matrix for all times, and for all values where A is constant."""
        A = xp.stack([self._row(weights, row) for row in range(len(self._picks))], axis=1)
        scaled = A * self._size**2
        S = scaled @ A.swapaxes(1, 2)
        rest = totals[:, self.rows, None] - A @ x
        # What rounding leaves of the first step is taken by the second.
        G = xp.linalg.solve(S, scaled).swapaxes(1, 2)
        x = x + G @ rest
        return x + G @ (totals[:, self.rows, None] - A @ x)

    def _row(self, weights: Any, row: int) -> Any:
        which, pick = self._picks[row]
        return weights[:, which] @ pick


def _pick(entries: list[tuple[int, int]], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The entries of a row, (e,), and the matrix (e, size) that puts them into their places."""
    places, which = (np.array(column) for column in zip(*entries, strict=True))
    pick = np.zeros((len(which), size))
    pick[np.arange(len(which)), places] = 1.0
    return which, pick


def _put(xp: Any, x: Any, places: np.ndarray, new: Any) -> Any:
    if xp is not np:
        return x.at[:, places].set(new)
    x[:, places] = new
    return x


def _components(rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """The relations, in groups that share no output."""
    groups: list[tuple[set[int], set[int]]] = []
    for row in np.unique(rows).tolist():
        members, outputs = {row}, set(columns[rows == row].tolist())
        apart = []
        for others, theirs in groups:
            if theirs & outputs:
                members |= others
                outputs |= theirs
            else:
                apart.append((others, theirs))
        groups = [*apart, (members, outputs)]
    return [np.array(sorted(members)) for members, _ in sorted(groups, key=lambda g: min(g[0]))]
