"""Kinks and curves of equations: where a slope jumps as unknowns pass something, and whether slopes change at all."""

from collections.abc import Sequence

from stiffdsl.program.operations import COMPARISONS, ROUNDED
from stiffdsl.program.ops import Op

# Operations that bend or jump where their arguments pass something; logic and choices follow from these.
BENDS = (*COMPARISONS, *ROUNDED, "abs", "locate")


def bends(ops: Sequence[Op]) -> bool:
    """Whether something bends or jumps that depends on unknowns."""
    moves: list[bool] = []
    found = False
    for op in ops:
        moves.append(op.data == "y" if op.name == "input" else any(moves[a] for a in op.args))
        found |= op.name in BENDS and moves[-1]
    return found


def depends(ops: Sequence[Op], name: str) -> bool:
    """Whether the result of operations depends on the argument `name`."""
    moves: list[bool] = []
    for op in ops:
        moves.append(op.data == name if op.name == "input" else any(moves[a] for a in op.args))
    return bool(moves) and moves[-1]
