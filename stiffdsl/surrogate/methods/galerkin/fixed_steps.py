"""Steps of fixed length between knots, of small systems that many lanes solve together, over JAX.

The classical Runge-Kutta method of order four; the stabilised one of order two of Sommeijer, Shampine and Verwer
(RKC, J. Comput. Appl. Math. 88, 1997), whose stages reach over a negative real axis that grows with their square; and
Rodas5P, the Rosenbrock method that the solvers use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from stiffdsl.solve.methods.chebyshev import DAMPING
from stiffdsl.solve.methods.tableau import RODAS5P

# More stages than these are a loop for the compiler.
_UNROLLED = 6

Slope = Callable[[Any, Any, Any], Any]

CLASSICAL, STABILISED, IMPLICIT = "classical", "stabilised", "implicit"
# What the fastest rate times the step may be for the classical method, whatever its argument.
_CLASSICAL_REACH = 2.0
# Implicit steps that err by more than this (in x) are taken again, this many times as short, and then once more: where
# a steep controller sets in within a step, the Jacobian at its beginning knows nothing of it.
_DOUBTED, _AGAIN, _TIMES = 5e-4, 16, 2
# A step that errs by more than this is not taken where those around it are taken again: it would lead anywhere.
_HOPELESS = 1.0
# Where the first of the intervals is divided, as shares of it: a start is seldom at rest.
_GRADES = np.geomspace(1e-3, 1.0, 7)[:-1]


@dataclass(frozen=True)
class Steps:
    """`pieces` steps from knot to knot by a method of `stages` stages, in single precision or not."""

    method: str
    pieces: int
    stages: int
    single: bool = False

    @property
    def dtype(self) -> Any:
        return np.float32 if self.single else np.float64

    @property
    def reach(self) -> float:
        """Stability limit of the fastest rate times the distance of knots (real rates where stabilised)."""
        if self.method == IMPLICIT:
            return np.inf
        if self.method == CLASSICAL:
            return self.pieces * _CLASSICAL_REACH
        return self.pieces * 2 / 3 * (self.stages**2 - 1) * (1 - 2 / 15 * DAMPING)


def graded(knots: np.ndarray) -> np.ndarray:
    """The knots, with some between the first two: dense after the start."""
    return np.concatenate([knots[:1], knots[0] + _GRADES * (knots[1] - knots[0]), knots[1:]])


def integrated(
    steps: Steps, g: Slope, begin: Float[Any, "r k"], knots: np.ndarray, u: Float[Any, "M i k"]
) -> Float[Any, "M r k"]:
    """x of k lanes at the knots for x' = g(t, x, u), where u runs straight between them."""
    dtype = steps.dtype
    one = _stepper(steps)
    u = jnp.asarray(u).astype(dtype)

    def divided(pieces: int, x: Any, given: Any, careful: bool) -> tuple[Any, Any]:
        """x at the next knot, and the largest error that was estimated on the way, lane by lane; `careful` where they
        can be taken again."""
        t, width, left, right = given
        h, rise = width / pieces, (right - left) / pieces

        def piece(k: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
            x, before = state
            after, error = one(g, x, t + k * h, h, left + rise * k, rise)
            if careful:
                after = jnp.where(error <= _HOPELESS, after, x)
            return after, jnp.maximum(before, error)

        state = x, jnp.zeros(x.shape[1], dtype)
        if pieces == 1:
            return piece(0.0, state)
        return jax.lax.fori_loop(0, pieces, lambda k, state: piece(jnp.asarray(k, dtype=dtype), state), state)

    def refined(pieces: int, times: int, x: Any, given: Any) -> Any:
        """x at the next knot; steps that are doubted are taken again, up to so many `times` in a row."""
        after, error = divided(pieces, x, given, times > 0)
        if not times:
            return after
        bad = ~(error <= _DOUBTED)

        def again() -> Any:
            return jnp.where(bad, refined(_AGAIN * pieces, times - 1, x, given), after)

        return jax.lax.cond(jnp.any(bad), again, lambda: after)

    def over(x: Any, given: Any) -> Any:
        after = refined(steps.pieces, _TIMES if steps.method == IMPLICIT else 0, x, given)
        return after, after

    begin = jnp.asarray(begin).astype(dtype)
    widths = np.diff(knots)
    given = jnp.asarray(knots[:-1], dtype=dtype), jnp.asarray(widths, dtype=dtype), u[:-1], u[1:]
    return jnp.concatenate([begin[None], jax.lax.scan(over, begin, given)[1]])


def _stepper(steps: Steps) -> Callable[..., Any]:
    """`step(g, x, t, h, u, rise)`: x one step later, over which u rises by `rise`, and its estimated error where it is
    implicit (0 elsewhere), lane by lane."""
    if steps.method == IMPLICIT:
        return _implicit
    return _classical if steps.method == CLASSICAL else _stabilised(steps.stages)


def _classical(g: Slope, x: Any, t: Any, h: Any, u: Any, rise: Any) -> Any:
    first = g(t, x, u)
    middle = u + 0.5 * rise
    second = g(t + 0.5 * h, x + 0.5 * h * first, middle)
    third = g(t + 0.5 * h, x + 0.5 * h * second, middle)
    fourth = g(t + h, x + h * third, u + rise)
    return x + h / 6 * (first + 2 * (second + third) + fourth), 0.0


def _stabilised(stages: int) -> Callable[..., Any]:
    first, rows = _chebyshev(stages)

    def step(g: Slope, x: Any, t: Any, h: Any, u: Any, rise: Any) -> Any:
        begin = g(t, x, u)

        def stage(state: tuple[Any, Any], row: Any) -> tuple[tuple[Any, Any], None]:
            before, now = state
            own, last, older, fresh, old, at = (row[k] for k in range(6))
            slope = g(t + at * h, now, u + at * rise)
            return (now, own * x + last * now + older * before + h * (fresh * slope + old * begin)), None

        state = x, x + first * h * begin
        if stages > _UNROLLED:
            return jax.lax.scan(stage, state, jnp.asarray(rows, dtype=x.dtype))[0][1], 0.0
        for row in rows:
            state, _ = stage(state, row)
        return state[1], 0.0

    return step


def _chebyshev(stages: int) -> tuple[float, list[tuple[float, ...]]]:
    """The weight of the first stage; of the others those of x, the last two stages, the slope at the last and the first
    slope, and the time of the last."""
    s, w0 = stages, 1 + DAMPING / stages**2
    T, d, dd = np.zeros((3, s + 1))
    T[0], T[1], d[1] = 1, w0, 1
    for j in range(2, s + 1):
        T[j] = 2 * w0 * T[j - 1] - T[j - 2]
        d[j] = 2 * T[j - 1] + 2 * w0 * d[j - 1] - d[j - 2]
        dd[j] = 4 * d[j - 1] + 2 * w0 * dd[j - 1] - dd[j - 2]
    w1 = d[s] / dd[s]
    b = np.zeros(s + 1)
    b[2:] = dd[2:] / d[2:] ** 2
    b[:2] = b[2]
    c = np.zeros(s + 1)
    c[2:] = w1 * dd[2:] / d[2:]
    c[1] = c[2] / d[2]
    rows = []
    for j in range(2, s + 1):
        last, older, fresh = 2 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2], 2 * b[j] * w1 / b[j - 1]
        old = -(1 - b[j - 1] * T[j - 1]) * fresh
        rows.append(tuple(float(w) for w in (1 - last - older, last, older, fresh, old, c[j - 1])))
    return float(b[1] * w1), rows


