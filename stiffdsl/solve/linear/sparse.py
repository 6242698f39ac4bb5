"""Large sparse linear systems: KLU (Davis and Palamadai Natarajan, ACM TOMS 37:36, 2010) through `klujax`.

The pattern is analysed once, and pivots are chosen once, for values that are typical where these are known. Rows are
then put in an order in which the product of the diagonal is large (Duff and Koster, SIAM J. Matrix Anal. Appl. 22:973,
2001), since KLU prefers pivots there. A step refactors in place with these pivots and is checked by one solve: where
they lose accuracy, every solve of the step finds pivots of its own, the check first.

KLU ends the whole program, not the step, where a pivot is exactly zero. So the values it sees are moved by a few
units in their last places, and zeros by next to nothing: a singular matrix then gives values so large that the step
fails, and the solve ends with a status. Next to nothing is so much that its square is not zero.
"""

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching

# A solve whose residual is above this share of its terms used bad pivots.
BAD_PIVOTS = 1e-9
# Relative moves of the values, the size that zeros are given, and a size that only these can lead to.
NOISE, TINY, HUGE = 2.0**-46, 1e-140, 1e120
# The least share of its column's largest that a value counts as: at another point it may be larger.
LEAST = 1e-8
# A value that no solution has.
NEVER = -1.2345678901234567e-289
# Values of J on its pattern and an alpha, where such are known.
Typical = Callable[[], tuple[np.ndarray, float] | None]


def nothing_known() -> None:
    return None


# Whose factors lie at an address.
owners: WeakValueDictionary[int, "Sparse"] = WeakValueDictionary()


