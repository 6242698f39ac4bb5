"""The weights of the networks of a model as users see them: by layer, a pytree of JAX, files of safetensors."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.flat.model import FlatNetwork

_INDICES = re.compile(r"\[[^\[\]]*\]")


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True, eq=False)
class NetworkParameters:
    """Weights and biases of a network by layer: `weights[k]` of (outputs, inputs), `biases[k]` of (outputs,); of an
    array of parts with leading axes for these, of lanes with one more.

    A pytree: `jax.grad`, `jax.tree.map` and optimisers take it as it is.
    """

    name: str
    widths: tuple[int, ...]
    activation: str
    arguments: tuple[str, ...]
    result: str
    weights: tuple[Any, ...]
    biases: tuple[Any, ...]

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        kept = (self.name, self.widths, self.activation, self.arguments, self.result)
        return (self.weights, self.biases), kept

    @classmethod
    def tree_unflatten(cls, kept: tuple[Any, ...], children: Sequence[Any]) -> "NetworkParameters":
        return cls(*kept, *children)

    @property
    def size(self) -> int:
        """The number of weights and biases."""
        return sum(np.size(a) for a in (*self.weights, *self.biases))

    def __repr__(self) -> str:
        widths = " -> ".join(map(str, self.widths))
        head = f"{self.name}({', '.join(self.arguments)}) -> {self.result}"
        return f"<network {head}: {widths}, {self.activation}, {self.size} weights>"

    def __call__(self, *arguments: Any) -> Any:
        """The result for arguments as the network gets them: in their declared units, after `scale`. Each is a number
        or an array; one array may hold all of them along its last axis."""
        if len(arguments) == 1 and np.ndim(arguments[0]):
            x = jnp.asarray(arguments[0], dtype=float)
        else:
            x = jnp.concatenate([jnp.ravel(jnp.asarray(a, dtype=float)) for a in arguments])
        if x.shape[-1] != self.widths[0]:
            raise ValueError(f"`{self.name}` takes {self.widths[0]} numbers, not {x.shape[-1]}")
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ jnp.asarray(weight).T + bias
            x = x if k == last else ACTIVATIONS[self.activation](x)
        return x[..., 0] if self.widths[-1] == 1 else x

    # --- files, and networks of Equinox ---

    def tensors(self) -> dict[str, np.ndarray]:
        """Arrays under the names that PyTorch and Equinox give them: `layers.0.weight`, `layers.0.bias`, …"""
        found = {}
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            found[f"layers.{k}.weight"] = np.ascontiguousarray(np.asarray(weight, dtype=float))
            found[f"layers.{k}.bias"] = np.ascontiguousarray(np.asarray(bias, dtype=float))
        return found

    def save(self, path: str | Path) -> Path:
        """Writes a file of safetensors."""
        from safetensors.numpy import save_file

        described = {"widths": ",".join(map(str, self.widths)), "activation": self.activation}
        save_file(self.tensors(), str(path), metadata={"name": self.name, **described})
        return Path(path)

    def loaded(self, path: str | Path) -> "NetworkParameters":
        """This network with the weights of a file of safetensors. Raises `ValueError` for those of another network."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            tensors = load_file(str(path))
        except SafetensorError as error:
            raise ValueError(f"`{path}` is no file of safetensors: {error}") from None
        missing = [name for name in self.tensors() if name not in tensors]
        if missing:
            raise ValueError(
                f"`{path}` has no `{missing[0]}`; it has {', '.join(f'`{n}`' for n in sorted(tensors))}"
            )
        layers = range(len(self.weights))
        parts = [[tensors[f"layers.{k}.{word}"].astype(float) for k in layers] for word in ("weight", "bias")]
        return self.with_arrays(*parts)

    def with_arrays(self, weights: Sequence[Any], biases: Sequence[Any]) -> "NetworkParameters":
        """This network with other weights and biases. Raises `ValueError` for other shapes."""
        sizes = list(pairwise(self.widths))
        if len(weights) != len(sizes) or len(biases) != len(sizes):
            raise ValueError(f"`{self.name}` has {len(sizes)} layers, not {len(weights)}")
        for k, ((before, after), weight, bias) in enumerate(
            zip(sizes, weights, biases, strict=True), start=1
        ):
            for word, array, size in (("weights", weight, (after, before)), ("biases", bias, (after,))):
                if np.shape(array)[-len(size) :] != size:
                    raise ValueError(
                        f"the {word} of layer {k} of `{self.name}` have shape {size}, not {np.shape(array)}"
                    )
        return replace(self, weights=tuple(weights), biases=tuple(biases))

    def to_equinox(self) -> Any:
        """An `equinox.nn.MLP` with these weights; all its hidden layers are of one width."""
        import equinox

        hidden = set(self.widths[1:-1])
        if len(hidden) != 1:
            raise ValueError(
                f"an MLP of Equinox has hidden layers of one width, `{self.name}` has {self.widths[1:-1]}"
            )
        if any(np.ndim(b) != 1 for b in self.biases):
            raise ValueError(
                f"`{self.name}` stands for several networks; take one, as in `parts[3].{self.name}`"
            )
        made = equinox.nn.MLP(
            *(self.widths[0], self.widths[-1], hidden.pop(), len(self.widths) - 2),
            activation=ACTIVATIONS[self.activation],
            key=jax.random.PRNGKey(0),
        )
        arrays = [a for pair in zip(self.weights, self.biases, strict=True) for a in pair]

        def places(network: Any) -> list[Any]:
            return [a for layer in network.layers for a in (layer.weight, layer.bias)]

        return equinox.tree_at(places, made, [jnp.asarray(a) for a in arrays])

    def from_equinox(self, network: Any) -> "NetworkParameters":
        """This network with the weights of an `equinox.nn.MLP`, whose activation must be its own."""
        layers = network.layers
        arrays = [[np.asarray(getattr(x, word)) if not _traced(getattr(x, word)) else getattr(x, word) for x in layers]
                  for word in ("weight", "bias")]  # fmt: skip
        return self.with_arrays(*arrays)


