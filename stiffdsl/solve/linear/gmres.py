"""GMRES (Saad and Schultz, SIAM J. Sci. Stat. Comput. 7:856, 1986): restarted, preconditioned on the right.

The least residual is sought in a weighted norm, the Hessenberg matrix made triangular by Givens' rotations. What it
ends with is computed anew from the solution, so an answer is never better on paper than it is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax


class GmresResult(NamedTuple):
    """`x`, the iterations made, and the weighted norm of the residual that is left."""

    x: Any
    iterations: Any
    norm: Any


class _Column(NamedTuple):
    """After j columns: the basis, the triangle, the rotations, and the rotated right-hand side."""

    j: Any
    total: Any
    V: Any
    H: Any
    cosines: Any
    sines: Any
    g: Any


def gmres(
    product: Callable[[Any], Any],
    undo: Callable[[Any], Any],
    b: Any,
    s: Any,
    threshold: Any,
    restart: int,
    most: int,
) -> GmresResult:
    """Solves `A x = b` until the 2-norm of `s (b - A x)` is at most `threshold`, or `most` iterations are made.

    `product(x)` is A x, `undo(x)` about A^-1 x.
    """

    def residual(x):
        return s * (b - product(x))

    def one_cycle(carry):
        x, total, r, beta = carry
        start = _Column(
            jnp.int32(0),
            total,
            jnp.zeros((restart + 1, b.shape[0])).at[0].set(r / beta),
            jnp.zeros((restart + 1, restart)),
            jnp.zeros(restart),
            jnp.zeros(restart),
            jnp.zeros(restart + 1).at[0].set(beta),
        )
        end = lax.while_loop(more, column, start)
        x = x + undo((_coefficients(end, restart) @ end.V[:restart]) / s)
        r = residual(x)
        return x, end.total, r, jnp.sqrt(r @ r)

    def more(c: _Column):
        left = jnp.abs(c.g[c.j])
        return (c.j == 0) | ((left > threshold) & (c.j < restart) & (c.total < most))

    def column(c: _Column) -> _Column:
        q = s * product(undo(c.V[c.j] / s))

        def against(k, carry):
            q, h = carry
            part = q @ c.V[k]
            return q - part * c.V[k], h.at[k].set(part)

        q, h = lax.fori_loop(0, c.j + 1, against, (q, jnp.zeros(restart + 1)))
        length = jnp.sqrt(q @ q)
        q = q / jnp.where(length > 0, length, 1.0)

        def rotate(k, h):
            a, b = h[k], h[k + 1]
            high = c.cosines[k] * a + c.sines[k] * b
            return h.at[k].set(high).at[k + 1].set(c.cosines[k] * b - c.sines[k] * a)

        h = lax.fori_loop(0, c.j, rotate, h)
        diagonal = jnp.sqrt(h[c.j] * h[c.j] + length * length)
        cosine, sine = h[c.j] / diagonal, length / diagonal
        g = c.g.at[c.j + 1].set(-sine * c.g[c.j]).at[c.j].multiply(cosine)
        return _Column(
            c.j + 1,
            c.total + 1,
            c.V.at[c.j + 1].set(q),
            c.H.at[:, c.j].set(h.at[c.j].set(diagonal)),
            c.cosines.at[c.j].set(cosine),
            c.sines.at[c.j].set(sine),
            g,
        )

    def unfinished(carry):
        _, total, _, beta = carry
        return (beta > threshold) & (total < most)

    x = jnp.zeros_like(b)
    r = residual(x)
    x, total, _, beta = lax.while_loop(unfinished, one_cycle, (x, jnp.int32(0), r, jnp.sqrt(r @ r)))
    return GmresResult(x, total, beta)


def _coefficients(end: _Column, restart: int) -> Any:
    """The combination of the basis, zero for vectors that were not made."""

    def back(k, y):
        i = end.j - 1 - k
        return y.at[i].set((end.g[i] - end.H[i] @ y) / end.H[i, i])

    return lax.fori_loop(0, end.j, back, jnp.zeros(restart))
