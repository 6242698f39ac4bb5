"""A linear function with a transpose of its own, under every JAX transformation.

The tangent of a solve is a linear function of the tangents of what it was given. It runs forward through a loop whose
length is not known before, and JAX cannot turn such a loop around; we can, with checkpoints (`derivatives.py`). So
forward mode calls one function, reverse mode the other. (`jax.custom_derivatives.linear_call` does the same, but
cannot be batched.)
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def linear_map(function: Callable, transpose: Callable, residuals: Any, x: Any) -> Any:
    """`function(residuals, x)`, linear in the pytree x of float arrays, and its transpose `transpose(residuals, y)`.

    Neither may close over traced values. Differentiable in the residuals in forward mode.
    """
    flat_residuals, residual_tree = jax.tree.flatten(residuals)
    flat_x, x_tree = jax.tree.flatten(x)
    y_tree = jax.tree.structure(jax.eval_shape(function, residuals, x))
    count = len(flat_residuals)

    def forward(*flat):
        y = function(
            jax.tree.unflatten(residual_tree, flat[:count]), jax.tree.unflatten(x_tree, flat[count:])
        )
        return jax.tree.leaves(y)

    def backward(*flat):
        x = transpose(
            jax.tree.unflatten(residual_tree, flat[:count]), jax.tree.unflatten(y_tree, flat[count:])
        )
        return jax.tree.leaves(x)

    y = linear_map_p.bind(*flat_residuals, *flat_x, function=forward, transpose=backward, count=count)
    return jax.tree.unflatten(y_tree, y)


linear_map_p = Primitive("linear_map")
linear_map_p.multiple_results = True


def _meaning(*flat, function, transpose, count):
    del transpose, count
    return function(*flat)


@linear_map_p.def_impl
def _(*flat, function, transpose, count):
    del transpose, count
    return jax.jit(function)(*flat)


@linear_map_p.def_abstract_eval
def _(*avals, function, transpose, count):
    del transpose, count
    shapes = jax.eval_shape(function, *(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals))
    return [ShapedArray(s.shape, s.dtype) for s in shapes]


def _jvp(primals, tangents, *, function, transpose, count):
    parameters = {"function": function, "transpose": transpose, "count": count}
    y = linear_map_p.bind(*primals, **parameters)
    residuals, x = primals[:count], primals[count:]
    residuals_dot, x_dot = tangents[:count], tangents[count:]
    y_dot = [ad.Zero(jax.typeof(v)) for v in y]
    if not all(isinstance(d, ad.Zero) for d in x_dot):
        x_dot = [ad.instantiate_zeros(d) for d in x_dot]
        y_dot = linear_map_p.bind(*residuals, *x_dot, **parameters)
    moved = [k for k, d in enumerate(residuals_dot) if not isinstance(d, ad.Zero)]
    if moved:

        def of_moved(*values):
            changed = list(residuals)
            for k, value in zip(moved, values, strict=True):
                changed[k] = value
            return function(*changed, *x)

        _, more = jax.jvp(of_moved, [residuals[k] for k in moved], [residuals_dot[k] for k in moved])
        y_dot = [ad.add_tangents(a, b) for a, b in zip(y_dot, more, strict=True)]
    return y, y_dot


def _transpose(cotangents, *flat, function, transpose, count):
    residuals, x = flat[:count], flat[count:]
    wanted = [ad.is_undefined_primal(v) for v in x]
    assert not any(ad.is_undefined_primal(v) for v in residuals)
    cotangents = [ad.instantiate_zeros(c) for c in cotangents]
    out = linear_map_p.bind(*residuals, *cotangents, function=transpose, transpose=function, count=count)
    # Arguments known when the function was linearized have no cotangent.
    return [None] * count + [bar if undefined else None for bar, undefined in zip(out, wanted, strict=True)]


def _batch(flat, axes, *, function, transpose, count):
    size = next(v.shape[d] for v, d in zip(flat, axes, strict=True) if d is not None)
    # Every linear argument gets the batch axis, so that the transpose maps lanes to lanes.
    flat = list(flat)
    for k in range(count, len(flat)):
        if axes[k] is None:
            flat[k] = jnp.broadcast_to(flat[k], (size, *jnp.shape(flat[k])))
    residual_axes = tuple(axes[:count])

    def mapped(one):
        def every(*values):
            return jax.vmap(one, in_axes=(*residual_axes, *[0] * (len(values) - count)))(*values)

        return every

    for k in range(count, len(flat)):
        if axes[k] is not None:
            flat[k] = jnp.moveaxis(flat[k], axes[k], 0)
    y = linear_map_p.bind(*flat, function=mapped(function), transpose=mapped(transpose), count=count)
    return y, [0] * len(y)


ad.primitive_jvps[linear_map_p] = _jvp
ad.primitive_transposes[linear_map_p] = _transpose
batching.primitive_batchers[linear_map_p] = _batch
mlir.register_lowering(linear_map_p, mlir.lower_fun(_meaning, multiple_results=True))
