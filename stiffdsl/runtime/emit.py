"""A program as functions: its text run over JAX, or over NumPy."""

import linecache
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp

from stiffdsl.program import text
from stiffdsl.program.pack import packed
from stiffdsl.program.program import Program
from stiffdsl.runtime import array_library


def functions(program: Program) -> Any:
    """The functions of `program` (see there) as attributes of one object: pure, traceable, float64."""
    return _run(packed(program), array_library.JAX, jnp.asarray)


def numpy_functions(program: Program) -> Any:
    """The same text over NumPy: what tests compare with."""
    return _run(program, array_library.NUMPY, lambda a: a)


def _run(program: Program, library: dict[str, Any], convert: Callable[[Any], Any]) -> Any:
    space: dict[str, Any] = dict(library)
    # Indices stay NumPy arrays, known to XLA as constants; only values are converted.
    space |= {
        name: table if table.dtype.kind == "i" else convert(table) for name, table in program.tables.items()
    }
    for function in program.functions:
        written = text.write(function, program.tables)
        file = f"<{program.system.flat.name}.{function.name} {id(program)}>"
        exec(compile(written, file, "exec"), space)
        # Tracebacks and debuggers find the lines here.
        linecache.cache[file] = (len(written), None, written.splitlines(keepends=True), file)
    return SimpleNamespace(**{f.name: space[f.name] for f in program.functions})
