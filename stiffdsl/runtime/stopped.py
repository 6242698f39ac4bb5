"""What had no finite value where a run stopped, or just ahead of that."""

from typing import TYPE_CHECKING

import numpy as np

from stiffdsl.program.interpret import run
from stiffdsl.program.wrong_term import wrong_term
from stiffdsl.runtime.system import Args

if TYPE_CHECKING:
    from stiffdsl.runtime.model import CompiledModel

# Steps ahead, in parts of the time or of one, that are looked at.
AHEAD = (1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)
# Models larger than this are not looked at number by number.
LARGE = 20_000


def term_without_value(model: "CompiledModel", t: np.ndarray, y: np.ndarray, args: Args) -> str | None:
    """The term, by explicit steps ahead of the last values; None where none is found."""
    program = model.program
    if not len(t) or program.size > LARGE or not np.isfinite(y[-1]).all():
        return None
    now, state, p, states = float(t[-1]), np.asarray(y[-1]), np.asarray(args.p), len(program.system.states)
    for ahead in (0.0, *AHEAD):
        later = now + ahead * max(abs(now), 1.0)
        u = args.inputs.table(np.array([later]))[0]
        rates = run(program, "rhs", now, state, p, u)[:states] if ahead else np.zeros(states)
        moved = np.r_[state[:states] + (later - now) * rates, state[states:]]
        found = wrong_term(program, later, moved, p, u)
        if found is not None:
            return found
    return None
