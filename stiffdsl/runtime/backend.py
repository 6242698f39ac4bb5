"""Back ends: who evaluates and solves a compiled model on the device that JAX computes on; chosen here alone.

LLVM's machine code serves a CPU, XLA everything; another back end (kernels of a GPU) is one more entry of `BACKENDS`.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from stiffdsl import native
from stiffdsl.program.program import Function, Program
from stiffdsl.runtime import kernel_system
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import Signal
from stiffdsl.runtime.system import ModelSystem
from stiffdsl.solve.base import kernels

# Up to so many unknowns guesses are good enough to plan pivots: others cost little.
FEW = 40


class Backend(Protocol):
    """A maker of solvers and functions of a model.

    `threads`: whether the lanes of an ensemble step on their own, on threads of the host; else they share slots of one
    program. `quick_choices`: whether a look at the model on the host before a solve pays.
    """

    name: str
    threads: bool
    quick_choices: bool

    def serves(self) -> bool:
        """Whether it is made for the device that JAX computes on."""
        ...

    def solver(self, model: CompiledProgram, method: str, signals: tuple[Signal, ...]) -> Any:
        """Its own solver of whole solves (`native.NativeSolver`) for a method and inputs of that kind, built when first
        asked for; the reason why there is none, as text, where the loop in JAX steps."""
        ...

    def stepped(self, model: CompiledProgram, driven: bool) -> ModelSystem:
        """The system that the loop in JAX steps; `driven`: some input changes with time."""
        ...

    def functions(self, model: CompiledProgram) -> Any:
        """The functions that a program of JAX calls around its steps."""
        ...

    def function(self, program: Program, function: Function, portable: Callable[..., Any]) -> Any:
        """One function of a program; `portable` is its text in JAX."""
        ...

    def search(
        self, problem: Any, sample: np.ndarray | None, form: native.Form
    ) -> native.SearchKernel | None:
        """A search for a root of a problem as one call; None where Newton's method in JAX serves."""
        ...


class LLVM:
    """Machine code on a CPU: whole solves, functions, factors and searches as kernels."""

    name, threads, quick_choices = "llvm", True, True

    def serves(self) -> bool:
        return kernels.target(self.name) is not None

    def solver(self, model: CompiledProgram, method: str, signals: tuple[Signal, ...]) -> Any:
        for signal in signals:
            if signal.function is not None:
                return f"the input `{signal.name}` is a function of time: kernels take tables"
        return built(model, method)

    def stepped(self, model: CompiledProgram, driven: bool) -> ModelSystem:
        return by_kernels(model, driven)

    def functions(self, model: CompiledProgram) -> Any:
        return _functions(model)

    def function(self, program: Program, function: Function, portable: Callable[..., Any]) -> Any:
        return native.kernel_of(program, function, portable)

    def search(
        self, problem: Any, sample: np.ndarray | None, form: native.Form
    ) -> native.SearchKernel | None:
        return native.search_of(problem, sample, form)


class XLA:
    """The portable tier: all of a solve is a program of JAX."""

    name, threads, quick_choices = "xla", False, False

    def serves(self) -> bool:
        return True

    def solver(self, model: CompiledProgram, method: str, signals: tuple[Signal, ...]) -> str:
        return "JAX runs on another device than a CPU"

    def stepped(self, model: CompiledProgram, driven: bool) -> ModelSystem:
        return model.system(driven)

    def functions(self, model: CompiledProgram) -> Any:
        return model.functions

    def function(self, program: Program, function: Function, portable: Callable[..., Any]) -> Any:
        return portable

    def search(self, problem: Any, sample: np.ndarray | None, form: native.Form) -> None:
        return None


kernels.provide(LLVM.name, lambda: LLVM.name)
BACKENDS: tuple[Backend, ...] = (LLVM(), XLA())


def backend() -> Backend:
    """The back end for the device that JAX computes on."""
    # A loop, not `next` of a generator: this is asked several times a call.
    for one in BACKENDS:
        if one.serves():
            return one
    raise AssertionError("XLA serves every device")


@artifact
def built(model: CompiledProgram, method: str) -> Any:
    """The kernel of whole solves for a method, or the reason why there is none."""
    sizes = model.thresholds
    return native.build(model.program, method, _pivot_state(model), sizes.form, sizes.calls)


def _pivot_state(model: CompiledProgram) -> np.ndarray | None:
    """A consistent state for the declared parameters, where pivots should be planned by it."""
    if model.program.size <= FEW or np.all(model.program.mass):
        return None
    found = model.declared_start(model)
    return None if found is None else np.asarray(found.y)


@artifact
def by_kernels(model: CompiledProgram, driven: bool) -> ModelSystem:
    """The system whose equations, Jacobian and factors are kernels; the portable one where they cannot be."""
    own, names = _kernels(model), model.system(driven)
    return names if own is None else kernel_system.KernelSystem(model.program, own, names, driven)


@artifact
def _kernels(model: CompiledProgram) -> Any:
    return kernel_system.kernels(model.program, model.functions)


@artifact
def _functions(model: CompiledProgram) -> Any:
    return native.called(model.program, model.functions)
