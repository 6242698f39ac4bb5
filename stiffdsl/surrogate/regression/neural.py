"""A small network from parameters to the scores of a surrogate: a DeepONet whose trunk is known
(POD-DeepONet).

Lu, Meng, Cai, Mao, Goswami, Zhang, Karniadakis, Comput. Methods Appl. Mech. Eng. 393 (2022). The functions of
time are the principal components of the training trajectories in scaled outputs, so the network never sees a
stiff function of time: it regresses their smooth change with the parameters. Training is full-batch L-BFGS, a
bounded number of steps from a seed.

Two designs are compared on samples left out. What is smooth in the parameters is a polynomial of low degree and one
network for what it leaves, trained to the end. What changes its course within the box (a switch, an oscillation that
drifts apart) is the mean of several networks (Hansen and Salamon, IEEE Trans. Pattern Anal. 12, 1990), whose weights
are held small: how small is compared, too."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize

from stiffdsl.surrogate.regression.radial import exponent_table, tail

WIDTH = 32
LAYERS = 3
# A training takes no more, where nothing else is said.
STEPS = 800
_TAIL_SHARE = 0.35
_GREATEST_DEGREE = 4

Layers = list[tuple[Any, Any]]


@dataclass(frozen=True)
class NetworkDesign:
    """Networks, one for each of `decays` of their weights, beside a polynomial of at most `degree`.

    They are trained for `steps`, or until a step improves by less than `enough`; a score counts by its share of the
    largest to the power `emphasis`.
    """

    degree: int
    decays: tuple[float, ...]
    steps: int
    emphasis: float
    enough: float


# Small scores are emphasised beyond their share of the trajectories' error, which is 2.
SMOOTH = NetworkDesign(_GREATEST_DEGREE, (1e-10,), STEPS, 0.5, 1e-15)
ROUGH = NetworkDesign(0, (1e-4,), 400, 2.0, 1e-6)
# The rough design is tried where the smooth one errs by more than this share of the scores: with several networks for
# each decay, in fewer steps.
_ROUGH_FROM, _TRIAL_STEPS = 0.02, 250
_DECAYS, _TRIED, _MEMBERS = (1e-5, 1e-4, 4e-4), 2, 6


@dataclass(frozen=True, eq=False)
class NetworkMap:
    """scores(z) = polynomial(z) @ tail + size * mlp(z): weights and biases per layer, tanh between.

    Of several networks the mean counts; their weights and biases are stacked.
    """

    degree: int
    tail: np.ndarray
    size: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @property
    def members(self) -> int:
        return len(self.weights[0]) if self.weights[0].ndim == 3 else 1

    def __call__(self, xp: Any, z: Float[Any, "k d"]) -> Any:
        layers = list(zip(self.weights, self.biases, strict=True))
        found = _mlp(xp, layers, z)
        return tail(xp, z, self.degree) @ self.tail + self.size * (
            found if found.ndim == 2 else found.mean(0)
        )

    def some(self, members: int | slice) -> "NetworkMap":
        """One of several networks, or some of them."""
        return replace(
            self,
            weights=tuple(weight[members] for weight in self.weights),
            biases=tuple(bias[members] for bias in self.biases),
        )

    def leading(self, count: int) -> "NetworkMap":
        """The map to the first `count` scores."""
        return replace(
            self,
            tail=np.ascontiguousarray(self.tail[:, :count]),
            size=self.size[:count].copy(),
            weights=(*self.weights[:-1], np.ascontiguousarray(self.weights[-1][..., :count])),
            biases=(*self.biases[:-1], self.biases[-1][..., :count].copy()),
        )


def _mlp(xp: Any, layers: list[Any], z: Any) -> Any:
    for weight, bias in layers[:-1]:
        z = xp.tanh(z @ weight + bias[..., None, :])
    weight, bias = layers[-1]
    return z @ weight + bias[..., None, :]


def fit(z: np.ndarray, values: np.ndarray, seed: int, most: int = STEPS) -> tuple[NetworkMap, float]:
    """The network of the best design, and its root mean square error at a fifth of the samples, left out at first.

    `values` (n, r) are scores of orthonormal modes: their errors are errors of trajectories. No training takes more
    than `most` steps.
    """
    order = np.random.default_rng([seed, 6]).permutation(len(z))
    outside, inside = order[: max(1, len(z) // 5)], order[max(1, len(z) // 5) :]

    def errors(trial: NetworkMap) -> np.ndarray:
        return np.linalg.norm(trial(np, z[outside]) - values[outside], axis=1)

    smooth, rough = _within(most, SMOOTH), _within(most, ROUGH)
    best, least = smooth, errors(_trained(smooth, z[inside], values[inside], seed))
    if np.mean(least) > _ROUGH_FROM * np.mean(np.linalg.norm(values, axis=1)):
        tried = replace(rough, decays=tuple(np.repeat(_DECAYS, _TRIED)), steps=min(most, _TRIAL_STEPS))
        trial = _trained(tried, z[inside], values[inside], seed)
        for k, decay in enumerate(_DECAYS):
            found = errors(trial.some(slice(k * _TRIED, (k + 1) * _TRIED)))
            # A sample where the course is another one is far off in any case: it must not decide.
            if np.mean(found) < np.mean(least):
                best, least = replace(rough, decays=(decay,) * _MEMBERS), found
    return _trained(best, z, values, seed), float(np.sqrt(np.mean(least**2)))


def _within(most: int, design: NetworkDesign) -> NetworkDesign:
    return replace(design, steps=min(most, design.steps))


def _trained(design: NetworkDesign, z: np.ndarray, values: np.ndarray, seed: int) -> NetworkMap:
    degree = 0
    while degree < design.degree and len(exponent_table(z.shape[1], degree + 1)) <= _TAIL_SHARE * len(z):
        degree += 1
    polynomial = tail(np, z, degree)
    weights = np.linalg.lstsq(polynomial, values, rcond=None)[0]
    rest = values - polynomial @ weights
    size = np.maximum(np.sqrt(np.mean(rest**2, axis=0)), 1e-300)
    share = (size / np.max(size)) ** design.emphasis
    layers = _begin(z.shape[1], values.shape[1], len(design.decays), seed)
    found = _minimised(layers, z, rest / size, share / np.mean(share), design)
    made = NetworkMap(degree, weights, size, tuple(w for w, _ in found), tuple(b for _, b in found))
    return made if len(design.decays) > 1 else made.some(0)


def _begin(inputs: int, outputs: int, members: int, seed: int) -> Layers:
    """Layers of networks, stacked."""
    rng = np.random.default_rng([seed, 7])
    sizes = [inputs, *[WIDTH] * LAYERS, outputs]
    return [
        (rng.normal(size=(members, a, b)) / np.sqrt(a), 0.1 * rng.normal(size=(members, b)))
        for a, b in pairwise(sizes)
    ]


@jax.jit
def _loss(layers: Layers, z: Any, wanted: Any, share: Any, decays: Any) -> Any:
    """The loss of all members together, and its gradient."""

    def loss(layers: Layers) -> Any:
        held = sum(jnp.sum(weight**2, axis=(1, 2)) for weight, _ in layers)
        error = jnp.mean(share * (_mlp(jnp, layers, z) - wanted) ** 2, axis=(1, 2))
        return jnp.sum(error + decays * held)

    return jax.value_and_grad(loss)(layers)


def _minimised(
    layers: Layers, z: np.ndarray, wanted: np.ndarray, share: np.ndarray, design: NetworkDesign
) -> Layers:
    """The layers after L-BFGS (Liu and Nocedal, Math. Programming 45, 1989)."""
    leaves, tree = jax.tree.flatten(layers)
    ends = np.cumsum([leaf.size for leaf in leaves])
    decays = np.array(design.decays)

    def unflat(flat: np.ndarray) -> Layers:
        parts = np.split(flat, ends[:-1])
        return jax.tree.unflatten(tree, [p.reshape(x.shape) for p, x in zip(parts, leaves, strict=True)])

    def host(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _loss(unflat(flat), z, wanted, share, decays)
        return float(value), np.concatenate([np.ravel(x) for x in jax.tree.leaves(slope)])

    options = {
        "maxiter": design.steps,
        "maxfun": 2 * design.steps,
        "maxcor": 30,
        "ftol": design.enough,
        "gtol": 1e-10,
    }
    first = np.concatenate([np.ravel(leaf) for leaf in leaves])
    return unflat(minimize(host, first, jac=True, method="L-BFGS-B", options=options).x)
