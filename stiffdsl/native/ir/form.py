"""Sizes from which on code takes another form, and how much one call of it does: values, which tests choose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """Sizes between the forms of code, all of which compute the same; part of the key of what is compiled.

    `unrolled_function`: a function of more operations, counted number by number, is written in loops.
    `unrolled_step`: a step of more operations, written out, is written with loops and calls.
    `unrolled_factors`, `unrolled_entries`: factors with more multiplications or entries are computed in loops: LLVM's
    time grows faster than a block.
    `alike_rows`: rows of factors that go side by side, if they are `level_share` of all.
    `column_waste`: numbers that blocks hold for each entry of factors, from which columns are faster.
    `narrow_rows`: entries of a row or column that are summed number by number.
    `dense_pivoting`: up to so many unknowns, factors with pivots as they come are a whole matrix.
    `bad_pivots`: the residual that planned pivots may leave, relative to its terms, row by row.
    `search_iterations`: iterations of a search for a start.
    """

    unrolled_function: int = 1200
    unrolled_step: int = 7000
    unrolled_factors: int = 2500
    unrolled_entries: int = 450
    alike_rows: int = 8
    level_share: float = 0.5
    column_waste: float = 2.0
    narrow_rows: int = 4
    dense_pivoting: int = 40
    bad_pivots: float = 1e-9
    search_iterations: int = 60


@dataclass(frozen=True)
class CallSizes:
    """Sizes of one call of a kernel; its results do not depend on them.

    `attempts`: after so many Python looks for Ctrl-C and reports progress; fewer for large models.
    `capacity`: accepted steps in one buffer. `side_by_side`: for so many lanes it pays to compile the form that steps
    them side by side. `tape`: bytes that a buffer of steps may fill although the square root of the greatest number of
    steps would be less; `forward_tape`: the same where directions go with the steps.
    """

    attempts: int = 20_000
    capacity: int = 512
    side_by_side: int = 2048
    tape: int = 2 << 20
    forward_tape: int = 1 << 17


FORM, CALL_SIZES = Form(), CallSizes()
