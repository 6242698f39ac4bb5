"""The functions of a program by which kernels find events, and go on behind them."""

from dataclasses import dataclass, field

import numpy as np

from stiffdsl.program.ops import GATHERS, gathered
from stiffdsl.program.program import Function, Program


@dataclass(frozen=True, eq=False)
class KernelEvents:
    """`guards` and `reset` of a program, with their tables; the entries of y that guards read, the mask of those that
    change at events alone, and the mask of events that are to be located within steps."""

    guards: Function
    reset: Function
    tables: dict[str, np.ndarray]
    at_start: np.ndarray
    from_start: np.ndarray
    located: np.ndarray
    read: np.ndarray
    still: np.ndarray
    # `behind(t, y, p, u, was)`, where constraints tie states to one another (`projection.py`).
    behind: Function | None = None
    tables_behind: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.at_start)


def events_of(program: Program, behind: tuple[Function, dict[str, np.ndarray]] | None) -> KernelEvents | None:
    """The functions of the events, if there are any; `behind` takes states back to the constraints."""
    if not program.events.count:
        return None
    guards, reset = program.by_name["guards"], program.by_name["reset"]
    read = _read(guards, program.tables, program.size)
    return KernelEvents(
        guards,
        reset,
        program.tables,
        program.events.at_start,
        program.events.from_start,
        program.events.located,
        read,
        program.still,
        None if behind is None else behind[0],
        {} if behind is None else behind[1],
    )


def _read(function: Function, tables: dict[str, np.ndarray], size: int) -> np.ndarray:
    """The entries of y that a function reads."""
    found = np.zeros(size, dtype=bool)
    for op in function.ops:
        for a in op.args:
            argument = function.ops[a]
            if argument.name != "input" or argument.data != "y":
                continue
            found[gathered(op, tables) if op.name in GATHERS else slice(None)] = True
    return np.flatnonzero(found)
