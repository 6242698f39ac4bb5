"""Networks by NumPy, written apart from the package."""

import numpy as np
from scipy.special import expit

ACTIVATIONS = {
    "tanh": np.tanh,
    "sin": np.sin,
    "sigmoid": expit,
    "silu": lambda z: z * expit(z),
    "swish": lambda z: z * expit(z),
    "softplus": lambda z: np.logaddexp(z, 0.0),
    "relu": lambda z: np.maximum(z, 0.0),
    "gelu": lambda z: 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
}


def result(weights, biases, activation, x):
    """The result of a network for one vector."""
    h = np.asarray(x, dtype=float)
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        h = np.asarray(w) @ h + np.asarray(b)
        h = h if k == len(weights) - 1 else ACTIVATIONS[activation](h)
    return h


def random_weights(model, seed=0):
    """p of a model with random weights, and these by network: (weights, biases) of each instance."""
    random = np.random.default_rng(seed)
    p, found = model.default_parameters.copy(), {}
    for network in model.program.system.flat.networks:
        arrays = []
        for block in network.blocks:
            values = 0.7 * random.standard_normal(block.size)
            p[block.offset : block.offset + block.size] = values
            arrays.append(values.reshape(network.instances, *block.path[-1][1]))
        found[network.name] = [
            ([a[i] for a in arrays[::2]], [a[i] for a in arrays[1::2]]) for i in range(network.instances)
        ]
    return p, found


def slopes(f, y, step=1e-5):
    """The derivative of f by central differences."""
    columns = [(f(y + step * e) - f(y - step * e)) / (2 * step) for e in np.eye(len(y))]
    return np.stack(columns, axis=1)
