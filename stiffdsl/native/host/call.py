"""A kernel as an operation of JAX: any number of lanes, arguments that all lanes share are handed over once.

Its name is asked for, and its code compiled, only where a program that calls it is. Not differentiable by itself.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from stiffdsl.native.functions.emission import SCALARS
from stiffdsl.native.host.ffi import emit_handler
from stiffdsl.native.ir.code import Code, IRModule

# Arguments that are single numbers.
NUMBERS = (*SCALARS, "alpha")


class Kernel:
    """`kernel(*arguments)` for arrays of these shapes; `target()` is the name that XLA knows it by."""

    def __init__(
        self,
        target: Callable[[], str],
        arguments: Sequence[tuple[int, ...]],
        result: tuple[int, ...],
    ):
        self.target, self.shapes, self.result = target, tuple(arguments), result

    def __call__(self, *arguments: Any) -> Any:
        values = [jnp.asarray(a, dtype=float) for a in arguments]
        given = tuple(v.shape for v in values)
        assert given == self.shapes, f"a kernel for {self.shapes} was given {given}"
        return kernel_p.bind(*values, kernel=self, lanes=())


kernel_p = Primitive("native_kernel")


@kernel_p.def_abstract_eval
def _(*values, kernel: Kernel, lanes):
    del values
    return ShapedArray((*lanes, *kernel.result), np.dtype(float))


def _called(*values, kernel: Kernel, lanes):
    kind = jax.ShapeDtypeStruct((*lanes, *kernel.result), np.float64)
    return jax.ffi.ffi_call(kernel.target(), kind)(*values)


@cache
def _compiled(kernel: Kernel, lanes: tuple[int, ...]) -> Callable[..., Any]:
    return jax.jit(partial(_called, kernel=kernel, lanes=lanes))


@kernel_p.def_impl
def _(*values, kernel: Kernel, lanes):
    return _compiled(kernel, lanes)(*values)


def _batch(values, axes, *, kernel: Kernel, lanes):
    size = next(v.shape[d] for v, d in zip(values, axes, strict=True) if d is not None)
    whole = []
    for value, axis, shape in zip(values, axes, kernel.shapes, strict=True):
        rank = value.ndim - (axis is not None)
        if axis is None:
            alone = rank == len(shape)
            whole.append(value if alone else jnp.broadcast_to(value, (size, *value.shape)))
            continue
        own = jnp.moveaxis(value, axis, 0)
        if rank == len(shape):
            own = own.reshape(size, *[1] * len(lanes), *shape)
        whole.append(jnp.broadcast_to(own, (size, *lanes, *shape)))
    return kernel_p.bind(*whole, kernel=kernel, lanes=(size, *lanes)), 0


batching.primitive_batchers[kernel_p] = _batch
mlir.register_lowering(kernel_p, mlir.lower_fun(_called, multiple_results=False), platform="cpu")


def emit_lanes(
    module: IRModule,
    name: str,
    arguments: Sequence[str],
    scratch: int,
    call: Callable[[Code, dict[str, str]], None] | None = None,
) -> None:
    """`name_handler` for XLA: it calls `name(arguments…, result, scratch)` for every lane, or what `call` writes, given
    where the arguments, the result and the scratch are."""
    module.declare("declare noalias ptr @malloc(i64)")
    module.declare("declare void @free(ptr)")
    operands = (*arguments, "result")
    parameters = [("ptr", "operands"), ("ptr", "strides"), ("i64", "count")]
    code = Code(module, f"{name}_lanes", parameters)
    work = code.call("malloc", f"i64 {8 * scratch + 64}", result="noalias ptr") if scratch else "%operands"
    with code.loop("%count") as lane:
        places = {"scratch": work}
        for k, operand in enumerate(operands):
            offset = code.integer("mul", lane, code.load("%strides", k, "i64"))
            places[operand] = code.at(code.load("%operands", k, "ptr"), offset)
        if call is not None:
            call(code, places)
        else:
            values = [
                f"double {code.load(places[a])}" if a in NUMBERS else f"ptr {places[a]}" for a in operands
            ]
            code.call(name, *values, f"ptr {work}")
    if scratch:
        code.call("free", f"ptr {work}")
    code.put("ret void")
    code.finish()
    axes = {a: 0 if a in NUMBERS else 1 for a in operands}
    emit_handler(module, f"{name}_lanes", tuple(arguments), ("result",), operands, f"{name}_handler", axes)
