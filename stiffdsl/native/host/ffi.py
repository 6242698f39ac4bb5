"""The kernel as a JAX primitive: a handler for XLA's typed FFI, compiled with the kernel, that reads the call frame.

Layouts are those of `xla/ffi/api/c_api.h` (in `jax.ffi.include_dir()`), whose makers promise to keep them. `vmap` hands
over arrays with leading axes, and the kernel loops over the lanes. Not differentiable by itself.
"""

import ctypes
import math
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.native.host.engine import Library
from stiffdsl.native.ir.code import Code, IRModule
from stiffdsl.native.step.layout import GIVEN, OPTIONS, STATE, state_areas

# The version of the interface that the offsets below belong to.
MAJOR, MINOR = 0, 3
# Offsets in bytes.
_EXTENSION, _STAGE, _ARGS, _RETS = 8, 32, 72, 112
_EXTENSION_TYPE, _METADATA = 8, 24
_VERSION_MAJOR, _VERSION_MINOR = 24, 28
_DATA, _RANK, _DIMS = 24, 32, 40
# The number of arguments or of results, which stands before the list of them.
_SIZE = -16
_IS_METADATA, _EXECUTE = 1, 3

ARGUMENTS, RESULTS = GIVEN, ("state", "ys")
# Axes of an operand, where it is more than a vector: one row for each time saved, or for each direction.
AXES = {"ys": 2, "y0_dot": 2, "p_dot": 2, "u_dot": 2, "values_dot": 2, "y_dot": 2, "ys_dot": 3}
AXES |= {"y_bar": 2, "ys_bar": 3, "y0_bar": 2, "p_bar": 2, "u_bar": 2, "values_bar": 2}

_registered: dict[str, Library] = {}
_lock = threading.Lock()


class Reached(NamedTuple):
    """The result of `jax_solve`: as `solver.Arrived`, without culprits."""

    ys: Any
    t: Any
    y: Any
    status: Any
    counts: Any
    h: Any
    scaled: Any


def _field(code: Code, pointer: str, offset: int, kind: str = "ptr") -> str:
    """The field of a C structure so many bytes behind its pointer."""
    return code.load(code.at(pointer, offset, "i8"), 0, kind)


def open_handler(module: IRModule, symbol: str) -> Code:
    """The beginning of `symbol(frame) -> error`: the query for its version is answered, what goes on is a run."""
    code = Code(module, symbol, [("ptr", "frame")], "ptr", linkage="dso_local")

    field = partial(_field, code)
    extension = field("%frame", _EXTENSION)
    asked = code.value(f"icmp ne ptr {extension}, null")
    with code.when(asked):
        kind = field(extension, _EXTENSION_TYPE, "i32")
        with code.when(code.value(f"icmp eq i32 {kind}, {_IS_METADATA}")):
            metadata = field(extension, _METADATA)
            code.store(str(MAJOR), code.at(metadata, _VERSION_MAJOR, "i8"), 0, "i32")
            code.store(str(MINOR), code.at(metadata, _VERSION_MINOR, "i8"), 0, "i32")
            code.put("ret ptr null")
            code.label("answered")
    stage = field("%frame", _STAGE, "i32")
    with code.when(code.value(f"icmp ne i32 {stage}, {_EXECUTE}")):
        code.put("ret ptr null")
        code.label("prepared")
    return code


def emit_handler(
    module: IRModule,
    function: str,
    arguments: tuple[str, ...],
    results: tuple[str, ...],
    operands: tuple[str, ...],
    symbol: str = "handler",
    axes: Mapping[str, int] = AXES,
) -> None:
    """`symbol(call_frame) -> error`: answers the query for its version, or runs `function(operands, strides, count)`
    over the buffers of `arguments` and `results`: results have one row for each lane, arguments that or one for all;
    others of `operands` are not used."""
    code = open_handler(module, symbol)

    field = partial(_field, code)
    total = len(operands)
    pointers, strides = code.variable(f"[{total} x ptr]"), code.variable(f"[{total} x i64]")
    for k in range(total):
        code.store(pointers, pointers, k, "ptr")
        code.store("0", strides, k, "i64")
    count = code.variable("i64", "1")
    for names, offset in ((arguments, _ARGS), (results, _RETS)):
        listed = field("%frame", offset)
        for k, name in enumerate(names):
            buffer = code.load(listed, k, "ptr")
            dims, rank = field(buffer, _DIMS), field(buffer, _RANK, "i64")
            size, last = "1", rank
            for _ in range(axes.get(name, 1)):
                last = code.integer("sub", last, "1")
                size = code.integer("mul", size, code.load(dims, last, "i64"))
            place = operands.index(name)
            code.store(field(buffer, _DATA), pointers, place, "ptr")
            shared = code.value(f"icmp eq i64 {last}, 0")
            code.store(code.select(shared, "0", size, "i64"), strides, place, "i64")
            if names is results and not k:
                with code.loop(last) as axis:
                    lanes = code.integer("mul", code.load(count, kind="i64"), code.load(dims, axis, "i64"))
                    code.store(lanes, count, kind="i64")
    code.call(function, f"ptr {pointers}", f"ptr {strides}", f"i64 {code.load(count, kind='i64')}")
    code.put("ret ptr null")
    code.finish()


