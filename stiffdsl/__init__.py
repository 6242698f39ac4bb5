"""stiffdsl: a modelling language with a symbolic compiler, stiff solvers in JAX, and trusted surrogates.

In three lines:

    import stiffdsl as sd
    model = sd.load("robertson.sml")
    sol = model.simulate(time=(0, 1e5))
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stiffdsl.diagnostics import ModelError
from stiffdsl.solve.base.pictures import provide

if TYPE_CHECKING:
    from stiffdsl.model import CompiledModel
    from stiffdsl.solve.base.status import Status
    from stiffdsl.solve.integrate.ensemble import InterruptedRuns
    from stiffdsl.solve.integrate.solution import Interrupted, OutsideDomainWarning
    from stiffdsl.surrogate.core.surrogate import Surrogate
    from stiffdsl.surrogate.part.part_surrogate import PartSurrogate

    __version__: str

__all__ = [
    "Interrupted",
    "InterruptedRuns",
    "ModelError",
    "OutsideDomainWarning",
    "Status",
    "__version__",
    "load",
    "load_surrogate",
    "loads",
]

# Names that come with JAX are fetched when they are asked for: `stiffdsl --help` must not wait for it.
_LATER = {
    "CompiledModel": "stiffdsl.model",
    "Interrupted": "stiffdsl.solve.integrate.solution",
    "InterruptedRuns": "stiffdsl.solve.integrate.ensemble",
    "OutsideDomainWarning": "stiffdsl.solve.integrate.solution",
    "Status": "stiffdsl.solve.base.status",
}

# Matplotlib is imported when something is drawn.
provide("solution", lambda: import_module("stiffdsl.report.solution").plot_solution)
provide("ensemble", lambda: import_module("stiffdsl.report.ensemble").plot_ensemble)


def load(
    path: str | Path,
    model: str | None = None,
    constants: Mapping[str, float | str] | None = None,
    *,
    tables: Mapping[str, Any] | None = None,
    eliminate_conserved: bool = False,
) -> "CompiledModel":
    """Compiles the `.sml` file at `path`, or the library's of that name: its main model, or the one named `model`.

    `constants` replaces values of `const` declarations by name, `tables` figures of tables: `{"ocv": (x, values)}` in
    declared units, of any number of rows (`simulate(tables=…)` takes as many as there are). With
    `eliminate_conserved`, every conserved quantity (`model.conserved`) gives one state by the others and is held
    exactly. Raises `ModelError` where the model is wrong.
    """
    from stiffdsl.pipeline import compile_model
    from stiffdsl.solve.base import arguments
    from stiffdsl.sources import located, read

    arguments.path(path, "`path`")
    return compile_model(
        read(located(path)), model, constants, tables=tables, eliminate_conserved=eliminate_conserved
    )


def loads(
    text: str,
    model: str | None = None,
    constants: Mapping[str, float | str] | None = None,
    *,
    tables: Mapping[str, Any] | None = None,
    eliminate_conserved: bool = False,
) -> "CompiledModel":
    """Compiles a model given as text, as `load` does; imports are looked up in the working folder and the library."""
    from stiffdsl.diagnostics import Source
    from stiffdsl.pipeline import compile_model
    from stiffdsl.solve.base import arguments

    arguments.text(text, "`text`")
    source = Source("<text>", text)
    return compile_model(source, model, constants, tables=tables, eliminate_conserved=eliminate_conserved)


def load_surrogate(directory: str | Path, full: Any = None) -> "Surrogate | PartSurrogate":
    """Reads a surrogate that `surrogate.save(directory)` wrote; that of a part is compiled.

    `full` is the model that it was trained on: it answers outside of the domain where a call says `fallback=True`.
    Raises `ValueError` for another model.
    """
    from stiffdsl.runtime.session import prepare

    prepare()

    from stiffdsl.solve.base import arguments
    from stiffdsl.surrogate.part.part_surrogate import is_part
    from stiffdsl.surrogate.part.part_surrogate import load as read_part
    from stiffdsl.surrogate.storage import load as read_surrogate

    arguments.path(directory, "`directory`")
    if is_part(directory):
        return read_part(directory, loads)

    return read_surrogate(directory, full)


def _version() -> str:
    # To look it up takes longer than all else that `stiffdsl --help` does.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("stiffdsl")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+checkout"


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'stiffdsl' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names of the public interface; the stages of the compiler are modules that users need not see."""
    return sorted([*__all__, "CompiledModel"])
