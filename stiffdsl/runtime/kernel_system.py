"""A model whose equations, Jacobian and factors are kernels, for the methods that step in JAX."""

import hashlib
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from stiffdsl.native.factors import lu
from stiffdsl.native.factors.factors import FactorKernels
from stiffdsl.native.host import engine
from stiffdsl.native.host.build import static_plan
from stiffdsl.native.host.digest import digest_of, sources
from stiffdsl.native.host.function_kernels import Functions
from stiffdsl.program.program import Program
from stiffdsl.runtime import emit
from stiffdsl.runtime.system import Args, ModelSystem

# Up to so many unknowns XLA writes the whole loop of steps into one function, which calls of kernels would take apart.
FEW = 4
# Beyond so many unknowns XLA's functions are faster, and take less of a first call (a ladder of 5000: 64 ms for 112).
MANY = 2500


class KernelSystem(ModelSystem):
    """As `ModelSystem`, over `extended` arguments."""

    def __init__(self, program: Program, kernels: "_Kernels", named: ModelSystem, driven: bool):
        super().__init__(program, kernels.functions, lambda: named.names, driven)
        self.direct, self._extended = kernels.factors, kernels.extended

    def extended(self, args: Args) -> Args:
        """The arguments with what depends on parameters alone."""
        return args._replace(p=self._extended(args.p))


def kernels(program: Program, portable: Any) -> "_Kernels | None":
    """The kernels of a program whose functions in JAX are `portable`; None where they are not worth it, or LLVM is
    missing."""
    if not FEW < program.size <= MANY or not engine.available():
        return None
    return _Kernels(program, portable)


class _Kernels:
    """Kernels that the systems of one model share; `factors` is None where a static order fills in too much."""

    def __init__(self, program: Program, portable: Any):
        flat = program.system.flat
        rhs, jacobian = program.by_name["rhs"], program.by_name["jacobian"]
        digest = hashlib.sha256(sources() + digest_of((rhs, jacobian), program.tables))
        key = digest.hexdigest()
        of_model = Functions(
            key,
            (rhs, program.tables),
            (jacobian, program.tables),
            program.size,
            sum(b.size for b in flat.parameters),
            sum(b.size for b in flat.inputs),
            len(program.crossings_periodic),
            emit.function,
        )
        self.extended = of_model.extended
        self.functions = _Extended(program, portable, of_model)
        plan = static_plan(program)
        self.factors = None
        if isinstance(plan, lu.Plan):
            for array in (
                plan.row,
                plan.column,
                plan.pattern_rows,
                plan.pattern_columns,
                plan.source,
                plan.mass,
            ):
                digest.update(np.ascontiguousarray(array).tobytes() + b"|")
            self.factors = FactorKernels(digest.hexdigest(), plan, len(program.rows))


class _Extended:
    """The functions of a program over extended parameters."""

    def __init__(self, program: Program, portable: Any, of_model: Functions):
        for function in program.functions:
            own = getattr(portable, function.name)
            setattr(self, function.name, _over(own, function.arguments, of_model.given))
        for name in ("rhs", "jacobian"):
            kernel, arguments = getattr(of_model, name), program.by_name[name].arguments
            setattr(self, name, _sided(kernel, of_model.sides) if "side" in arguments else kernel)


def _over(function: Callable[..., Any], arguments: tuple[str, ...], given: int) -> Callable[..., Any]:
    """`function` of parameters of which only the first ones are given."""
    if "p" not in arguments:
        return function
    place = arguments.index("p")

    def over(*values, **named):
        return function(*values[:place], values[place][:given], *values[place + 1 :], **named)

    return over


def _sided(kernel: Callable[..., Any], count: int) -> Callable[..., Any]:
    return lambda t, y, p, u, side=None: kernel(t, y, p, u, jnp.full(count, t) if side is None else side)
