"""Steps of fixed length between knots, of small systems that many lanes solve together, over JAX.

Two methods of order two: the stabilised explicit one of Sommeijer, Shampine and Verwer (RKC, J. Comput. Appl. Math. 88,
1997), whose stages reach over a negative real axis that grows with their square, and the L-stable Rosenbrock method of
Verwer, Spee, Blom and Hundsdorfer (ROS2, SIAM J. Sci. Comput. 20, 1999)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

Slope = Callable[[Any, Any, Any], Any]

_DAMPING = 2 / 13
_GAMMA = 1 - np.sqrt(0.5)


@dataclass(frozen=True)
class Steps:
    """`pieces` steps from knot to knot, explicit of `stages` stages, or implicit (0); in single precision or not."""

    pieces: int
    stages: int
    single: bool

    @property
    def dtype(self) -> Any:
        return np.float32 if self.single else np.float64

    @property
    def reach(self) -> float:
        """What the fastest rate times the distance of knots may be, explicitly."""
        return self.pieces * 2 / 3 * (self.stages**2 - 1) * (1 - 2 / 15 * _DAMPING)


def integrated(
    steps: Steps, g: Slope, begin: Float[Any, "r k"], knots: np.ndarray, u: Float[Any, "M i k"]
) -> Float[Any, "M r k"]:
    """x of k lanes at the knots for x' = g(t, x, u), where u runs straight between them."""
    dtype, pieces = steps.dtype, steps.pieces
    one = _explicit(steps.stages) if steps.stages else _implicit
    u = jnp.asarray(u).astype(dtype)
    parts = np.arange(pieces + 1) / pieces

    def over(x: Any, given: Any) -> Any:
        t, width, left, right = given

        def piece(k: Any, x: Any) -> Any:
            a, b = k / pieces, (k + 1) / pieces
            at = left + (right - left) * a, left + (right - left) * b
            return one(g, x, t + a * width, width / pieces, *at)

        if pieces == 1:
            x = piece(parts.dtype.type(0).astype(dtype), x)
        else:
            x = jax.lax.fori_loop(0, pieces, lambda k, x: piece(jnp.asarray(k, dtype=dtype), x), x)
        return x, x

    begin = jnp.asarray(begin).astype(dtype)
    widths = np.diff(knots)
    given = jnp.asarray(knots[:-1], dtype=dtype), jnp.asarray(widths, dtype=dtype), u[:-1], u[1:]
    return jnp.concatenate([begin[None], jax.lax.scan(over, begin, given)[1]])


def _explicit(stages: int) -> Callable[..., Any]:
    first, rows = _chebyshev(stages)

    def step(g: Slope, x: Any, t: Any, h: Any, left: Any, right: Any) -> Any:
        begin = g(t, x, left)
        before, now = x, x + first * h * begin
        for own, last, older, fresh, old, at in rows:
            slope = g(t + at * h, now, left + (right - left) * at)
            before, now = now, own * x + last * now + older * before + h * (fresh * slope + old * begin)
        return now

    return step


def _chebyshev(stages: int) -> tuple[float, list[tuple[float, ...]]]:
    """The weight of the first stage; of the others those of x, the last two stages, the slope at the last and the first
    slope, and the time of the last."""
    s, w0 = stages, 1 + _DAMPING / stages**2
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


def _implicit(g: Slope, x: Any, t: Any, h: Any, left: Any, right: Any) -> Any:
    begin = g(t, x, left)
    # Inputs run straight, so that the difference over the step is the slope by time.
    moved = _GAMMA * (g(t + h, x, right) - begin)
    unit = jnp.eye(len(x), dtype=x.dtype)

    def column(e: Any) -> Any:
        return jax.jvp(lambda x: g(t, x, left), (x,), (jnp.broadcast_to(e[:, None], x.shape),))[1]

    jacobian = jnp.moveaxis(jax.vmap(column, out_axes=-1)(unit), 1, 0)
    solved = jax.scipy.linalg.lu_factor(unit - (_GAMMA * h) * jacobian)

    def solution(b: Any) -> Any:
        return jax.scipy.linalg.lu_solve(solved, b.T[..., None])[..., 0].T

    first = solution(begin + moved)
    second = solution(g(t + h, x + h * first, right) - 2 * first - moved)
    return x + h * (1.5 * first + 0.5 * second)
