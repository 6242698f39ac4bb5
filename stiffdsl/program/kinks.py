"""Kinks of equations: where a slope jumps as unknowns pass something."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stiffdsl.program.program import Program

# Operations that bend or jump where their arguments pass something.
BENDS = ("lt", "le", "gt", "ge", "eq", "ne", "abs", "sign", "floor", "ceil")


def bends(program: "Program") -> bool:
    """Whether algebraic equations may have a kink or a jump that depends on unknowns."""
    if not len(program.system.implicit):
        return False
    moves: list[bool] = []
    found = False
    for op in program.by_name["rhs"].ops:
        moves.append(op.data == "y" if op.name == "input" else any(moves[a] for a in op.args))
        found |= op.name in BENDS and moves[-1]
    return found
