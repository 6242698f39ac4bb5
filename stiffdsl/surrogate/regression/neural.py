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
from jax.flatten_util import ravel_pytree
from jaxtyping import Float
from scipy.optimize import minimize

from stiffdsl.surrogate.regression.radial import exponent_table, tail

WIDTH = 32
LAYERS = 3
STEPS = 800
_DECAY = 1e-10
_TAIL_SHARE = 0.35

Layers = list[tuple[Any, Any]]


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
    found = _minimised(layers, z, rest / size, share)
    return Network(degree, weights, size, tuple(w for w, _ in found), tuple(b for _, b in found))


def _begin(inputs: int, outputs: int, seed: int) -> Layers:
    rng = np.random.default_rng([seed, 7])
    sizes = [inputs, *[WIDTH] * LAYERS, outputs]
    return [(rng.normal(size=(a, b)) / np.sqrt(a), 0.1 * rng.normal(size=b)) for a, b in pairwise(sizes)]


def _minimised(layers: Layers, z: np.ndarray, wanted: np.ndarray, share: np.ndarray) -> Layers:
    """The layers after L-BFGS (Liu and Nocedal, Math. Programming 45, 1989)."""
    flat, unflat = ravel_pytree(layers)

    @jax.jit
    def loss(flat: Any) -> Any:
        layers = unflat(flat)
        decay = _DECAY * sum(jnp.sum(weight**2) for weight, _ in layers)
        return jnp.mean(share * (_mlp(jnp, layers, z) - wanted) ** 2) + decay

    value_and_grad = jax.jit(jax.value_and_grad(loss))

    def host(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = value_and_grad(flat)
        return float(value), np.asarray(slope)

    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-10}
    found = minimize(host, np.asarray(flat), jac=True, method="L-BFGS-B", options=options)
    return [(np.asarray(weight), np.asarray(bias)) for weight, bias in unflat(jnp.asarray(found.x))]
