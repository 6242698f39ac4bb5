"""Sparse factors with static pivots for lanes side by side, and for devices that KLU does not know: all in JAX.

Pivots are chosen by the pattern alone (`ilu_pattern.complete_pattern`), those that do not depend on each other go
together (`level_scheduled_lu.py`), and lanes of a `vmap` are the last axis of all arrays: so every level is one
gather and one scatter for all of them. What pivots may cost in digits is given back by one step of refinement, and
checked: factors that do not solve give no number (Li and Demmel, ACM TOMS 29:110, 2003, on static pivots).
"""

from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from stiffdsl.solve.base import kernels
from stiffdsl.solve.linear.dense import Dense
from stiffdsl.solve.linear.ilu_pattern import Pattern, complete_pattern
from stiffdsl.solve.linear.level_scheduled_lu import LevelScheduledLU, shifted
from stiffdsl.solve.linear.sparse import BAD_PIVOTS, Sparse

# Factorizations with more multiplications have too large tables.
MOST = 1e7


class Static(NamedTuple):
    """The matrix (its entries by rows), and its factors; both not finite where they do not serve."""

    a: Any
    v: Any


class TooLarge(ValueError):
    """The factors have no plan."""


class StaticLU:
    """`alpha M - J` for one pattern. Raises `TooLarge` where factors would take more than `most` multiplications."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, mass: np.ndarray, most: float = MOST):
        found = complete_pattern(rows, columns, mass, most)
        if found is None:
            raise TooLarge(
                f"with static pivots the factors of these {len(mass)} unknowns would take more than {most:.0e} "
                "multiplications: leave `linear` out, or take krylov"
            )
        self.pattern: Pattern = found
        self.n = len(mass)
        self.row_place, self.column_place = np.argsort(found.row), np.argsort(found.column)

    @cached_property
    def level_scheduled(self) -> LevelScheduledLU:
        return LevelScheduledLU(self.pattern.factors, self.pattern.pivot)

    def factor(self, jacobian: Any, alpha: Any) -> Static:
        return Static(*factor_p.bind(jacobian, jnp.asarray(alpha), solver=self))

    def solve(self, lu: Static, b: Any) -> Any:
        return solve_p.bind(*lu, b, solver=self, transposed=False)[0]

    def solve_transposed(self, lu: Static, b: Any) -> Any:
        return solve_p.bind(*lu, b, solver=self, transposed=True)[0]

    # Arrays have unknowns or entries first; after them the axes of lanes, if there are any.

    def factored(self, jacobian: Any, alpha: Any) -> tuple[Any, Any]:
        p = self.pattern
        lanes = jacobian.shape[1:]
        a = shifted(p, jacobian, alpha)
        v = self.level_scheduled.factor(jnp.zeros((len(p.factors.top), *lanes)).at[p.where].set(a))
        ones = jnp.ones((self.n, *lanes))
        x = self.level_scheduled.solve(v, ones)
        product = a * x[p.matrix.top]
        residual = jnp.zeros_like(x).at[p.matrix.row].add(product) - ones
        terms = jnp.zeros_like(x).at[p.matrix.row].add(jnp.abs(product)) + 1.0
        serves = jnp.max(jnp.abs(residual) / terms, axis=0) < BAD_PIVOTS
        return a, jnp.where(serves, v, jnp.nan)

    def solved(self, a: Any, v: Any, b: Any, transposed: bool) -> tuple[Any]:
        p = self.pattern
        rows, back = (p.column, self.row_place) if transposed else (p.row, self.column_place)
        to, of = (p.matrix.top, p.matrix.row) if transposed else (p.matrix.row, p.matrix.top)
        undo = self.level_scheduled.solve_transposed if transposed else self.level_scheduled.solve
        b = b[rows]
        x = undo(v, b)
        x = x + undo(v, b - jnp.zeros_like(b).at[to].add(a * x[of]))
        return (x[back],)


def without_klu(rows: np.ndarray, columns: np.ndarray, mass: np.ndarray) -> "StaticLU | Dense":
    """The direct solver on a device without KLU: sparse with static pivots, or dense where that is too large."""
    try:
        return StaticLU(rows, columns, mass)
    except TooLarge:
        return Dense(rows, columns, mass)


def large_direct(rows: np.ndarray, columns: np.ndarray, mass: np.ndarray) -> "Sparse | StaticLU | Dense":
    """The direct solver for a large sparse pattern on the device that JAX computes on: KLU where that is a CPU."""
    return (without_klu if kernels.target("klu") is None else Sparse)(rows, columns, mass)


# Two primitives, for their rule under `vmap`.
factor_p = Primitive("static_factor")
solve_p = Primitive("static_solve")


def _factor(jacobian, alpha, *, solver: StaticLU):
    return solver.factored(jacobian, alpha)


def _solve(a, v, b, *, solver: StaticLU, transposed: bool):
    return solver.solved(a, v, b, transposed)


def _lanes(primitive: Primitive, arguments, axes, **parameters):
    """One more axis of lanes, the last of all arrays."""
    size = next(x.shape[d] for x, d in zip(arguments, axes, strict=True) if d is not None)
    last = [
        jnp.broadcast_to(x[..., None], (*x.shape, size)) if d is None else jnp.moveaxis(x, d, -1)
        for x, d in zip(arguments, axes, strict=True)
    ]
    found = primitive.bind(*last, **parameters)
    return found, [x.ndim - 1 for x in found]


def _factor_shapes(jacobian, alpha, *, solver: StaticLU):
    p, lanes = solver.pattern, jacobian.shape[1:]
    return [ShapedArray((len(rows.top), *lanes), jacobian.dtype) for rows in (p.matrix, p.factors)]


for _primitive, _meaning, _shapes, _names in (
    (factor_p, _factor, _factor_shapes, ("solver",)),
    (solve_p, _solve, lambda a, v, b, **_: [b], ("solver", "transposed")),
):
    _primitive.multiple_results = True
    _primitive.def_abstract_eval(_shapes)
    mlir.register_lowering(_primitive, mlir.lower_fun(_meaning, multiple_results=True))
    _primitive.def_impl(jax.jit(_meaning, static_argnames=_names))
    batching.primitive_batchers[_primitive] = partial(_lanes, _primitive)
