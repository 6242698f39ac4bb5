"""Compiled programs that another process can take up again.

The factors of KLU lie where they lie in this process. As constants their addresses would make every process compile a
program of its own; as arguments they leave the program, and the key of JAX's cache on disk, as they were.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

# What nothing but addresses has.
ADDRESS = np.dtype(np.uint64)


def jit_without_addresses(function: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.jit(function)`, where arrays of addresses that `function` closes over are arguments of what is compiled."""
    compiled: dict[Any, tuple[Callable[..., Any], list[Any], Any]] = {}

    def call(*arguments):
        leaves, tree = jax.tree.flatten(arguments)
        key = tree, tuple((jax.typeof(leaf)) for leaf in leaves)
        if key not in compiled:
            compiled[key] = _converted(function, arguments)
        program, addresses, result = compiled[key]
        return jax.tree.unflatten(result, program(addresses, *leaves))

    return call


def _converted(function, arguments) -> tuple[Callable[..., Any], list[Any], Any]:
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    moved = [k for k, c in enumerate(closed.consts) if np.result_type(c) == ADDRESS]

    def program(addresses, *leaves):
        constants = list(closed.consts)
        for k, address in zip(moved, addresses, strict=True):
            constants[k] = address
        return jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, constants))(*leaves)

    return jax.jit(program), [closed.consts[k] for k in moved], jax.tree.structure(shapes)
