"""Report on the initial state: unknowns solved for, the method, and start values that gave way."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

# The number of entries that a text lists before it says how many more there are.
LISTED = 12


@dataclass(frozen=True)
class Move:
    """A start value that gave way: what was `declared` and what the run begins `at`, in the declared unit.

    `default`: it was only the default of a part's class.
    """

    name: str
    declared: float
    at: float
    unit: str | None
    default: bool

    @property
    def by(self) -> float:
        return self.at - self.declared


class StartReport:
    """The report in `solution.start`.

    `solved` are the unknowns that equations determine at the start, in `blocks` of these sizes; `how` they were found
    (`nothing to solve`, `Newton`, `Newton, block by block`, or the name of a continuation) in how many `iterations`.
    `moved` are the start values that gave way, `kept` counts those that hold. `undetermined` are states that nothing is
    said of: they begin at their guess, or at zero. `failure` says what went wrong, with the equations that do not hold
    in `wrong`. It took so many `seconds`.
    """

    def __init__(
        self,
        solved: tuple[str, ...],
        blocks: tuple[int, ...],
        how: str,
        iterations: int,
        undetermined: tuple[str, ...],
        compare: Callable[[], tuple[tuple[Move, ...], int]],
        wrong: tuple[str, ...] = (),
        failure: str | None = None,
        seconds: float = 0.0,
    ):
        self.solved, self.blocks, self.how, self.iterations = solved, blocks, how, iterations
        self.undetermined, self.wrong, self.failure = undetermined, wrong, failure
        self.seconds = seconds
        self._compare = compare

    def __getstate__(self) -> dict[str, Any]:
        """With what is compared only where it is asked for."""
        compared = self._compared
        return {k: v for k, v in self.__dict__.items() if k != "_compare"} | {"_compared": compared}

    @property
    def success(self) -> bool:
        return self.failure is None

    @cached_property
    def _compared(self) -> tuple[tuple[Move, ...], int]:
        return self._compare()

    @property
    def moved(self) -> tuple[Move, ...]:
        return self._compared[0]

    @property
    def kept(self) -> int:
        return self._compared[1]

    @property
    def summary(self) -> str:
        """One line, empty where there is nothing to tell: every start value is kept and nothing is solved."""
        parts = []
        if self.solved:
            n = len(self.solved)
            parts.append(f"{n:,} unknown{'s' * (n != 1)} solved by {self.how} ({_times(self.iterations)})")
        if self.moved:
            n = len(self.moved)
            parts.append(f"{n:,} start value{'s' * (n != 1)} moved")
        if self.undetermined:
            parts.append(f"{len(self.undetermined):,} without a start value")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Everything as data, for JSON."""
        return {
            "success": self.success,
            "how": self.how,
            "iterations": self.iterations,
            "seconds": self.seconds,
            "solved": list(self.solved),
            "blocks": list(self.blocks),
            "kept": self.kept,
            "moved": [asdict(m) | {"by": m.by} for m in self.moved],
            "undetermined": list(self.undetermined),
            "wrong": list(self.wrong),
            "failure": self.failure,
        }

    def __str__(self) -> str:
        lines = [f"kept      {self.kept:,} start value{'s' * (self.kept != 1)}"]
        for k, m in enumerate(self.moved[:LISTED]):
            unit = f" {m.unit}" if m.unit else ""
            default = ", the default of its part" if m.default else ""
            text = f"{m.name}: {m.declared:.6g} → {m.at:.6g}{unit} (by {m.by:+.3g}{default})"
            lines.append(("moved     " if k == 0 else " " * 10) + text)
        if len(self.moved) > LISTED:
            lines.append(f"          and {len(self.moved) - LISTED:,} more")
        if self.undetermined:
            lines.append(f"no start  {_listed(self.undetermined)}: at its guess, or 0")
        if self.solved:
            n, largest = len(self.blocks), max(self.blocks, default=0)
            where = f"{n:,} block{'s' * (n != 1)}" + (f", the largest of {largest:,}" if n > 1 else "")
            lines.append(f"solved    {_listed(self.solved)}")
            lines.append(f"          in {where}, by {self.how}, {_times(self.iterations)}")
        if self.failure:
            lines.append(f"failed    {self.failure}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<StartReport: {self.failure or self.summary or 'every start value is kept'}>"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _times(iterations: int) -> str:
    return f"{iterations:,} iteration{'s' * (iterations != 1)}"


def block_sizes(rows: np.ndarray, columns: np.ndarray, size: int) -> tuple[int, ...]:
    """The sizes of the blocks of a square pattern that must be solved together, largest first."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    from stiffdsl.graph.blocks import strong_components

    if not size:
        return ()
    graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    partner = maximum_bipartite_matching(graph, perm_type="column")
    if np.any(partner < 0):
        return (size,)
    _, label = strong_components(size, columns, partner[rows])
    return tuple(sorted(np.bincount(label).tolist(), reverse=True))
