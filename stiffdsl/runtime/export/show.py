"""The compiled model as text: the Python module that `stiffdsl compile -o` writes."""

from typing import Any

from stiffdsl.runtime.export.python_module import source


def show(model: Any) -> str:
    """The module of a `CompiledModel`."""
    return source(model)