class Sparse:
    """`alpha M - J` by KLU; the factors live in the one numeric object of this solver.

    Under `vmap` lanes are solved one after the other, each with a factorization of its own. Where factors are taken up
    again after others were made (`out_of_order`), every solve factors.
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray):
        self.n = n = len(mass)
        rows, columns = rows.astype(np.int64), columns.astype(np.int64)
        diagonal = np.flatnonzero(mass)
        entries = np.unique(np.concatenate([rows * n + columns, diagonal * n + diagonal]))
        self.row, self.column = (entries // n).astype(np.int32), (entries % n).astype(np.int32)
        self.count = len(entries)
        self.place = np.searchsorted(entries, rows * n + columns)
        self.diagonal = np.searchsorted(entries, diagonal * n + diagonal)
        self.mass = mass[diagonal]
        self.out_of_order = False
        self.typical: Typical = nothing_known
        noise = np.random.default_rng(0).uniform(-1.0, 1.0, self.count)
        self.factor_noise, self.zero_noise = 1.0 + NOISE * noise, TINY * (1.5 + noise)

    @cached_property
    def handles(self) -> tuple[np.ndarray, np.ndarray, Any]:
        """The addresses of the analysis and of the factors, and their owners."""
        import klujax

        with jax.ensure_compile_time_eval(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symbolic = klujax.analyze(jnp.asarray(self.moved_row), jnp.asarray(self.column), self.n)
        address, numeric = self._factors(symbolic)
        owners[int(address[0])] = self
        # Both are arrays: JAX writes single numbers into its programs (see `program_cache.py`).
        return np.array([symbolic.raw], dtype=np.uint64), address, (symbolic, numeric)

    def more_factors(self) -> tuple[np.ndarray, Any]:
        """The address of another numeric object with the same analysis, and its owner: for another thread."""
        return self._factors(self.handles[2][0])

    def _factors(self, symbolic) -> tuple[np.ndarray, Any]:
        import klujax

        with jax.ensure_compile_time_eval(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows, columns = jnp.asarray(self.moved_row), jnp.asarray(self.column)
            numeric = klujax.factor(rows, columns, jnp.asarray(self.first_values), symbolic)
        return np.asarray(numeric.as_list(), dtype=np.uint64), numeric

    @cached_property
    def _known(self) -> np.ndarray | None:
        """Typical values of the matrix."""
        known = self.typical()
        if known is None or not np.all(np.isfinite(known[0])):
            return None
        values = np.zeros(self.count)
        values[self.place] = -known[0]
        values[self.diagonal] += known[1] * self.mass
        return values

    @cached_property
    def first_values(self) -> np.ndarray:
        """Typical values; else some with pivots on the diagonal and, where a row has none there, on a matching of rows
        and columns."""
        if self._known is not None:
            return np.where(self._known == 0, self.zero_noise, self._known * self.factor_noise)
        values = np.random.default_rng(0).uniform(0.5, 1.0, self.count)
        matched = np.arange(self.n)
        if np.count_nonzero(self.row == self.column) < self.n:
            pattern = coo_array(
                (np.ones(self.count), (self.row, self.column)), shape=(self.n, self.n)
            ).tocsr()
            matched = maximum_bipartite_matching(pattern, perm_type="column")
        values[self.column == matched[self.row]] = 100.0
        return values

    @cached_property
    def column_of(self) -> np.ndarray:
        """For each row the column whose pivot it should have: KLU gets the rows in that order."""
        if self._known is None:
            return np.arange(self.n)
        sizes = np.abs(self._known)
        largest = np.full(self.n, np.finfo(float).tiny)
        np.maximum.at(largest, self.column, sizes)
        # Costs are positive: zero would be no entry.
        cost = 1.0 + np.log(largest[self.column] / np.maximum(sizes, LEAST * largest[self.column]))
        try:
            return min_weight_full_bipartite_matching(
                csr_array((cost, (self.row, self.column)), shape=(self.n, self.n))
            )[1]
        except ValueError:  # singular whatever the numbers are
            return np.arange(self.n)

    @cached_property
    def moved_row(self) -> np.ndarray:
        """The rows of the entries in that order."""
        return self.column_of[self.row].astype(np.int32)

    @cached_property
    def _moves(self) -> bool:
        return bool(np.any(self.column_of != np.arange(self.n)))

    def moved(self, b):
        """A right side in the order of the rows that KLU gets."""
        return b[np.argsort(self.column_of)] if self._moves else b

    def moved_back(self, x):
        """The solution of a transposed system, in the order of the rows."""
        return x[self.column_of] if self._moves else x

    def factor(self, jacobian, alpha):
        w = jnp.zeros(self.count).at[self.place].set(-jacobian)
        w = w.at[self.diagonal].add(alpha * self.mass)
        w = jnp.where(w == 0, self.zero_noise, w * self.factor_noise)
        # An infinite value would make the others of its row zero.
        finite = jnp.all(jnp.isfinite(w))
        w = jnp.where(finite, w, self.first_values)
        probe = jnp.ones(self.n)
        handles = self.handles[:2]
        x = refactor_p.bind(*handles, w, probe, solver=self)
        product = w * x[self.column]
        residual = jnp.zeros(self.n).at[self.row].add(product) - probe
        terms = jnp.zeros(self.n).at[self.row].add(jnp.abs(product)) + 1.0
        trusted = jnp.max(jnp.abs(residual) / terms) < BAD_PIVOTS
        waited = jnp.where(x[0] == NEVER, 0.0, 1.0)
        # Bad pivots say nothing of the matrix.
        x = lax.cond(
            trusted,
            lambda: x,
            lambda: solve_p.bind(*handles, w, False, waited, probe, solver=self, transposed=False),
        )
        # All solves are multiplied by this gate: so they wait for their factors, and none comes from a singular matrix.
        gate = jnp.where(finite & (jnp.max(jnp.abs(x)) < HUGE), waited, jnp.nan)
        return w, trusted, gate

    def solve(self, lu, b):
        if self.out_of_order:
            w, trusted, gate = lu
            return _alone(w, trusted, gate, b, solver=self, transposed=False)
        return solve_p.bind(*self.handles[:2], *lu, b, solver=self, transposed=False)

    def solve_transposed(self, lu, b):
        if self.out_of_order:
            w, trusted, gate = lu
            return _alone(w, trusted, gate, b, solver=self, transposed=True)
        return solve_p.bind(*self.handles[:2], *lu, b, solver=self, transposed=True)


# Two primitives, for their rules under `vmap`: the numeric object holds the factors of one lane at a time.
refactor_p = Primitive("klu_refactor")
solve_p = Primitive("klu_solve")


def _refactor(symbolic, numeric, w, b, *, solver: Sparse):
    """Factors w with the pivots of the numeric object, and solves for b."""
    out = jax.ShapeDtypeStruct((1, solver.n, 1), jnp.float64), jax.ShapeDtypeStruct((1,), jnp.uint64)
    call = jax.ffi.ffi_call("refactor_and_solve_f64", out)
    b = solver.moved(b)
    x, _ = call(solver.moved_row, solver.column, w[None, :], b[None, :, None], symbolic[0], numeric)
    return x[0, :, 0]


def _solve(symbolic, numeric, w, trusted, gate, b, *, solver: Sparse, transposed: bool):
    """Solves with the factors in the numeric object where they are trusted, otherwise with new pivots."""
    prefix = "tsolve" if transposed else "solve"
    out = jax.ShapeDtypeStruct((1, solver.n, 1), jnp.float64)
    b = (gate * b if transposed else solver.moved(gate * b))[None, :, None]

    def quick():
        return jax.ffi.ffi_call(f"{prefix}_with_numeric_f64", out)(symbolic[0], numeric, b)

    def careful():
        call = jax.ffi.ffi_call(f"{prefix}_with_symbol_f64", out)
        return call(solver.moved_row, solver.column, w[None, :], b, symbolic[0])

    x = lax.cond(trusted, quick, careful)[0, :, 0]
    return solver.moved_back(x) if transposed else x


def _refactor_lanes(arguments, axes, *, solver: Sparse):
    handles = _shared(arguments[:2], axes[:2])
    return lax.map(
        lambda lane: refactor_p.bind(*handles, *lane, solver=solver), _lanes(arguments[2:], axes[2:])
    ), 0


def _solve_lanes(arguments, axes, *, solver: Sparse, transposed: bool):
    handles, arguments, axes = _shared(arguments[:2], axes[:2]), arguments[2:], axes[2:]
    if axes[0] is None and axes[1] is None and axes[2] is None:
        *lu, b = arguments
        lanes = jnp.moveaxis(b, axes[3], 0)

        def one(b):
            return solve_p.bind(*handles, *lu, b, solver=solver, transposed=transposed)

        return lax.map(one, lanes), 0

    def alone(lane):
        return _alone(*lane, solver=solver, transposed=transposed)

    return lax.map(alone, _lanes(arguments, axes)), 0


def _alone(w, trusted, gate, b, *, solver: Sparse, transposed: bool):
    """Solves whatever the numeric object holds: factors anew."""
    handles = solver.handles[:2]

    def refactored():
        x = refactor_p.bind(*handles, w, gate * b, solver=solver)
        if not transposed:
            return x
        later = jnp.where(x[0] == NEVER, 0.0, gate)
        return solve_p.bind(*handles, w, True, later, b, solver=solver, transposed=True)

    def careful():
        return solve_p.bind(*handles, w, False, gate, b, solver=solver, transposed=transposed)

    return lax.cond(trusted, refactored, careful)


def _shared(handles, axes):
    """The handles of all lanes are the same; where branches became choices, JAX has made one for each."""
    return tuple(h if d is None else jnp.moveaxis(h, d, 0)[0] for h, d in zip(handles, axes, strict=True))


def _lanes(arguments, axes):
    size = next(x.shape[d] for x, d in zip(arguments, axes, strict=True) if d is not None)
    return tuple(
        jnp.broadcast_to(x, (size, *jnp.shape(x))) if d is None else jnp.moveaxis(x, d, 0)
        for x, d in zip(arguments, axes, strict=True)
    )


for _primitive, _meaning, _rule in (
    (refactor_p, _refactor, _refactor_lanes),
    (solve_p, _solve, _solve_lanes),
):
    _primitive.def_abstract_eval(lambda *arguments, **parameters: arguments[-1])
    mlir.register_lowering(_primitive, mlir.lower_fun(_meaning, multiple_results=False), platform="cpu")
    _primitive.def_impl(
        jax.jit(_meaning, static_argnames=("solver", "transposed")[: 1 + (_primitive is solve_p)])
    )
    batching.primitive_batchers[_primitive] = _rule
