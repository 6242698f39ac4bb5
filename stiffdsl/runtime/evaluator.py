"""Variables of a program at many points at once: interpreted over NumPy, or compiled chunk by chunk."""

from functools import cached_property
from typing import Any

import jax
import numpy as np

from stiffdsl.program.program import Program
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.solve.base.process import check_process

# Below this many operations in all, NumPy has computed them before XLA has compiled anything.
INTERPRETED = 200_000
# Times per call of the compiled function.
CHUNK = 256


class Evaluator:
    """`variables` and `derivatives` of a program at many times."""

    def __init__(self, program: Program, functions: Any, interpreted: Any):
        self.program, self.functions, self.interpreted = program, functions, interpreted

    def __call__(self, name: str, t: np.ndarray, y: np.ndarray, p: np.ndarray, inputs: Inputs) -> np.ndarray:
        """The function `name` of the program at the times t (n,) and states y (n, states): (n, values)."""
        u = inputs.table(t)
        if len(t) * self.program.by_name[name].operations <= INTERPRETED:
            one = getattr(self.interpreted, name)
            with np.errstate(all="ignore"):
                rows = [one(a, b, p, c) for a, b, c in zip(t, y, u, strict=True)]
            size = self.program.by_name[name].ops[-1].size or 0
            return np.array(rows, dtype=float).reshape(len(t), size)
        return np.concatenate(
            [
                np.asarray(
                    self._compiled(name)(*_padded(t[i : i + CHUNK], y[i : i + CHUNK], u[i : i + CHUNK]), p)
                )[: len(t[i : i + CHUNK])]
                for i in range(0, len(t), CHUNK)
            ]
        )

    def _compiled(self, name: str) -> Any:
        check_process()
        if name not in self._cache:
            one = getattr(self.functions, name)
            self._cache[name] = jax.jit(jax.vmap(lambda t, y, u, p: one(t, y, p, u), in_axes=(0, 0, 0, None)))
        return self._cache[name]

    @cached_property
    def _cache(self) -> dict[str, Any]:
        return {}


def _padded(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Filled up to a whole chunk with the last entry, so that one shape is compiled."""
    return tuple(a[np.minimum(np.arange(CHUNK), len(a) - 1)] for a in arrays)
