"""Adam (Kingma and Ba, ICLR 2015) with a cosine of rates and bounded slopes, on batches that the host draws."""

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

    import optax  # where something is trained, and not before

    def rates(count: Any) -> Any:
        made = count + 1.0
        return rate * jnp.minimum(1.0, made / _WARM) * 0.5 * (1 + jnp.cos(jnp.pi * made / steps))

    rule = optax.chain(optax.clip_by_global_norm(bound), optax.adam(rates))

    def step(state: Any, batch: Any) -> Any:
        params, memory = state
        moves, memory = rule.update(jax.grad(loss)(params, batch), memory)
        return (optax.apply_updates(params, moves), memory), None

    run = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches)[0])
    state = params, rule.init(params)
    for begin in range(0, steps, _CHUNK):
        drawn = batches(min(_CHUNK, steps - begin))
        state = run(state, jax.tree.map(jnp.asarray, drawn))
    return state[0]
