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
# An implicit step of the whole distance from knot to knot may err by so much (in x), one of a part of it by what that
# order brings. Where a steep controller sets in within a step, the Jacobian at its beginning knows nothing of it:
# such a lane goes on by shorter steps of its own, so many for each part at most.
_ALLOWED, _ORDER, _MOST = 5e-4, 5, 80
# The change of a lane's step from one try to the next.
_SAFETY, _SHRINK, _GROW = 0.9, 0.1, 6.0
# A lane that is so near to the next knot, as a share of the distance, has arrived.
_ROUNDING = 1e-6
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
    u = jnp.asarray(u).astype(dtype)
    over = _adaptive(steps, g) if steps.method == IMPLICIT else _divided(steps, g)
    begin = jnp.asarray(begin).astype(dtype)
    widths = np.diff(knots)
    given = jnp.asarray(knots[:-1], dtype=dtype), jnp.asarray(widths, dtype=dtype), u[:-1], u[1:]
    return jnp.concatenate([begin[None], jax.lax.scan(over, begin, given)[1]])


def _divided(steps: Steps, g: Slope) -> Callable[..., Any]:
    """From knot to knot by explicit steps of one length."""
    one = _classical if steps.method == CLASSICAL else _stabilised(steps.stages)

    def over(x: Any, given: Any) -> tuple[Any, Any]:
        t, width, left, right = given
        h, rise = width / steps.pieces, (right - left) / steps.pieces

        def piece(k: Any, x: Any) -> Any:
            return one(g, x, t + k * h, h, left + rise * k, rise)

        if steps.pieces == 1:
            after = piece(0.0, x)
        else:
            after = jax.lax.fori_loop(0, steps.pieces, lambda k, x: piece(k.astype(x.dtype), x), x)
        return after, after

    return over


def _adaptive(steps: Steps, g: Slope) -> Callable[..., Any]:
    """From knot to knot by implicit steps, whose length each lane chooses by the error that it estimates; a lane that
    does not arrive is no number."""
    allowed, longest = _ALLOWED / steps.pieces**_ORDER, 1.0 / steps.pieces

    def over(x: Any, given: Any) -> tuple[Any, Any]:
        t, width, left, right = given

        def tried(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            x, at, h = state
            after, error = _implicit(
                g, x, t + at * width, h * width, left + at * (right - left), h * (right - left)
            )
            good = error <= allowed
            at = jnp.where(good, at + h, at)
            at = jnp.where(at >= 1 - _ROUNDING, 1.0, at).astype(x.dtype)
            ratio = _SAFETY * (allowed / jnp.maximum(error, allowed * 1e-9)) ** (1 / _ORDER)
            ratio = jnp.where(jnp.isfinite(error), jnp.clip(ratio, _SHRINK, _GROW), _SHRINK)
            h = jnp.minimum(jnp.minimum(h * jax.lax.stop_gradient(ratio), longest), 1 - at)
            return jnp.where(good, after, x), at, h.astype(x.dtype)

        def left_over(state: Any) -> Any:
            return jnp.any(state[1] < 1)

        def rest(state: Any) -> Any:
            def once_more(state: Any, _: None) -> tuple[Any, None]:
                return jax.lax.cond(left_over(state), tried, lambda s: s, state), None

            return jax.lax.scan(once_more, state, None, length=_MOST * steps.pieces - 1)[0]

        lanes = x.shape[1]
        state = tried((x, jnp.zeros(lanes, x.dtype), jnp.full(lanes, longest, x.dtype)))
        x, at, _ = jax.lax.cond(left_over(state), rest, lambda s: s, state)
        after = jnp.where(at < 1, jnp.nan, x).astype(x.dtype)
        return after, after

    # What a derivative backwards needs of the tries is calculated again: it would fill the memory.
    return jax.checkpoint(over)


def _classical(g: Slope, x: Any, t: Any, h: Any, u: Any, rise: Any) -> Any:
    first = g(t, x, u)
    middle = u + 0.5 * rise
    second = g(t + 0.5 * h, x + 0.5 * h * first, middle)
    third = g(t + 0.5 * h, x + 0.5 * h * second, middle)
    fourth = g(t + h, x + h * third, u + rise)
    return x + h / 6 * (first + 2 * (second + third) + fourth)


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
            return jax.lax.scan(stage, state, jnp.asarray(rows, dtype=x.dtype))[0][1]
        for row in rows:
            state, _ = stage(state, row)
        return state[1]

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
    """x a step later, of length h (a lane, or one for all), over which u rises by `rise`, and its estimated error."""
    tableau = RODAS5P
    unit = jnp.eye(len(x), dtype=x.dtype)
    inverse = jnp.linalg.inv(unit - jnp.reshape(tableau.gamma * h, (-1, 1, 1)) * _jacobian(g, x, t, u))
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
