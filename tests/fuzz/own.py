"""A random model's own meaning: its parameters, starts, consistent points and Jacobian, by NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .dual import Dual, Meaning
from .random_model import RandomModel

# Beyond this condition number a point says nothing.
CONDITION = 1e8


@dataclass
class SampledValues:
    """Values at several points, in the order of the model's variables: `v`, `d` (m, variables), times t (m,).

    `slopes[k]` (unknowns, states) is the derivative of the unknowns (der of states, then what is computed) by the
    states at point k. `good`: the equations were solved there; `kinks`, `jumps`: see `Meaning`.
    """

    t: np.ndarray
    v: np.ndarray
    d: np.ndarray
    slopes: np.ndarray
    good: np.ndarray
    kinks: np.ndarray
    jumps: np.ndarray


class Own:
    """`model` over plain numbers."""

    def __init__(self, model: RandomModel):
        self.model = model
        self.states = [k for k, v in enumerate(model.variables) if v.state]
        self.computed = [k for k, v in enumerate(model.variables) if not v.state]
        text = "[" + ",\n ".join(model.residuals) + "]"
        self.code = compile(text, "<residuals>", "eval")

    def evaluated(self, source: str, p: list, meaning: Meaning | None = None) -> float:
        meaning = meaning or Meaning()
        value = eval(source, meaning.namespace, {"p": p, "t": 0.0})
        return float(np.asarray(value.value if isinstance(value, Dual) else value))

    def parameters(self, given: dict[int, float] | None = None) -> np.ndarray:
        """All parameters in SI, those `given` by number (SI) as they are."""
        p: list[float] = []
        for k, row in enumerate(self.model.parameters):
            p.append(given[k] if given and k in given else self.evaluated(row.value, p))
        return np.array(p)

    def inputs(self, p: np.ndarray) -> np.ndarray:
        return np.array([self.evaluated(row.value, list(p)) for row in self.model.inputs])

    def starts(self, p: np.ndarray) -> np.ndarray:
        """The declared starts in SI, NaN where there is none."""
        rows = self.model.variables
        return np.array([np.nan if r.start is None else self.evaluated(r.start, list(p)) for r in rows])

    def residuals(self, t, v: list, d: list, p, u, meaning: Meaning) -> list[Any]:
        scope = {"t": t, "v": v, "d": d, "p": p, "u": u}
        return eval(self.code, meaning.namespace, scope)

    def linearized(self, t, x, w, p, u, by_states: bool):
        """Residuals (m, n), their derivatives by the unknowns w (and by the states) at m points, and the meaning."""
        m, n, s = len(t), len(self.model.variables), len(self.states)
        width = n + (s if by_states else 0)
        eye = np.eye(width)
        meaning = Meaning(m)
        v: list[Any] = [None] * n
        d: list[Any] = [None] * n
        for k, state in enumerate(self.states):
            v[state] = Dual(x[:, k], np.tile(eye[n + k], (m, 1))) if by_states else x[:, k]
            d[state] = Dual(w[:, k], np.tile(eye[k], (m, 1)))
        for k, variable in enumerate(self.computed):
            v[variable] = Dual(w[:, s + k], np.tile(eye[s + k], (m, 1)))
        found = self.residuals(t, v, d, p, u, meaning)
        values, slopes = np.zeros((m, n)), np.zeros((m, n, width))
        for k, r in enumerate(found):
            values[:, k] = r.value if isinstance(r, Dual) else r
            if isinstance(r, Dual) and not isinstance(r.slope, float):
                slopes[:, k] = r.slope
        return values, slopes, meaning

    def points(
        self, t: np.ndarray, x: np.ndarray, p: np.ndarray, u: np.ndarray, iterations: int = 25
    ) -> SampledValues:
        """The unknowns at given states (m, states), by Newton's method, and their derivatives."""
        with np.errstate(all="ignore"):
            return self._points(t, x, p, u, iterations)

    def _points(self, t, x, p, u, iterations) -> SampledValues:
        m, n, s = len(t), len(self.model.variables), len(self.states)
        w = np.full((m, n), 0.1)
        good = np.zeros(m, dtype=bool)
        for _ in range(iterations):
            values, slopes, _ = self.linearized(t, x, w, p, u, False)
            usable = np.isfinite(values).all(axis=1) & np.isfinite(slopes).all(axis=(1, 2))
            step = np.zeros((m, n))
            for k in np.flatnonzero(usable):
                try:
                    step[k] = np.linalg.solve(slopes[k], -values[k])
                except np.linalg.LinAlgError:
                    usable[k] = False
            w = w + step
            good = usable & (np.abs(step) <= 1e-12 * (1 + np.abs(w))).all(axis=1)
            if (good | ~usable).all():
                break
        values, slopes, meaning = self.linearized(t, x, w, p, u, True)
        whole = np.full((m, n, s), np.nan)
        for k in np.flatnonzero(good):
            matrix = slopes[k, :, :n]
            scaled = matrix / np.maximum(np.abs(matrix).max(axis=1, keepdims=True), 1e-300)
            if not np.isfinite(matrix).all() or np.linalg.cond(scaled) > CONDITION:
                good[k] = False
                continue
            whole[k] = np.linalg.solve(matrix, -slopes[k, :, n:])
        v, d = np.full((m, n), np.nan), np.full((m, n), np.nan)
        v[:, self.states], d[:, self.states], v[:, self.computed] = x, w[:, :s], w[:, s:]
        return SampledValues(t, v, d, whole, good, meaning.kinks, meaning.jumps)
