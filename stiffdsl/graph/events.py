"""Assignments at events to what is no state: it follows from the equations, so that nobody can set it."""

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.model import FlatModel


def unassignable(flat: FlatModel, states: np.ndarray) -> list[Diagnostic]:
    """Diagnostics of assignments to variables that are not among `states`, one for each action."""
    is_state = np.zeros(flat.size, dtype=bool)
    is_state[states] = True
    found = []
    for event in flat.events:
        for action in event.actions:
            wrong = action.targets[(flat.sign[action.targets] == 0) | ~is_state[flat.alias[action.targets]]]
            if len(wrong):
                name = flat.variable_name(int(wrong[0]))
                found.append(
                    Diagnostic(
                        "E0316",
                        f"`{name}` is set at an event, and is no state",
                        (Label(event.span, f"sets `{name}`"),),
                        (f"`{name}` follows from the other unknowns in every instant",),
                        "set the state that it follows from, or make it `discrete`",
                    )
                )
    return found
