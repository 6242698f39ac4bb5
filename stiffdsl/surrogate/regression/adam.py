"""Adam with a cosine of rates and bounded steps (Kingma and Ba, ICLR 2015), on batches that the host draws."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Steps per call of the compiled loop.
_CHUNK = 100
_WARM = 100


@dataclass(frozen=True)
class NetworkTraining:
    """A network of so many layers, and its training: `steps` with `batch` rows each, from a first `rate` on."""

    width: int
    layers: int
    steps: int
    batch: int
    rate: float


def minimised(
    loss: Callable[[Any, Any], Any],
    params: Any,
    batches: Callable[[int], Any],
    steps: int,
    rate: float,
    bound: float = np.inf,
) -> Any:
    """`params` after `steps` of the loss over batches; `batches(count)` draws so many, stacked.

    A slope longer than `bound` is cut to that length: one bad batch must not undo what was learnt.
    """

    def step(state: Any, given: Any) -> Any:
        params, first, second = state
        batch, count = given
        slope = jax.grad(loss)(params, batch)
        length = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(slope)))
        slope = jax.tree.map(lambda g: g * jnp.minimum(1.0, bound / length), slope)
        first = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, first, slope)
        second = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, second, slope)
        now = rate * jnp.minimum(1.0, count / _WARM) * 0.5 * (1 + jnp.cos(jnp.pi * count / steps))
        scale = (now * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)).astype(jnp.float32)
        params = jax.tree.map(lambda w, a, b: w - scale * a / (jnp.sqrt(b) + 1e-8), params, first, second)
        return (params, first, second), None

    run = jax.jit(lambda state, batch, counts: jax.lax.scan(step, state, (batch, counts))[0])
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = params, zeros, zeros
    for begin in range(0, steps, _CHUNK):
        counts = np.arange(begin, min(begin + _CHUNK, steps)) + 1.0
        state = run(state, jax.tree.map(jnp.asarray, batches(len(counts))), jnp.asarray(counts))
    return state[0]