def _implicit(g: Slope, x: Any, t: Any, h: Any, u: Any, rise: Any) -> tuple[Any, Any]:
    tableau = RODAS5P
    unit = jnp.eye(len(x), dtype=x.dtype)
    inverse = jnp.linalg.inv(unit - (tableau.gamma * h) * _jacobian(g, x, t, u))
    zero, one = jnp.zeros((), x.dtype), jnp.ones((), x.dtype)
    # What time alone changes over the step.
    moved = jax.jvp(lambda s: g(t + s * h, x, u + s * rise), (zero,), (one,))[1]
    constants = (tableau.a_matrix, tableau.C_matrix, tableau.c, tableau.d)
    rows = tuple(jnp.asarray(np.asarray(w), dtype=x.dtype) for w in constants)

    def stage(state: tuple[Any, Any], row: Any) -> tuple[tuple[Any, Any], None]:
        i, stages = state
        a, C, c, d = row
        argument = x + jnp.tensordot(a, stages, 1)
        b = h * (g(t + c * h, argument, u + c * rise) + d * moved) + jnp.tensordot(C, stages, 1)
        return (i + 1, stages.at[i].set(tableau.gamma * jnp.einsum("kij,jk->ik", inverse, b))), None

    # A loop for the compiler: eight copies of the equations would take it minutes.
    state = jnp.zeros((), dtype=jnp.int32), jnp.zeros((tableau.stages, *x.shape), dtype=x.dtype)
    stages = jax.lax.scan(stage, state, rows)[0][1]
    # The last stage is added, and is the difference to a result of lower order.
    return x + jnp.tensordot(rows[0][-1], stages, 1) + stages[-1], jnp.max(jnp.abs(stages[-1]), axis=0)


def _jacobian(g: Slope, x: Any, t: Any, u: Any) -> Float[Any, "k r r"]:
    def column(e: Any) -> Any:
        return jax.jvp(lambda x: g(t, x, u), (x,), (jnp.broadcast_to(e[:, None], x.shape),))[1]

    return jnp.moveaxis(jax.vmap(column, out_axes=-1)(jnp.eye(len(x), dtype=x.dtype)), 1, 0)
