"""Functions that a solve calls a few times, as kernels: where it begins, what it puts out and holds between steps.

XLA takes milliseconds for each operation of them, which is most of a first call: they are small in loops over steps,
and long in a start problem, whose residual and Jacobian stand in several places of its method.
"""

import hashlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from stiffdsl.native.host import engine
from stiffdsl.native.host.digest import digest_of, sources
from stiffdsl.native.host.function_kernels import Listed, Listing
from stiffdsl.program.program import Function, Program

# The functions that are looked at, and the operations from which on a kernel serves: below, XLA is ready sooner.
STARTING = "parameters", "input_defaults", "start", "guess", "initial_residual", "initial_jacobian", "checks"
CALLED = *STARTING, "rhs", "jacobian"
FEWEST = 40


def called(program: Program, portable: Any) -> Any:
    """`portable`, the functions of a program over JAX, with kernels in the place of those that are long."""
    if not engine.available():
        return portable
    found = SimpleNamespace(**vars(portable))
    for name in CALLED:
        function = program.by_name.get(name)
        # The side of a jump in time that counts is given where steps are made.
        if function is not None and "side" not in function.arguments:
            setattr(found, name, kernel_of(program, function, getattr(portable, name)))
    return found


def kernel_of(program: Program, function: Function, portable: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a kernel with derivatives, where it is long and LLVM is there; else `portable`."""
    if len(function.ops) < FEWEST or not engine.available():
        return portable
    flat, tables = program.system.flat, program.tables
    parameters = sum(b.size for b in flat.parameters)
    sizes = {
        "t": None,
        "y": program.size,
        "p": parameters,
        "u": sum(b.size for b in flat.inputs),
        "start": flat.size,
        "given": parameters,
        "mask": parameters,
    }
    arguments = tuple(sizes[a] for a in function.arguments)
    listed = Listed(function, tables, arguments, function.ops[-1].size or 1, lambda *_: portable)
    key = hashlib.sha256(sources() + digest_of((function,), tables) + repr(arguments).encode()).hexdigest()
    (made,) = Listing(key, [listed], seldom=function.name in CALLED).functions()
    return made