def _traced(value: Any) -> bool:
    return isinstance(value, jax.Array)


ACTIVATIONS = {
    "tanh": jnp.tanh,
    "sin": jnp.sin,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "softplus": jax.nn.softplus,
    "gelu": jax.nn.gelu,
    "relu": jax.nn.relu,
}


def network_of(networks: Sequence[FlatNetwork], name: str) -> FlatNetwork | None:
    """The network of a name, indices of parts left out or not."""
    plain = _INDICES.sub("", name)
    return next((n for n in networks if n.name == plain), None)


def parameters_of(network: FlatNetwork, name: str, find: Any, vector: np.ndarray) -> NetworkParameters:
    """The weights in a vector of parameters; those of some parts by the indices in `name`. `find` looks names up."""
    arrays = [vector[find(f"{name}.{b.path[-1][0]}").scalars] for b in network.blocks]
    kept = (name, network.widths, network.activation, network.arguments, network.result)
    return NetworkParameters(*kept, tuple(arrays[::2]), tuple(arrays[1::2]))


def spread_out(networks: Sequence[FlatNetwork], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """`given`, with the arrays of networks in their place: `g` as `g.weight1`, `g.bias1`, …"""
    if not networks or not any(isinstance(name, str) and network_of(networks, name) for name in given):
        return given
    found: dict[str, Any] = {}
    for name, value in given.items():
        network = network_of(networks, name) if isinstance(name, str) else None
        found |= {name: value} if network is None else dict(_arrays(network, name, value))
    return found


def _arrays(network: FlatNetwork, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, NetworkParameters):
        weights, biases = value.weights, value.biases
    elif hasattr(value, "layers"):
        weights, biases = ([getattr(layer, word) for layer in value.layers] for word in ("weight", "bias"))
    elif isinstance(value, Mapping):
        for word, array in value.items():
            yield f"{name}.{word}", array
        return
    else:
        raise ValueError(
            f"`{name}` is a network: give `model.parameters[{name!r}]` with other weights, a network of Equinox, or a "
            "mapping such as `{'weight1': ..., 'bias1': ...}`"
        )
    if len(weights) != len(network.widths) - 1 or len(biases) != len(weights):
        raise ValueError(f"`{name}` has {len(network.widths) - 1} layers, not {len(weights)}")
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        yield f"{name}.weight{k}", weight
        yield f"{name}.bias{k}", bias
