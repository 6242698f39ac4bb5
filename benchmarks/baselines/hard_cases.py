"""Cases that are hard to learn: what happens changes its course within the box. Their models are in `hard`."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp

import stiffdsl as sd
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.of_model.task import task_of

HARD = "disposition", "genes", "switch", "oscillator"


def hard(name: str) -> tuple[Task, Any]:
    """The task with the ranges that its model declares, and its equations."""
    equations = {"disposition": _disposition, "genes": _genes, "switch": _switch, "oscillator": _oscillator}
    return task_of(sd.load(str(Path(__file__).parent / "hard" / f"{name}.sml"))), equations[name]


def _disposition(t: Any, x: Any, p: Any) -> Any:
    _, kon, koff, kel, kint, kdeg, rest = p
    binding = kon * x[0] * x[1] - koff * x[2]
    return jnp.stack([-kel * x[0] - binding, kdeg * (rest - x[1]) - binding, binding - kint * x[2]])


def _genes(t: Any, x: Any, p: Any) -> Any:
    a, n, b, half = (p[3 * k : 3 * k + 3] for k in range(4))
    messenger, protein = x[:3], x[3:]
    before = jnp.roll(protein, 1)
    return jnp.concatenate([a / (1 + (before / half) ** n) + 0.2 - messenger, b * (messenger - protein)])


def _switch(t: Any, x: Any, p: Any) -> Any:
    return jnp.stack([p[0] / (1 + x[1] ** p[2]) - x[0], p[1] / (1 + x[0] ** p[3]) - x[1]])


def _oscillator(t: Any, x: Any, p: Any) -> Any:
    return jnp.stack([x[1], p[0] * (1 - x[0] ** 2) * x[1] - x[0]])
