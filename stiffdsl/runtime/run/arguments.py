"""Parameters and inputs of a run as solvers take them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.runtime.backend import backend
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import Inputs, Signal
from stiffdsl.runtime.system import Args


def run_arguments(
    model: CompiledProgram, params: Overrides, constant: Overrides, signals: tuple[Signal, ...]
) -> Args:
    """Parameters and inputs as the solver takes them; values of JAX stay traced."""
    traced = any(isinstance(v, jax.Array) for v in (params.values, constant.values))
    return _arguments(model, traced, params, constant, signals)


def traced_arguments(
    model: CompiledProgram, params: Overrides, constant: Overrides, signals: tuple[Signal, ...]
) -> Args:
    """The arguments by JAX, as a part of what is traced."""
    return _arguments(model, True, params, constant, signals)


def _arguments(
    model: CompiledProgram,
    traced: bool,
    params: Overrides,
    constant: Overrides,
    signals: tuple[Signal, ...],
) -> Args:
    """The arguments by JAX, where the program is part of what is `traced`, or by NumPy."""
    if not (traced or params.given or constant.given):
        declared = model.default_arguments()
        return declared._replace(inputs=Inputs(declared.inputs.constant, signals)) if signals else declared
    functions = backend().functions(model) if traced else model.interpreted
    xp: Any = jnp if traced else np
    with np.errstate(all="ignore"):
        p = functions.parameters(xp.asarray(params.values), xp.asarray(params.mask, dtype=float))
        u = functions.input_defaults(p)
        if constant.given:
            u = xp.where(constant.mask, constant.values, u)
    return Args(p, Inputs(u, signals))
