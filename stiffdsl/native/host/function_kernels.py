"""The functions of a model as kernels that JAX calls one by one: what the methods need that step in JAX.

    rhs(t, y, P, u)    jacobian(t, y, P, u)         and `side`, where the program's functions take it
    P = extended(p)    the parameters, and what depends on them alone (`program/hoist.py`)

XLA would compile the equations for ten seconds and more; LLVM takes a tenth of that, and the code is kept on disk by
its content. First derivatives are kernels too, compiled when they are asked for; second ones are those of the functions
in JAX.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.native.functions.emission import emit_function
from stiffdsl.native.functions.hoist import is_looped
from stiffdsl.native.host import engine, ffi
from stiffdsl.native.host.call import Kernel, emit_lanes
from stiffdsl.native.host.engine import Library
from stiffdsl.native.ir.code import IRModule
from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.derivatives.forward import directional
from stiffdsl.program.derivatives.reverse import pullback
from stiffdsl.program.hoist import Hoisted, Tabled
from stiffdsl.program.program import Function
from stiffdsl.solve.linear.linear_map import linear_map

InJax = Callable[[Function, dict[str, np.ndarray]], Callable[..., Any]]


@dataclass(frozen=True, eq=False)
class Listed:
    """A function, its tables, and the sizes of its arguments and of its result; a number has the size None."""

    function: Function
    tables: dict[str, np.ndarray]
    sizes: tuple[int | None, ...]
    result: int
    # The function over JAX, from its operations and tables: second derivatives are its own.
    in_terms_of_jax: InJax

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [() if size is None else (size,) for size in self.sizes]

    def in_jax(self) -> Callable[..., Any]:
        return self.in_terms_of_jax(self.function, self.tables)

    def written(self, kind: str) -> Tabled:
        """The function itself; forward, `f_dot(…, t_dot, y_dot, …)`; backward, `f_back(…, bar)`: the cotangents of all
        arguments, end to end."""
        function, names = self.function, self.function.arguments
        match kind:
            case "forward":
                derived = directional(function, self.tables, names)
                return derived or _zeros(
                    f"{function.name}_dot", (*names, *(f"{a}_dot" for a in names)), self.result
                )
            case "backward":
                lengths = [1 if size is None else size for size in self.sizes]
                derived = pullback(function, self.tables, list(zip(names, lengths, strict=True)))
                return derived or _zeros(f"{function.name}_back", (*names, "bar"), sum(lengths))
        return function, self.tables


def _zeros(name: str, arguments: tuple[str, ...], size: int) -> Tabled:
    """The derivative of what does not change."""
    builder = Builder(ConstantTables())
    ops, *_ = builder.needed(builder.full(builder.number(0.0), size))
    return Function(name, arguments, "Nothing changes.", ops), {}


class Listing:
    """Functions whose kernels are one module of machine code, another for each kind of their derivatives. `seldom`:
    see `engine.load`."""

    def __init__(self, key: str, listed: Sequence[Listed] = (), seldom: bool = False):
        self.key, self._listed, self._seldom = key, list(listed), seldom
        self._libraries: dict[str, Library] = {}

    def functions(self) -> list[Callable[..., Any]]:
        """All of them over JAX, differentiable."""
        return [self._differentiable(listed) for listed in self._listed]

    def _differentiable(self, listed: Listed) -> Callable[..., Any]:
        """The kernel of a function, with its derivatives."""
        value_kernel = self._kernel("", listed.function.name, listed.shapes, listed.result)
        forward, backward = self._along(listed), self._back(listed)

        @jax.custom_jvp
        def value(*arguments):
            return value_kernel(*arguments)

        def tangent(primals, tangents):
            return value(*primals), linear_map(forward, backward, primals, tangents)

        value.defjvp(tangent)
        return value

    def _along(self, listed: Listed) -> Callable[..., Any]:
        """`forward(arguments, directions)`: the derivative of the result."""
        kernel = self._kernel("forward", f"{listed.function.name}_dot", 2 * listed.shapes, listed.result)

        @jax.custom_jvp
        def forward(arguments, directions):
            return kernel(*arguments, *directions)

        def in_jax(arguments, directions):
            return jax.jvp(listed.in_jax(), arguments, directions)[1]

        forward.defjvp(lambda primals, tangents: jax.jvp(in_jax, primals, tangents))
        return forward

    def _back(self, listed: Listed) -> Callable[..., Any]:
        """`backward(arguments, bar)`: the cotangents of the arguments."""
        lengths = [1 if size is None else size for size in listed.sizes]
        shapes = [*listed.shapes, (listed.result,)]
        kernel = self._kernel("backward", f"{listed.function.name}_back", shapes, sum(lengths))

        @jax.custom_jvp
        def backward(arguments, bar):
            parts = jnp.split(kernel(*arguments, bar), np.cumsum(lengths)[:-1])
            return tuple(part.reshape(shape) for part, shape in zip(parts, listed.shapes, strict=True))

        def in_jax(arguments, bar):
            return jax.vjp(listed.in_jax(), *arguments)[1](bar)

        backward.defjvp(lambda primals, tangents: jax.jvp(in_jax, primals, tangents))
        return backward

    def _kernel(self, kind: str, name: str, shapes: list[tuple[int, ...]], result: int) -> Kernel:
        return Kernel(lambda: self._target(kind, name), shapes, (result,))

    def _target(self, kind: str, name: str) -> str:
        """The name that XLA knows a kernel by."""
        key = f"{self.key}.{kind}" if kind else self.key
        if kind not in self._libraries:
            self._libraries[kind] = engine.load(key, lambda: self._text(kind), self._seldom)
        return ffi.register(f"stiffdsl_{key}.{name}", self._libraries[kind], f"{name}_handler")

    def _text(self, kind: str) -> str:
        """The module of the functions, or that of their derivatives."""
        module = IRModule()
        for listed in self._listed:
            function, tables = listed.written(kind)
            scratch = emit_function(module, function, tables)
            emit_lanes(module, function.name, function.arguments, scratch)
        return module.text()


class Functions(Listing):
    """The kernels of one model: `rhs` and `jacobian` over extended parameters, and `extended`."""

    def __init__(
        self,
        key: str,
        rhs: Tabled,
        jacobian: Tabled,
        n: int,
        parameters: int,
        inputs: int,
        sides: int,
        in_jax: InJax,
    ):
        super().__init__(key)
        self.given = parameters
        split = Hoisted([rhs, jacobian], parameters, is_looped)
        if split.prepare is None:
            written = [rhs, jacobian]
        else:
            written = [(function, split.tables) for function in split.functions]
        sizes = {"t": None, "y": n, "p": split.parameters, "u": inputs, "side": sides}
        self.sides = sides
        self._listed = [
            Listed(
                f,
                tables,
                tuple(sizes[a] for a in f.arguments),
                1 if f.ops[-1].size is None else f.ops[-1].size,
                in_jax,
            )
            for f, tables in written
        ]
        self.rhs, self.jacobian = self.functions()
        self._prepare = None
        if split.prepare is not None:
            made = Listed(split.prepare, split.tables, (parameters,), split.parameters - parameters, in_jax)
            self._listed.append(made)
            self._prepare = self._differentiable(made)
        # Outside of a program that is compiled, too.
        self.extended = jax.jit(self._extended)

    def _extended(self, p: Any) -> Any:
        """The parameters as the kernels take them."""
        p = jnp.asarray(p, dtype=float)
        return p if self._prepare is None else jnp.concatenate([p, self._prepare(p)])
