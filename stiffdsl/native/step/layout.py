"""Layout in memory of all that a kernel reads and writes: arrays of doubles, one after another."""

from collections.abc import Sequence

# The arrays that a kernel is handed, each with one row for all lanes or one for each. `jumps`: the times at which
# tables jump, ascending; `knots`: where steps end, `begin` and then `reach` of `solve.knots.Knots`.
OPERANDS = (
    "options",
    "atol",
    "y0",
    "p",
    "u",
    "saveat",
    "layout",
    "times",
    "values",
    "jumps",
    "knots",
    "state",
    "ys",
    "steps",
)
# The arrays that a solve is given.
GIVEN = OPERANDS[: OPERANDS.index("state")]
OPTIONS = (
    "t0",
    "t1",
    "rtol",
    "first_step",
    "max_step",
    "max_steps",
    "attempts",
    "saves",
    "signals",
    "jumps",
    "knots",
    "capacity",
    "resume",
    "stiff",
)
# `stiff`: the number of steps in a row, bounded by stability, at which a solve by an explicit method ends; infinite for
# none.
# Between two calls: a solve goes on where it stopped. `stop`: the time of the next jump, `side`: that in the middle of
# the steps up to there, between `low` and `high`; `reset`: whether algebraic unknowns were set anew where they began
# (1, else 0); `knot`: the number of the last knot before t; `whole`: the step that was proposed, before it was cut to
# end somewhere; `opening`: what the last step behind a knot showed to be its size; `opens`: whether one
# follows (1, else 0); `unplanned`: how many attempts take pivots as they come without a look at those planned, `spell`:
# how many they were when they began. `event_last`, `stopped`: as `integrate.events.EventMemory`.
# `stiff_steps`: how many steps in a row stability has bounded. The
# state y and the scaled errors follow.
STATE = (
    "t",
    "h",
    "expected",
    "rejections",
    "status",
    "failure",
    "cursor",
    "accepted",
    "rejected",
    "rhs",
    "jacobians",
    "factorizations",
    "iterations",
    "linear_iterations",
    "recorded",
    "pivoted",
    "unplanned",
    "spell",
    "stop",
    "side",
    "low",
    "high",
    "reset",
    "knot",
    "whole",
    "opening",
    "opens",
    "kink",
    "kink_attempts",
    "event_last",
    "stopped",
    "stiff_steps",
)


class Areas:
    """Named parts of one array, each starting on a cache line."""

    def __init__(self, sizes: Sequence[tuple[str, int]]):
        self.sizes = tuple(sizes)
        self.offsets: dict[str, int] = {}
        at = 0
        for name, size in sizes:
            self.offsets[name] = at
            at += -(-size // 8) * 8
        self.size = at

    def __getitem__(self, name: str) -> int:
        return self.offsets[name]


def state_areas(n: int) -> tuple[int, int, int]:
    """Offsets of y and of the scaled errors in the state, and its size."""
    head = len(STATE)
    return head, head + n, head + 2 * n
