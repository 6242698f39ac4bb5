"""Square sparse systems `F(x, context) = 0`: consistent initial values, with derivatives, by `damped_newton.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.solve.linear.linear_systems import Direct, LinearSolver
from stiffdsl.solve.newton.damped_newton import NewtonResult, search_root, walk

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class OwnSearch(NamedTuple):
    """A search that a system brings: `root(x0, context)`, and the factors for derivatives of what it finds."""

    root: Callable[[Any, Any], NewtonResult]
    direct: Direct


def newton(
    residual: Callable[[Any, Any], Any],
    jacobian: Callable[[Any, Any], Any],
    rows: np.ndarray,
    columns: np.ndarray,
    x0: Float[Array, " n"],
    context: Any,
    rtol: float = 1e-12,
    max_iterations: int = 200,
    anchor: tuple[Any, Any] | None = None,
    own: OwnSearch | None = None,
) -> NewtonResult:
    """Solve `residual(x, context) = 0` from x0; `jacobian(x, context)` gives the values at `rows`, `columns`.

    `anchor = (x, context)` is a solution of another context. Where the search from x0 fails, it goes on from there:
    at once, or in steps along the line between the two contexts (parameter continuation). `own` searches in
    the place of all that.

    Differentiable in `context`, forward and in reverse, by the implicit function theorem. Never raises: where no
    solution is found, `converged` is False and `x` is the best point that the search came to.
    """
    # Equinox takes a fifth of a second to import, which a solve in a kernel does not need.
    import equinox as eqx

    x0 = jnp.asarray(x0, dtype=float)
    n = x0.shape[0]
    if n == 0:
        return NewtonResult(x0, jnp.array(True), jnp.int32(0), x0, jnp.zeros(0, dtype=jnp.int32))
    linear = LinearSolver(rows, columns, np.zeros(n), None if own is None else own.direct)
    context, anchor = jax.tree.map(jnp.asarray, (context, anchor if own is None else None))
    # Values that the functions close over may be traced and differentiated too.
    functions = tuple(eqx.filter_closure_convert(f, x0, context) for f in (residual, jacobian))
    consts, code = eqx.partition(functions, eqx.is_array)

    @jax.custom_jvp
    def root(x0, consts, context, anchor):
        if own is not None:
            return own.root(x0, context)
        residual, jacobian = eqx.combine(consts, code)

        def search(x, context):
            return search_root(residual, jacobian, linear, x, context, rtol, max_iterations)

        return search(x0, context) if anchor is None else walk(search, x0, context, anchor)

    @root.defjvp
    def _(primals, tangents):
        found = root(*primals)
        _, consts, context, _ = primals

        def at_root(consts, context):
            return eqx.combine(consts, code)[0](found.x, context)

        _, residual_dot = jax.jvp(at_root, (consts, context), tangents[1:3])
        factors = linear.factor(eqx.combine(consts, code)[1](found.x, context), jnp.zeros(()))
        x_dot = linear.solve(factors, residual_dot)  # with the matrix -J
        still = jax.tree.map(lambda x: np.zeros(x.shape, jax.dtypes.float0), found)
        return found, still._replace(x=x_dot, residual=jnp.zeros_like(x_dot))

    return root(x0, consts, context, anchor)
