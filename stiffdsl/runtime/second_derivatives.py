"""Second derivatives of native solves: differences of first derivatives, which follow the steps of one solve.

With its steps held, a solve is a smooth function of what it is given, and the kernels differentiate that function to
rounding. So a central difference of their derivatives, over a move that changes the solution by one part in 100,000,
has eight to ten digits, where differences over steps chosen anew would have those of the tolerance.

The second derivative along two directions, weighted, is one number `<c, D2 ends[v, d]>` however it is read:

    D_d backward(given, c)  is linear in d and equal to its transpose;  in c, its transpose is  D_d forward(given, w)
    D_d forward(given, v)   is linear in d, and its transpose is  c -> D_v backward(given, c)

so forward and reverse mode can be applied in any order.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from stiffdsl.solve.linear.linear_map import linear_map

# Relative change of the solution in a difference: the error is of the size of its square, and of the
# rounding over it.
MOVE = 1e-5
# By how much less it may move, where a parameter would move further than that, as a part of itself.
LEAST = 1e-3


class SecondDerivatives:
    """`forward(given, directions)` and `backward(given, cotangents)` of a solve, differentiable once more.

    The plain functions take a solve whose steps they follow as their last argument, or None; `moving` is the part of
    `given` (or of its tangents) that directions are of, `within(given, moving)` puts it back; `sizes(given)` is how
    large the end and the saved values are, as arrays of such shapes. Where more than that moves, or the solve is not
    `smooth` with its steps held, `elsewhere` holds the two functions that are differentiated instead.
    """

    def __init__(
        self,
        plain_forward: Callable[..., Any],
        plain_backward: Callable[..., Any],
        moving: Callable[[Any], Any],
        within: Callable[[Any, Any], Any],
        sizes: Callable[[Any], Any],
        elsewhere: tuple[Callable[..., Any], Callable[..., Any]],
        smooth: bool = True,
    ):
        self.smooth = smooth
        self.plain_forward, self.plain_backward = plain_forward, plain_backward
        self.moving, self.within, self.sizes, self.elsewhere = moving, within, sizes, elsewhere
        self.forward = self._differentiable(
            lambda given, v: plain_forward(given, v, None), lambda: self.backward, self.second_forward, True
        )
        self.backward = self._differentiable(
            lambda given, c: plain_backward(given, c, None), lambda: self.forward, self.second_backward, False
        )

    def _differentiable(self, plain: Callable[..., Any], other: Callable[[], Any], second: Any, ahead: bool):
        """`plain(given, x)`, linear in x with the transpose `other`, with its rule; `second((given, x), d)` is its
        derivative along d."""

        @jax.custom_jvp
        def function(given, x):
            return plain(given, x)

        def by_given(residuals, d):
            return second(residuals, d)

        def transposed(residuals, w):
            given, x = residuals
            return self.second_backward((given, w), x) if ahead else self.second_backward((given, x), w)

        def rule(primals, tangents):
            (given, x), (given_dot, x_dot) = primals, tangents
            y, dots = function(given, x), []
            if not _still(x_dot):
                dots.append(linear_map(function, other(), given, _whole(x_dot)))
            along = self.moving(given_dot)
            beyond = self.within(given_dot, jax.tree.map(_gone, along, is_leaf=_is_zero))
            if not _still(beyond) or not (self.smooth or _still(along)):
                return jax.jvp(self.elsewhere[0 if ahead else 1], primals, _whole(tangents))
            if not _still(along):
                dots.append(linear_map(by_given, transposed, (given, x), _whole(along)))
            if not dots:
                return y, jax.tree.map(jnp.zeros_like, y)
            return y, jax.tree.map(lambda *parts: sum(parts), *dots)

        function.defjvp(rule, symbolic_zeros=True)
        return function

    def second_forward(self, residuals: Any, d: Any) -> Any:
        """The derivative of `forward(given, v)` along d."""
        return self._second(self.plain_forward, residuals, d)

    def second_backward(self, residuals: Any, d: Any) -> Any:
        """The derivative of `backward(given, c)` along d."""
        return self._second(self.plain_backward, residuals, d)

    def _second(self, plain: Callable[..., Any], residuals: Any, d: Any) -> Any:
        @jax.custom_jvp
        def second(given, x, d):
            step = self._step(given, d)
            here = self.moving(given)

            def at(sign: float) -> Any:
                moved = jax.tree.map(lambda a, b: a + sign * step * b, here, d)
                return plain(self.within(given, moved), x, given)

            return jax.tree.map(lambda a, b: (a - b) / (2 * step), at(1.0), at(-1.0))

        @second.defjvp
        def _(primals, tangents):
            raise NotImplementedError(
                "third derivatives of a solve are not available: take differences of second ones"
            )

        return second(*residuals, d)

    def _step(self, given: Any, d: Any) -> Any:
        """The length of the difference step along d: it moves the solution by `MOVE` of its size, or the
        arguments, but for those so small that the solution would hardly respond."""
        found, sizes = self.plain_forward(given, d, None), self.sizes(given)
        ratios = jax.tree.map(lambda dot, size: jnp.max(jnp.abs(dot) / size, initial=0.0), found, sizes)
        response = jnp.max(jnp.stack(jax.tree.leaves(ratios)))

        def relative(dot, value):
            given = (dot != 0) & (value != 0)
            return jnp.max(jnp.where(given, jnp.abs(dot / jnp.where(given, value, 1.0)), 0.0), initial=0.0)

        own = jnp.max(jnp.stack(jax.tree.leaves(jax.tree.map(relative, d, self.moving(given)))))
        response = jnp.where(jnp.isfinite(response), response, own)
        fastest = jnp.where(response > 0, jnp.clip(own, response, response / LEAST), own)
        return jax.lax.stop_gradient(MOVE / jnp.where(fastest > 0, fastest, 1.0))


def _is_zero(x: Any) -> bool:
    return isinstance(x, SymbolicZero)


def _still(tree: Any) -> bool:
    """Whether nothing in these tangents moves."""
    leaves = jax.tree.leaves(tree, is_leaf=_is_zero)
    return all(_is_zero(leaf) or leaf.dtype == jax.dtypes.float0 for leaf in leaves)


def _gone(dot: Any) -> Any:
    return dot if _is_zero(dot) else SymbolicZero(jax.typeof(dot))


def _whole(tree: Any) -> Any:
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype) if _is_zero(x) else x, tree, is_leaf=_is_zero)
