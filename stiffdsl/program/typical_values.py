"""Values of a model's Jacobian where it starts, and steps that it may take there: what pivots are chosen by."""

import numpy as np

from stiffdsl.program import interpret
from stiffdsl.program.program import Program

# The value that an unknown without a start or a guess is taken to have.
_SOMEWHERE = 0.5
# Steps for which pivots must serve, as multiples of the times in which states move by themselves.
_STEPS = (1e-4, 1.0, 1e3)


def jacobian(program: Program, start: np.ndarray | None = None) -> np.ndarray:
    """Near the start, for the default parameters; `start` is a consistent state, where one is known."""
    system = program.system
    count = sum(b.size for b in system.flat.parameters)
    p = interpret.run(program, "parameters", np.zeros(count), np.zeros(count))
    u = interpret.run(program, "input_defaults", p)
    given, guess = interpret.run(program, "start", p, u), interpret.run(program, "guess", p, u)
    known = np.where(np.isnan(given), guess, given)[np.r_[system.states, system.implicit]]
    known = np.where(np.isnan(known), _SOMEWHERE, known) if start is None else start
    # A little away from zero, where derivatives often vanish.
    y = known + 1e-3 * (1 + np.abs(known))
    return interpret.run(program, "jacobian", 0.0, y, p, u)


def alphas(program: Program, values: np.ndarray) -> list[float]:
    """Some `1/(h gamma)` for these values: for steps that are short, middling and long."""
    own = (program.rows == program.columns) & (np.asarray(program.mass)[program.rows] != 0)
    rates = np.abs(values[own])
    rates = rates[np.isfinite(rates) & (rates > 0)]
    rate = float(np.exp(np.mean(np.log(rates)))) if len(rates) else 1.0
    return [rate / step for step in _STEPS]
