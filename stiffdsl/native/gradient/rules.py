"""Derivatives of native solves inside JAX: `forward` along directions, `backward` from cotangents.

`vmap` over directions alone makes one call that shares the steps of the solve among all of them; over anything else,
lanes. Their code is compiled when it is first asked for. Not differentiable themselves.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from stiffdsl.native.gradient import derivatives
from stiffdsl.native.gradient.tape import instant_rows, record_areas
from stiffdsl.native.host import engine, ffi
from stiffdsl.native.host.engine import Library
from stiffdsl.native.ir.form import CALL_SIZES, CallSizes
from stiffdsl.native.step.attempt import KernelModel, is_small
from stiffdsl.native.step.layout import OPTIONS
from stiffdsl.solve.base.method import LEAST_ATOL


class Primal(NamedTuple):
    """A solve as its kernel takes it: `tables` are arrays (`solver.Tables.flat`)."""

    t0: Any
    t1: Any
    y0: Any
    p: Any
    u: Any
    tables: tuple[Any, ...]
    saveat: Any
    rtol: Any
    atol: Any
    first_step: float = 0.0
    max_step: float = math.inf


class LinearKernels:
    """The two kernels of one model and method."""

    def __init__(self, key: str, model: KernelModel, sizes: CallSizes = CALL_SIZES):
        self.key, self.model, self.sizes = key, model, sizes
        self.record = record_areas(model).size
        self.eventful = model.events is not None
        self._libraries: dict[str, Library] = {}

    def forward(
        self,
        primal: Primal,
        max_steps: int,
        y0: Any,
        p: Any,
        u: Any,
        values: Any,
        guide: Primal | None = None,
    ) -> tuple[Any, ...]:
        """The derivatives of the end and of the saved values, for those of what moves; with events, also that of the
        time that the solve comes to. With a `guide`, a solve of the same tables and times saved, those for the steps
        that it takes."""
        capacity = max(8, self.sizes.forward_tape // (8 * self.record))
        rows = jnp.size(primal.saveat)
        shapes = ((self.model.n,), (rows, self.model.n), (1,))[: 3 if self.eventful else 2]
        p = jnp.concatenate([_real(p), np.zeros(self.model.parameters - self.model.given)])
        found = self._linear("forward", primal, max_steps, capacity, (y0, p, u, values), shapes, guide)
        return (*found[:2], *(time[0] for time in found[2:]))

    def backward(
        self, primal: Primal, max_steps: int, ends: Sequence[Any], guide: Primal | None = None
    ) -> tuple[Any, Any, Any, Any]:
        """The cotangents of y0, p, u and the values of tables, for those of what `forward` gives; `guide` as there."""
        capacity = max(self.sizes.tape // (8 * self.record), math.isqrt(max_steps) + 1)
        sizes = self.model.n, self.model.parameters, self.model.inputs, jnp.size(primal.tables[2])
        shapes = [(size,) for size in sizes]
        y, ys, *times = ends
        moving = (y, ys, *(jnp.reshape(time, 1) for time in times))
        found = self._linear("backward", primal, max_steps, capacity, moving, shapes, guide)
        return found[0], found[1][: self.model.given], *found[2:]

    def _linear(
        self,
        kind: str,
        primal: Primal,
        max_steps: int,
        capacity: int,
        moving: Sequence[Any],
        shapes: Sequence[tuple[int, ...]],
        guide: Primal | None,
    ) -> Any:
        saveat, layout = _real(primal.saveat).reshape(-1), _real(primal.tables[0])
        capacity = min(capacity, max_steps)
        given = dict.fromkeys(OPTIONS, 0.0)
        given |= {"rtol": primal.rtol, "first_step": primal.first_step, "max_step": primal.max_step}
        given |= {"max_steps": max_steps, "attempts": math.inf, "capacity": capacity}
        given |= {"signals": layout.shape[0] // 3, "jumps": jnp.size(primal.tables[3])}
        given["knots"] = jnp.size(primal.tables[4]) // 2

        def options_of(primal: Primal) -> Any:
            own = given | {"t0": primal.t0, "t1": primal.t1}
            return jnp.stack([_real(own[name]) for name in OPTIONS])

        # Rows that are no steps fill segments, too.
        rows = max_steps * (1 + instant_rows(self.model))
        sizes = saveat.shape[0], rows // capacity + 2, jnp.size(primal.tables[2])
        atol = jnp.broadcast_to(jnp.maximum(_real(primal.atol), LEAST_ATOL), (self.model.n,))
        vectors = map(_real, (primal.y0, primal.p, primal.u))
        arguments = (options_of(primal), atol, *vectors, saveat, layout, *map(_real, primal.tables[1:]))
        if guide is not None:
            kind += ".guided"
            more = map(_real, (guide.y0, guide.p, guide.u, guide.tables[2]))
            arguments = (*arguments, options_of(guide), *more)
        call = _Call(partial(self._target, kind), sizes, tuple(shapes))
        found = call.bind((), 1, arguments, [_real(value)[None] for value in moving])
        return tuple(value[0] for value in found)

    def _target(self, kind: str, directions: int) -> str:
        """The name that XLA knows the kernel for so many directions by."""
        kind, guided = kind.removesuffix(".guided"), kind.endswith(".guided")
        several = is_small(self.model) and self.model.project is None
        width = engine.vector_width(self.model.n) if several else 1
        width = 1 if directions < width else width
        name = f"{self.key}.{kind}.{width}" + ".guided" * guided
        if name not in self._libraries:

            def text() -> str:
                if kind == "backward":
                    return derivatives.emit_backward(self.model, width, guided)
                return derivatives.emit_forward(self.model, width, guided)

            self._libraries[name] = engine.load(name, text)
        return ffi.register(f"stiffdsl_{name}", self._libraries[name])


class _Call:
    """One kernel, for any number of lanes and directions: arguments have the axes `lanes`, what moves and the results
    also that of directions."""

    def __init__(
        self, target: Callable[[int], str], sizes: tuple[int, int, int], shapes: tuple[tuple[int, ...], ...]
    ):
        self.target, self.sizes, self.shapes = target, sizes, shapes

    def bind(
        self, lanes: tuple[int, ...], directions: int, arguments: Sequence[Any], moving: Sequence[Any]
    ) -> Any:
        return _linear_p.bind(
            *arguments, *moving, call=self, lanes=lanes, directions=directions, count=len(arguments)
        )

    def results(self, lanes: tuple[int, ...], directions: int) -> list[tuple[int, ...]]:
        return [(*lanes, directions, *shape) for shape in self.shapes]


_linear_p = Primitive("native_linear")
_linear_p.multiple_results = True


@_linear_p.def_abstract_eval
def _(*values, call: _Call, lanes, directions, count):
    del values, count
    return [ShapedArray(shape, np.dtype(float)) for shape in call.results(lanes, directions)]


def _called(*values, call: _Call, lanes, directions, count):
    """The call itself: only here is the kernel compiled."""
    del count
    options, *others = values
    rows, segments, points = call.sizes
    more = jnp.broadcast_to(np.array([rows, directions, segments, points], float), (*lanes, 4))
    options = jnp.concatenate([options, more], axis=-1)
    kinds = [jax.ShapeDtypeStruct(shape, np.float64) for shape in call.results(lanes, directions)]
    return jax.ffi.ffi_call(call.target(directions), kinds)(options, *others)


@_linear_p.def_impl
def _(*values, **parameters):
    return jax.jit(partial(_called, **parameters))(*values)


def _batch(values, axes, *, call: _Call, lanes, directions, count):
    size = next(v.shape[d] for v, d in zip(values, axes, strict=True) if d is not None)
    alone = all(axis is None for axis in axes[:count])

    def whole(value, axis, place):
        if axis is None:
            shape = (*value.shape[:place], size, *value.shape[place:])
            return jnp.broadcast_to(jnp.expand_dims(value, place), shape)
        return jnp.moveaxis(value, axis, place)

    if not alone:
        values = [whole(v, axis, 0) for v, axis in zip(values, axes, strict=True)]
        return call.bind((size, *lanes), directions, values[:count], values[count:]), [0] * len(call.shapes)
    # More directions: their axis follows those of lanes.
    place = len(lanes)
    moving = [whole(v, axis, place) for v, axis in zip(values[count:], axes[count:], strict=True)]
    moving = [v.reshape(*lanes, size * directions, *v.shape[place + 2 :]) for v in moving]
    found = call.bind(lanes, size * directions, values[:count], moving)
    found = [v.reshape(*lanes, size, directions, *v.shape[place + 1 :]) for v in found]
    return found, [place] * len(found)


batching.primitive_batchers[_linear_p] = _batch
mlir.register_lowering(_linear_p, mlir.lower_fun(_called, multiple_results=True))


def _real(value: Any) -> Any:
    return jnp.asarray(value, dtype=float)
