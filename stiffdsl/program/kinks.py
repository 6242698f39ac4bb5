"""Kinks and curves of equations: where a slope jumps as unknowns pass something, and whether slopes change at all."""

from collections.abc import Mapping, Sequence

import numpy as np

from stiffdsl.program.operations import COMPARISONS, OPERATIONS, ROUNDED
from stiffdsl.program.ops import Op

# Operations that bend or jump where their arguments pass something; logic and choices follow from these.
BENDS = (*COMPARISONS, *ROUNDED, "abs", "locate")


# Operations without a value for some arguments: where a condition keeps these away, it cannot be held.
PARTIAL = ("sqrt", "log", "asin", "acos", "acosh", "atanh", "log1p", "log2", "log10")


def partial_in(ops: Sequence[Op], *names: str) -> bool:
    """Whether something has no value for some values of the arguments `names`."""
    moves: list[bool] = []
    for op in ops:
        moves.append(op.data in names if op.name == "input" else any(moves[a] for a in op.args))
        whole = False
        if op.name == "pow":
            exponent = ops[op.args[1]]
            whole = exponent.name == "number" and float(exponent.data).is_integer()
        if moves[-1] and (op.name in PARTIAL or (op.name == "pow" and not whole)):
            return True
    return False


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


def entries_following(
    ops: Sequence[Op], tables: Mapping[str, np.ndarray], name: str, entries: np.ndarray
) -> np.ndarray:
    """The entries of the result that depend on `entries` (a mask) of the argument `name`; too many where in doubt."""
    moves: list[np.ndarray] = []
    for op in ops:
        args = [moves[a] for a in op.args]
        match op.name:
            case "input":
                own = entries if op.data == name else np.zeros(op.size or 1, dtype=bool)
            case "element":
                own = args[0][[op.data]]
            case "slice":
                own = args[0][list(range(*op.data))]
            case "take":
                own = args[0][tables[op.data]]
            case "take_sum":
                own = np.any(args[0][tables[op.data]], axis=1)
            case "stack" | "concatenate":
                own = np.concatenate(args) if args else np.zeros(0, dtype=bool)
            case name_of if name_of in OPERATIONS or name_of in ("full", "number", "flag", "table"):
                own = np.zeros(op.size or 1, dtype=bool)
                for moved in args:
                    own = own | moved
            case _:
                own = np.full(op.size or 1, any(np.any(moved) for moved in args))
        moves.append(own)
    return moves[-1] if moves else np.zeros(0, dtype=bool)
