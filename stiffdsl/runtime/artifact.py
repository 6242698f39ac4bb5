"""Artifacts: what the modules of `runtime` make of a model once, for all of its calls.

A function of a model that is an `artifact` is evaluated at the first call with given arguments, and remembered by the
model: kernels, compiled programs of JAX, the consistent start of the declared values. Arguments are part of the key and
must be hashable. An artifact must follow from the program and the arguments alone: what differs from call to call
(values, masks of what was given) belongs to the arguments of what is made.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, Generic, ParamSpec, TypeVar

from stiffdsl.runtime.compiled import CompiledProgram

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")


class artifact(Generic[Arguments, Made]):
    """Decorator of a function `(model, *arguments)` whose result the model remembers."""

    def __init__(self, make: Callable[Concatenate[CompiledProgram, Arguments], Made]):
        self.make = make
        update_wrapper(self, make)

    def __call__(self, model: CompiledProgram, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Made:
        assert not kwargs, "arguments of artifacts are given by position: they are the key"
        key = (self, args)
        if key not in model.artifacts:
            model.artifacts[key] = self.make(model, *args, **kwargs)
        return model.artifacts[key]

    def is_made(self, model: CompiledProgram, *args: Arguments.args, **_: Arguments.kwargs) -> bool:
        """Whether the artifact of these arguments was asked for before."""
        return (self, args) in model.artifacts
