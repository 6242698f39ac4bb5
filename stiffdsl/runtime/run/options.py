"""Options of a run: those of the call, else of the experiment, else defaults."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from stiffdsl.runtime import tier
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.output_slice import OutputSlice
from stiffdsl.runtime.tolerance import absolute, names_quadratures
from stiffdsl.solve.base.options import Options


def run_options(
    model: CompiledProgram,
    rtol: float | None = None,
    atol: Any = None,
    method: str | None = None,
    max_steps: int | None = None,
    first_step: float | None = None,
    max_step: float | None = None,
    linear: str | None = None,
    quadratures: bool | None = None,
) -> Options:
    """Options of a solve: from the call, else from the experiment, else defaults. Raises `ValueError`."""
    said = model.experiment
    given = {
        "rtol": rtol if rtol is not None else said.get("rtol"),
        "atol": _entries(absolute(model, atol)) if atol is not None else said.get("atol"),
        "method": method if method is not None else said.get("method"),
        "max_steps": max_steps if max_steps is not None else said.get("max_steps"),
        "first_step": first_step if first_step is not None else said.get("first_step"),
        "max_step": max_step if max_step is not None else said.get("max_step"),
        "linear": linear,
        "quadratures": _quadratures(model, atol) if quadratures is None else quadratures,
    }
    given = {k: v for k, v in given.items() if v is not None}
    try:
        return _checked_options(**given)
    except TypeError:  # what is no number may not be hashed either
        return Options(**given)


def _quadratures(model: CompiledProgram, atol: Any) -> bool:
    """Whether quadratures count where nobody says so: as the experiment says, or since they have tolerances."""
    return model.experiment.get("include") == "quadratures" or names_quadratures(model, atol)


@lru_cache(maxsize=256, typed=True)
def _checked_options(**given: Any) -> Options:
    """The same options of call after call are checked once."""
    return Options(**given)


def _entries(atol: Any) -> Any:
    """A vector as `Options` holds one."""
    return atol if np.ndim(atol) == 0 else tuple(np.asarray(atol, dtype=float).tolist())


def restricted(options: Options, part: OutputSlice) -> Options:
    """The options for the part of a model that is left of it."""
    if not isinstance(options.atol, tuple):
        return options
    return replace(options, atol=tuple(np.asarray(options.atol)[part.kept].tolist()))


def default_method(model: CompiledProgram) -> str:
    """The method that a run uses when none is named."""
    return tier.chosen(model, run_options(model))
