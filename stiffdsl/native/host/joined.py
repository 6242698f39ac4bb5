"""Kernels that join numbers to a vector and take it apart: one operation of XLA, however many numbers there are."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.native.host import engine, ffi
from stiffdsl.native.host.digest import sources
from stiffdsl.native.ir.code import IRModule
from stiffdsl.solve.base import kernels
from stiffdsl.solve.linear.linear_map import linear_map


def joined(numbers: Sequence[Any]) -> Any:
    """Numbers (JAX arrays without axes, float64) as a vector.

    By XLA's own operations a gradient by n numbers compiles for n times 17 ms: each number that is cut out of a vector
    becomes a program of its own.
    """
    return linear_map(_join, _apart, (), tuple(numbers))


def _join(nothing: tuple[()], numbers: Sequence[Any]) -> Any:
    del nothing
    name = kernels.target("joined")
    if name is None:
        return jnp.stack(list(numbers))
    kind = jax.ShapeDtypeStruct((len(numbers),), np.float64)
    return jax.ffi.ffi_call(name, kind, vmap_method="broadcast_all")(*numbers)


def _apart(nothing: tuple[()], vector: Any) -> tuple[Any, ...]:
    del nothing
    name = kernels.target("apart")
    if name is None:
        return tuple(part.reshape(()) for part in jnp.split(vector, len(vector)))
    kinds = [jax.ShapeDtypeStruct((), np.float64)] * len(vector)
    return tuple(jax.ffi.ffi_call(name, kinds, vmap_method="broadcast_all")(vector))


@cache
def _registered(apart: bool) -> str | None:
    if not engine.available():
        return None
    key = f"{'apart' if apart else 'joined'}.{sources().hex()}"

    def emitted() -> str:
        module = IRModule()
        ffi.emit_joined(module, "handler", apart)
        return module.text()

    return ffi.register(f"stiffdsl_{key}", engine.load(key, emitted))


kernels.provide("joined", lambda: _registered(apart=False))
kernels.provide("apart", lambda: _registered(apart=True))