def emit_joined(module: IRModule, symbol: str, apart: bool) -> None:
    """A handler that joins any number n of numbers (…) to a vector (…, n), or takes such a vector `apart`."""
    code = open_handler(module, symbol)
    field = partial(_field, code)
    ends = (_ARGS, _RETS) if apart else (_RETS, _ARGS)
    whole, numbers = (field("%frame", end) for end in ends)
    total = field("%frame", ends[1] + _SIZE, "i64")
    vector = code.load(whole, 0, "ptr")
    entries, dims, rank = field(vector, _DATA), field(vector, _DIMS), field(vector, _RANK, "i64")
    lanes = code.variable("i64", "1")
    with code.loop(code.integer("sub", rank, "1")) as axis:
        length = code.load(dims, axis, "i64")
        code.store(code.integer("mul", code.load(lanes, kind="i64"), length), lanes, kind="i64")
    count = code.load(lanes, kind="i64")
    with code.loop(total) as k:
        number = field(code.load(numbers, k, "ptr"), _DATA)
        with code.loop(count) as lane:
            entry = code.integer("add", code.integer("mul", lane, total), k)
            if apart:
                code.store(code.load(entries, entry), number, lane)
            else:
                code.store(code.load(number, lane), entries, entry)
    code.put("ret ptr null")
    code.finish()


def register(name: str, library: Library, symbol: str = "handler") -> str:
    """Makes a handler of `library` known to XLA as `name`, once in a process; returns the name. XLA forgets nothing:
    the code stays loaded from then on."""
    with _lock:
        if name not in _registered:
            handler = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(library.address(symbol))
            jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(handler), platform="cpu")
            _registered[name] = library
    return name


def call(
    target: Callable[[int], str],
    n: int,
    t0: Any,
    t1: Any,
    y0: Any,
    p: Any,
    u: Any,
    tables: tuple[Any, ...],
    saveat: Any,
    rtol: Any,
    atol: Any,
    first_step: Any,
    max_step: Any,
    max_steps: Any,
) -> Reached:
    """The kernel on traced values: `target(lanes)` is its registered name; `tables` as `solver.Tables.flat`."""
    saveat, layout = _real(saveat).reshape(-1), _real(tables[0])
    given = {
        "t0": t0,
        "t1": t1,
        "rtol": rtol,
        "first_step": first_step,
        "max_step": max_step,
        "max_steps": max_steps,
        "attempts": math.inf,
        "saves": saveat.shape[0],
        "signals": layout.shape[0] // 3,
        "jumps": jnp.size(tables[3]),
        "knots": jnp.size(tables[4]) // 2,
        "capacity": 0.0,
        "resume": 0.0,
        "stiff": math.inf,
    }
    options = jnp.stack([_real(given[name]) for name in OPTIONS])
    y_at, scaled_at, width = state_areas(n)
    shapes = (width,), (saveat.shape[0], n)

    @jax.custom_batching.custom_vmap
    def kernel(*arguments):
        return _called(target(1), (), shapes, arguments)

    @kernel.def_vmap
    def _(count, batched, *arguments):
        whole = [
            a if own else jnp.broadcast_to(a, (count, *a.shape))
            for a, own in zip(arguments, batched, strict=True)
        ]
        return _called(target(count), (count,), shapes, whole), (True, True)

    atol = jnp.broadcast_to(_real(atol), (n,))
    arguments = (options, atol, *map(_real, (y0, p, u)), saveat, layout, *map(_real, tables[1:]))
    state, ys = kernel(*arguments)
    first = STATE.index("accepted")
    return Reached(
        ys,
        state[0],
        state[y_at:scaled_at],
        state[STATE.index("status")].astype(jnp.int32),
        state[first : first + 7].astype(jnp.int32),
        state[1],
        state[scaled_at:],
    )


def _called(name: str, lanes: tuple[int, ...], shapes: Any, arguments: Any) -> Any:
    kinds = [jax.ShapeDtypeStruct(lanes + shape, np.float64) for shape in shapes]
    return tuple(jax.ffi.ffi_call(name, kinds, vmap_method="broadcast_all")(*arguments))


def _real(value: Any) -> Any:
    return jnp.asarray(value, dtype=float)
