"""Status of a solve: every way to stop has a number, a sentence, and advice."""

from enum import IntEnum
from typing import Any


class Status(IntEnum):
    """`SUCCESS` reached the end; all others did not."""

    SUCCESS = 0
    MAX_STEPS = 1
    STEP_TOO_SMALL = 2
    NON_FINITE = 3
    SINGULAR = 4
    NEWTON = 5
    INITIAL = 6
    INTERRUPTED = 7
    RUNNING = 8
    JUMP = 9
    CHATTERING = 10
    STOPPED = 11
    ENDLESS = 12
    CONFLICT = 13
    VIOLATED = 14
    FORGOTTEN = 15
    STIFF = 16
    OUTSIDE = 20

    @property
    def success(self) -> bool:
        """Whether the solve ended as it was meant to: at the end of the interval, or by a `stop` of the model."""
        return self in REACHED

    @property
    def message(self) -> str:
        """The sentence a user reads."""
        return _MESSAGES[self][0]

    @property
    def advice(self) -> str | None:
        """Advice on what to try; None where nothing is known to help."""
        return _MESSAGES[self][1]


# Ends of a solve that was meant to end so, and ends by events of the model.
REACHED = Status.SUCCESS, Status.STOPPED
BY_EVENTS = Status.STOPPED, Status.VIOLATED, Status.ENDLESS, Status.CONFLICT


def reached(status: Any) -> Any:
    """`Status.success` of the numbers of many, or of a traced one."""
    return (status == int(Status.SUCCESS)) | (status == int(Status.STOPPED))


_MESSAGES: dict[Status, tuple[str, str | None]] = {
    Status.SUCCESS: ("the end of the time interval was reached", None),
    Status.MAX_STEPS: (
        "the greatest number of steps was reached before the end",
        "raise `max_steps`, loosen the tolerances, or try another method",
    ),
    Status.STEP_TOO_SMALL: (
        "the step size shrank to nothing",
        "the solution may have a singularity here; check the equations of the unknowns named, or loosen `atol`",
    ),
    Status.NON_FINITE: (
        "the equations gave a value that is not a finite number",
        "look for a division by zero, a logarithm or a root of a negative number in the unknowns named",
    ),
    Status.SINGULAR: (
        "the linear system of a step is singular",
        "an algebraic unknown is not determined at this point; check the equations of the unknowns named",
    ),
    Status.NEWTON: (
        "Newton's method did not converge however small the step",
        "look for jumps in the equations of the unknowns named",
    ),
    Status.INITIAL: (
        "no consistent initial state was found",
        "give better `guess` values to the unknowns named, or check the `initial` equations",
    ),
    Status.INTERRUPTED: ("the solve was interrupted", None),
    Status.JUMP: (
        "no values of the algebraic unknowns were found for what the equations are after a jump",
        "see that the equations of the unknowns named have a solution there, not too far from the one before",
    ),
    Status.CHATTERING: (
        "a condition turns true and false at every step, so that none gets anywhere",
        "give it hysteresis, or smooth it with `smooth_step(x, width)`",
    ),
    Status.STOPPED: ("the model ended the run", None),
    Status.VIOLATED: ("an assertion of the model was violated", None),
    Status.ENDLESS: (
        "events follow one another without end",
        "see that what an event sets turns its condition false for a while: give it hysteresis, or let what comes to "
        "rest stay there",
    ),
    Status.CONFLICT: (
        "two events set one variable to different values at one instant",
        "let one of them act (`elsewhen`), or make their conditions exclude one another",
    ),
    Status.STIFF: (
        "stability bounds the steps of an explicit method: the equations are stiff",
        "take a method for stiff equations: `auto` does",
    ),
    Status.OUTSIDE: (
        "an argument lies outside of a table",
        "say what holds there with `outside = hold`, `extend` or `repeat`, or give the table more rows",
    ),
    Status.FORGOTTEN: (
        "more steps lie within the longest lag than are remembered",
        "loosen the tolerances; `model.simulate` and `model.ensemble` remember all steps",
    ),
    Status.RUNNING: ("the solve has not ended", None),
}
