"""Steady states of models, by Newton's method on the reference evaluation of their programs (no compilation)."""

import numpy as np

import stiffdsl as sd


def steady(text: str, model: str | None = None, guess: float = 1.0) -> dict[str, np.ndarray]:
    """The variables of a model where nothing changes any more, in SI; the elements of an array together."""
    compiled = sd.loads(text, model=model)
    p = np.asarray(compiled.default_parameters)
    f = compiled.interpreted
    u = np.asarray(f.input_defaults(p))
    y = np.full(len(compiled.states.names), guess)

    def rates(state: np.ndarray) -> np.ndarray:
        return np.asarray(f.rhs(0.0, state, p, u))

    here = rates(y)
    for _ in range(60):
        step = 1e-7 * np.maximum(1.0, np.abs(y))
        columns = [(rates(y + d) - here) / d.max() for d in np.diag(step)]
        change = np.linalg.solve(np.array(columns).T, here)
        length = 1.0
        while not np.linalg.norm(rates(y - length * change)) < np.linalg.norm(here) and length > 1e-6:
            length /= 2
        y = y - length * change
        here = rates(y)
        if np.max(np.abs(length * change)) < 1e-10 * np.max(np.abs(y)):
            break
    else:
        raise AssertionError("no steady state was found")
    values = np.asarray(f.variables(0.0, y, p, u))
    return {b.name: values[b.offset : b.offset + b.size] for b in compiled.program.system.flat.variables}
