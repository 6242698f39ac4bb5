"""A program as functions: its text run over JAX, or over NumPy."""

import linecache
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.program import text
from stiffdsl.program.pack import packed
from stiffdsl.program.program import Function, Program
from stiffdsl.runtime.export import array_library


def functions(program: Program) -> Any:
    """The functions of `program` (see there) as attributes of one object: pure, traceable, float64."""
    # They may be made while a caller is traced, and outlive that: their tables must not belong to the trace.
    with jax.ensure_compile_time_eval():
        return _run(packed(program), array_library.JAX, jnp.asarray)


def numpy_functions(program: Program) -> Any:
    """The same text over NumPy: what tests compare with."""
    return _run(program, array_library.NUMPY, lambda a: a)


def function(function: Function, tables: dict[str, np.ndarray]) -> Callable[..., Any]:
    """One function over JAX."""
    return _space((function,), tables, f"{id(function)}", array_library.JAX, jnp.asarray)[function.name]


def _run(program: Program, library: dict[str, Any], convert: Callable[[Any], Any]) -> Any:
    where = f"{program.system.flat.name} {id(program)}"
    space = _space(program.functions, program.tables, where, library, convert)
    return SimpleNamespace(**{f.name: space[f.name] for f in program.functions})


def _space(
    functions: Sequence[Function],
    tables: dict[str, np.ndarray],
    where: str,
    library: dict[str, Any],
    convert: Callable[[Any], Any],
) -> dict[str, Any]:
    """The functions by their names."""
    space: dict[str, Any] = dict(library)
    # Indices stay NumPy arrays, known to XLA as constants; only values are converted.
    space |= {name: table if table.dtype.kind == "i" else convert(table) for name, table in tables.items()}
    for function in functions:
        written = text.write(function, tables)
        file = f"<{function.name} of {where}>"
        exec(compile(written, file, "exec"), space)
        # Tracebacks and debuggers find the lines here.
        linecache.cache[file] = (len(written), None, written.splitlines(keepends=True), file)
    return space
