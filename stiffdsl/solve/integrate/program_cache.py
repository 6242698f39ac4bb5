"""Compiled programs that another process can take up again, and that two threads can run at once.

The factors of KLU lie where they lie in this process. As constants their addresses would make every process compile a
program of its own; as arguments they leave the program, and the key of JAX's cache on disk, as they were. And a thread
that brings factors of its own runs the same program beside others.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun, jaxprs_in_params

from stiffdsl.solve.linear.sparse import owners

# The type of addresses, which nothing else has.
ADDRESS = np.dtype(np.uint64)


class _Program(NamedTuple):
    """The program compiled for arguments of one kind: `run(addresses, *leaves)`, and its result's structure. `free`
    holds factors that no thread uses now."""

    run: Callable[..., Any]
    addresses: list[Any]
    result: Any
    free: SimpleQueue[Any]


def _programs(function: Callable[..., Any]) -> Callable[..., tuple[_Program, list[Any]]]:
    """The program for some arguments, traced once for each kind of them, and the leaves to run it with."""
    compiled: dict[Any, _Program] = {}
    tracing = Lock()

    def of(*arguments):
        leaves, tree = jax.tree.flatten(arguments)
        key = tree, tuple(map(_kind, leaves))
        found = compiled.get(key)
        if found is None:
            with tracing:
                if key not in compiled:
                    compiled[key] = _converted(function, arguments)
                found = compiled[key]
        return found, leaves

    return of


def _kind(leaf: Any) -> Any:
    """Part of an argument that a compiled program depends on."""
    if type(leaf) is np.ndarray:
        return leaf.shape, leaf.dtype
    return type(leaf) if type(leaf) is float else jax.typeof(leaf)


def jit_without_addresses(function: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.jit(function)`, where arrays of addresses that `function` closes over are arguments of what is compiled."""
    program_of = _programs(function)

    def call(*arguments):
        program, leaves = program_of(*arguments)
        return jax.tree.unflatten(program.result, program.run(program.addresses, *leaves))

    return call


def jit_beside_itself(function: Callable[..., Any]) -> Callable[..., Any]:
    """`jit_without_addresses(function)` for calls from many threads: where there are factors, each has
    its own while it runs, and returns when all results are there."""
    program_of = _programs(function)

    def call(*arguments):
        program, leaves = program_of(*arguments)
        if not program.addresses:
            return jax.tree.unflatten(program.result, program.run([], *leaves))
        try:
            own = program.free.get_nowait()
        except Empty:
            own = _own_factors(program.addresses)
        try:
            found = jax.block_until_ready(program.run(own[0], *leaves))
        finally:
            program.free.put(own)
        return jax.tree.unflatten(program.result, found)

    return call


def _own_factors(addresses: list[Any]) -> tuple[list[Any], list[Any]]:
    """New factors in the place of all factors, the same analyses, and who keeps them in memory."""
    made: dict[int, np.ndarray] = {}
    kept = []
    for array in addresses:
        address = int(np.asarray(array).flat[0])
        if address in owners and address not in made:
            made[address], owner = owners[address].more_factors()
            kept.append(owner)
    return [made.get(int(np.asarray(array).flat[0]), array) for array in addresses], kept


def _converted(function: Callable[..., Any], arguments: tuple[Any, ...]) -> _Program:
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    moved = [k for k, c in enumerate(closed.consts) if _is_address(c)]
    assert not _has_addresses(closed.jaxpr), "addresses of factors inside of the program"

    def program(addresses, *leaves):
        constants = list(closed.consts)
        for k, address in zip(moved, addresses, strict=True):
            constants[k] = address
        return jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, constants))(*leaves)

    addresses = [closed.consts[k] for k in moved]
    return _Program(jax.jit(program), addresses, jax.tree.structure(shapes), SimpleQueue())


def _is_address(constant: Any) -> bool:
    return getattr(constant, "dtype", None) == ADDRESS


def _has_addresses(jaxpr: Jaxpr) -> bool:
    """Whether programs within a program have addresses among their own constants."""
    for equation in jaxpr.eqns:
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                if isinstance(inner, ClosedJaxpr) and any(map(_is_address, inner.consts)):
                    return True
        if any(_has_addresses(inner) for inner in jaxprs_in_params(equation.params)):
            return True
    return False
