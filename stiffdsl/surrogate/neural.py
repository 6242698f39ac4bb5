"""A small network from parameters to the scores of a surrogate: a DeepONet whose trunk is known
(POD-DeepONet).

Lu, Meng, Cai, Mao, Goswami, Zhang, Karniadakis, Comput. Methods Appl. Mech. Eng. 393 (2022). The functions of
time are the principal components of the training trajectories in scaled outputs, so the network never sees a
stiff function of time: it regresses their smooth change with the parameters. A polynomial of low degree is
fitted first and the network learns what it leaves; training is full-batch, Adam and then L-BFGS, a fixed
number of steps from a seed."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from stiffdsl.surrogate.radial import exponent_table, tail

WIDTH = 48
LAYERS = 3
ADAM_STEPS = 4000
LBFGS_STEPS = 1500
_TAIL_SHARE = 0.35


@dataclass(frozen=True, eq=False)
class Network:
    """scores(z) = polynomial(z) @ tail + size * mlp(z): weights and biases per layer, tanh between."""

    degree: int
    tail: np.ndarray
    size: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __call__(self, xp: Any, z: Float[Any, "k d"]) -> Any:
        layers = list(zip(self.weights, self.biases, strict=True))
        return tail(xp, z, self.degree) @ self.tail + self.size * _mlp(xp, layers, z)

    def leading(self, count: int) -> "Network":
        """The map to the first `count` scores."""
        return replace(
            self,
            tail=np.ascontiguousarray(self.tail[:, :count]),
            size=self.size[:count].copy(),
            weights=(*self.weights[:-1], np.ascontiguousarray(self.weights[-1][:, :count])),
            biases=(*self.biases[:-1], self.biases[-1][:count].copy()),
        )


def _mlp(xp: Any, layers: list[Any], z: Any) -> Any:
    for weight, bias in layers[:-1]:
        z = xp.tanh(z @ weight + bias)
    weight, bias = layers[-1]
    return z @ weight + bias


def fit(z: np.ndarray, values: np.ndarray, seed: int) -> tuple[Network, float]:
    """The trained network, and its root mean square error at a fifth of the samples, left out of a first
    training.

    `values` (n, r) are scores of orthonormal modes: their errors are errors of trajectories.
    """
    order = np.random.default_rng([seed, 6]).permutation(len(z))
    outside, inside = order[: max(1, len(z) // 5)], order[max(1, len(z) // 5) :]
    trial = _trained(z[inside], values[inside], seed)
    error = float(np.sqrt(np.mean(np.sum((trial(np, z[outside]) - values[outside]) ** 2, axis=1))))
    return _trained(z, values, seed), error


def _trained(z: np.ndarray, values: np.ndarray, seed: int) -> Network:
    degree = 0
    while degree < 4 and len(exponent_table(z.shape[1], degree + 1)) <= _TAIL_SHARE * len(z):
        degree += 1
    polynomial = tail(np, z, degree)
    weights = np.linalg.lstsq(polynomial, values, rcond=None)[0]
    rest = values - polynomial @ weights
    size = np.maximum(np.sqrt(np.mean(rest**2, axis=0)), 1e-300)
    # Every score counts by its share of the trajectories' error, the small ones a little more than that.
    share = np.sqrt(size / np.max(size))
    layers = _begin(z.shape[1], values.shape[1], seed)
    layers = _minimised(layers, jnp.asarray(z), jnp.asarray(rest / size), jnp.asarray(share))
    found = [(np.asarray(w), np.asarray(b)) for w, b in layers]
    return Network(degree, weights, size, tuple(w for w, _ in found), tuple(b for _, b in found))


def _begin(inputs: int, outputs: int, seed: int) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng([seed, 7])
    sizes = [inputs, *[WIDTH] * LAYERS, outputs]
    return [
        (jnp.asarray(rng.normal(size=(a, b)) / np.sqrt(a)), jnp.asarray(0.1 * rng.normal(size=b)))
        for a, b in pairwise(sizes)
    ]


@jax.jit
def _minimised(layers: Any, z: Any, wanted: Any, share: Any) -> Any:
    def loss(layers):
        decay = 1e-9 * sum(jnp.sum(w**2) for w, _ in layers)
        return jnp.mean(share * (_mlp(jnp, layers, z) - wanted) ** 2) + decay

    adam = optax.adam(optax.cosine_decay_schedule(3e-3, ADAM_STEPS, 1e-2))

    def adam_step(carry, _):
        layers, state = carry
        updates, state = adam.update(jax.grad(loss)(layers), state)
        return (optax.apply_updates(layers, updates), state), None

    (layers, _), _ = jax.lax.scan(adam_step, (layers, adam.init(layers)), None, length=ADAM_STEPS)
    lbfgs = optax.lbfgs(memory_size=20)
    value_and_grad = optax.value_and_grad_from_state(loss)

    def lbfgs_step(carry, _):
        layers, state = carry
        value, grad = value_and_grad(layers, state=state)
        updates, state = lbfgs.update(grad, state, layers, value=value, grad=grad, value_fn=loss)
        return (optax.apply_updates(layers, updates), state), None

    (layers, _), _ = jax.lax.scan(lbfgs_step, (layers, lbfgs.init(layers)), None, length=LBFGS_STEPS)
    return layers
