"""The registry of surrogate methods: a method is added by a folder beside this file and a line in `METHODS`."""

from collections.abc import Mapping
from typing import Any

from stiffdsl.surrogate.core.fitted import FittedFormula
from stiffdsl.surrogate.core.method import SurrogateMethod
from stiffdsl.surrogate.core.stored import FormulaFormat
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.methods.driven.method import DRIVEN_LPCTESN, DRIVEN_NPCTESN, REGRESSION
from stiffdsl.surrogate.methods.expansion.method import LPCTESN, NEURAL, NPCTESN, RBF
from stiffdsl.surrogate.methods.galerkin.method import GALERKIN
from stiffdsl.surrogate.methods.gp.method import GP
from stiffdsl.surrogate.methods.kernel_ridge.method import KERNEL_RIDGE
from stiffdsl.surrogate.methods.recurrent.method import RECURRENT
from stiffdsl.surrogate.methods.registered.method import REGISTERED

# In the order that `auto` tries them: the quick ones come first.
METHODS: tuple[SurrogateMethod, ...] = (
    RBF,
    LPCTESN,
    NPCTESN,
    GP,
    KERNEL_RIDGE,
    NEURAL,
    REGISTERED,
    REGRESSION,
    DRIVEN_LPCTESN,
    DRIVEN_NPCTESN,
    RECURRENT,
    GALERKIN,
)
# Trained where no method is asked for: without inputs over time, and with them.
DEFAULT, DEFAULT_DRIVEN = LPCTESN, DRIVEN_NPCTESN


def names() -> tuple[str, ...]:
    """The names of all methods, each once."""
    return tuple(dict.fromkeys(m.name for m in METHODS))


def candidates(task: Task) -> tuple[SurrogateMethod, ...]:
    """The methods for tasks of this kind, with inputs over time or without, whether they fit this one or not."""
    return tuple(m for m in METHODS if m.inputs == bool(task.drives))


def method_of(task: Task, name: str) -> SurrogateMethod:
    """The method of that name for tasks of this kind."""
    return next(m for m in candidates(task) if m.name == name)


def description_of(name: str) -> str | None:
    """The description of a method; None where it is not known (any more)."""
    return next((m.description for m in METHODS if m.name == name), None)


def format_of(formula: FittedFormula) -> FormulaFormat:
    """The format that a formula is stored in."""
    return next(m.format for m in METHODS if type(formula) is m.format.made)


def format_in(meta: Mapping[str, Any]) -> FormulaFormat:
    """The format of a stored formula, by the JSON beside its arrays. Raises `ValueError` for one of another version.

    Folders that do not name it are older: the registered formula, which stores a plain one too, comes after that in
    the registry.
    """
    key = meta.get("formula")
    found = [m.format for m in METHODS if (m.format.key in meta if key is None else m.format.key == key)]
    if not found:
        raise ValueError(f"its formula is none that this stiffdsl knows{f': `{key}`' if key else ''}")
    return found[-1]
