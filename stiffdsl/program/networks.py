"""Networks as operations: products of matrices and vectors, with activations between them.

Layers of many calls at once lie side by side: (width, calls), call after call within a row. A Jacobian is a chain of
products, taken from the side with fewer directions: (directions, width, calls). Everything is arithmetic and `matmul`,
whose derivatives are `matmul` and `outer` (`matrices.py`): derivatives of any order follow from the rules there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stiffdsl.program.builder import Builder
from stiffdsl.program.derivatives.tangents import tangent_along
from stiffdsl.program.lookups import LookupPlace
from stiffdsl.program.operations import OPERATIONS


@dataclass(frozen=True)
class NetworkPlaces:
    """A network in the vectors of a program: of each layer weights and biases, of all instances one after another."""

    widths: tuple[int, ...]
    activation: str
    instances: int
    weights: tuple[LookupPlace, ...]
    biases: tuple[LookupPlace, ...]


# --- activations: the value at z, and the slope at z where the value is h ---


def _sigmoid(b: Builder, z: int) -> int:
    """`1/(1 + exp(-z))`, without an overflow."""
    half = b.number(0.5)
    inner = b.apply("tanh", b.apply("mul", half, z))
    return b.apply("add", half, b.apply("mul", half, inner))


def _gelu_inner(b: Builder, z: int) -> tuple[int, int]:
    """The argument of the hyperbolic tangent in `gelu`, and its slope."""
    square = b.apply("mul", z, z)
    factor = b.number(float(np.sqrt(2 / np.pi)))
    cubic = b.apply("mul", b.number(0.044715), square)
    value = b.apply("mul", factor, b.apply("mul", z, b.apply("add", b.number(1.0), cubic)))
    three = b.apply("mul", b.number(3.0), cubic)
    return value, b.apply("mul", factor, b.apply("add", b.number(1.0), three))


def _gelu(b: Builder, z: int) -> int:
    inner = b.apply("tanh", _gelu_inner(b, z)[0])
    return b.apply("mul", b.apply("mul", b.number(0.5), z), b.apply("add", b.number(1.0), inner))


def _gelu_slope(b: Builder, z: int, h: int) -> int:
    u, slope = _gelu_inner(b, z)
    t, one, half = b.apply("tanh", u), b.number(1.0), b.number(0.5)
    bent = b.apply("mul", b.apply("mul", z, slope), b.apply("sub", one, b.apply("mul", t, t)))
    return b.apply("mul", half, b.apply("add", b.apply("add", one, t), bent))


def _softplus(b: Builder, z: int) -> int:
    """`log(1 + exp(z))` as `z/2 + log(2 cosh(z/2))`."""
    half = b.apply("mul", b.number(0.5), z)
    return b.apply("add", half, b.apply("log", b.apply("mul", b.number(2.0), b.apply("cosh", half))))


def _silu(b: Builder, z: int) -> int:
    return b.apply("mul", z, _sigmoid(b, z))


def _silu_slope(b: Builder, z: int, h: int) -> int:
    s = _sigmoid(b, z)
    return b.apply("add", s, b.apply("mul", h, b.apply("sub", b.number(1.0), s)))


def _of_square(b: Builder, z: int, h: int) -> int:
    return b.apply("sub", b.number(1.0), b.apply("mul", h, h))


def _sigmoid_slope(b: Builder, z: int, h: int) -> int:
    return b.apply("mul", h, b.apply("sub", b.number(1.0), h))


_ACTIVATIONS = {
    "tanh": (lambda b, z: b.apply("tanh", z), _of_square),
    "sin": (lambda b, z: b.apply("sin", z), lambda b, z, h: b.apply("cos", z)),
    "sigmoid": (_sigmoid, _sigmoid_slope),
    "silu": (_silu, _silu_slope),
    "swish": (_silu, _silu_slope),
    "softplus": (_softplus, lambda b, z, h: _sigmoid(b, z)),
    "gelu": (_gelu, _gelu_slope),
    "relu": (
        lambda b, z: b.apply("relu", z),
        lambda b, z, h: b.apply("select", b.apply("gt", z, b.number(0.0)), b.number(1.0), b.number(0.0)),
    ),
}


# --- calls ---


def network(
    b: Builder,
    places: NetworkPlaces,
    directions: Sequence[int],
    output: int,
    site: int,
    arguments: Sequence[int],
) -> int:
    """An entry of the result of a network in each member, or its derivative by some arguments. `output` and `site` are
    constants: the entry, and the instance whose weights are taken."""
    size = max((s for k in (output, site, *arguments) if (s := b.ops[k].size) is not None), default=None)
    entry, where = (np.asarray(b.known(k), dtype=float).astype(np.int64) for k in (output, site))
    if size is None or all(b.ops[k].size is None for k in (site, *arguments)):
        found = _Calls(b, places, where.reshape(1), list(arguments), 1).result(directions)
        return b.element(found, int(entry)) if size is None else b.take(found, entry)
    of = np.arange(size)
    where, entry = np.broadcast_to(where, (size,)), np.broadcast_to(entry, (size,))
    if np.any(entry != entry[0]):
        first, of = _distinct(b, [site, *arguments], size)
        if len(first) < size:
            known: dict[int, int] = {}
            arguments, where = [_restricted(b, a, first, known) for a in arguments], where[first]
            if len(first) == 1:
                arguments = [a if b.ops[a].size is None else b.element(a, 0) for a in arguments]
    found = _Calls(b, places, where, list(arguments), len(where)).result(directions)
    return b.take(found, entry * len(where) + of)


class _Calls:
    """`count` calls of one network."""

    def __init__(
        self, b: Builder, places: NetworkPlaces, sites: np.ndarray, arguments: list[int], count: int
    ):
        self.b, self.places, self.count = b, places, count
        self.one = bool(np.all(sites == sites[0]))
        self.groups = 1 if self.one else count
        self.sites = sites[:1] if self.one else sites
        self.input = self._side_by_side(arguments)

    def _side_by_side(self, arguments: list[int]) -> int:
        b = self.b
        if self.count > 1:
            return b.concatenate([b.full(a, self.count) for a in arguments])
        ops = [b.ops[a] for a in arguments]
        if all(op.name == "element" and op.args == ops[0].args for op in ops):
            return b.full(b.take(ops[0].args[0], np.array([op.data for op in ops])), len(ops))
        return b.stack(arguments)

    def _matrix(self, place: LookupPlace) -> int:
        """The weights, or biases, of the instances in question."""
        size = place.count // self.places.instances
        index = (self.sites[:, None] * size + np.arange(size)).ravel()
        return self.b.full(self.b.take(place.vector, place.first + index), len(index))

    def _layers(self) -> tuple[list[int], list[int]]:
        """Before and after the activation of each hidden layer, and the result at the end of the former."""
        b, widths = self.b, self.places.widths
        activation, _ = _ACTIVATIONS[self.places.activation]
        inner, outer, h = [], [], self.input
        for k, (before, after) in enumerate(pairwise(widths)):
            z = self._product(k, h, 1, False)
            bias = self._matrix(self.places.biases[k])
            if self.count > 1:
                ones = b.full(b.number(1.0), self.count)
                bias = b.matmul(bias, ones, (1, after, 1, self.count, self.groups, False))
            z = b.apply("add", z, bias)
            inner.append(z)
            if k < len(widths) - 2:
                h = activation(b, z)
                outer.append(h)
            del before
        return inner, outer

    def _product(self, layer: int, x: int, times: int, transposed: bool) -> int:
        """The matrix of a layer times `x`, in each of as many directions."""
        before, after = self.places.widths[layer : layer + 2]
        data = (times, after, before, self.count, self.groups, transposed)
        return self.b.matmul(self._matrix(self.places.weights[layer]), x, data)

    def result(self, directions: Sequence[int]) -> int:
        """The entries of the result, or their derivatives: (result, calls)."""
        b, (first, *_, last) = self.b, self.places.widths
        if not directions:
            return self._layers()[0][-1]
        if len(directions) == 1:
            (k,) = directions
            jacobian, by_result = self._jacobian()
            calls, entries = np.arange(self.count), np.arange(last)[:, None]
            place = entries * first + k if by_result else k * last + entries
            return b.full(b.take(jacobian, (place * self.count + calls).ravel()), last * self.count)
        *before, k = directions
        seed = np.zeros((first, self.count))
        seed[k] = 1.0
        slope = tangent_along(b, self.result(before), self.input, b.vector(seed.ravel()))
        return b.full(b.number(0.0) if slope is None else slope, last * self.count)

    def _jacobian(self) -> tuple[int, bool]:
        """(result, argument, calls), where there are no more results than arguments, else (argument, result, calls)."""
        b, widths = self.b, self.places.widths
        inner, outer = self._layers()
        _, slope = _ACTIVATIONS[self.places.activation]
        slopes = [slope(b, z, h) for z, h in zip(inner, outer, strict=False)]
        by_result = widths[-1] <= widths[0]
        times = widths[-1] if by_result else widths[0]
        layers = list(range(len(widths) - 1))
        order = layers[::-1] if by_result else layers
        chain = self._begun(order[0], times, by_result)
        for k in order[1:]:
            bend = slopes[k] if by_result else slopes[k - 1]
            many = b.concatenate([b.full(bend, b.size(inner[k if by_result else k - 1]))] * times)
            chain = self._product(k, b.apply("mul", chain, many), times, by_result)
        return chain, by_result

    def _begun(self, layer: int, times: int, by_result: bool) -> int:
        """The first product of the chain: that with the unit vectors."""
        b, (before, after) = self.b, self.places.widths[layer : layer + 2]
        if self.count == 1:
            matrix = self._matrix(self.places.weights[layer])
            turned = np.arange(after * before).reshape(after, before).T.ravel()
            return matrix if by_result else b.full(b.take(matrix, turned), len(turned))
        unit = np.repeat(np.eye(times)[:, :, None], self.count, axis=2)
        return self._product(layer, b.vector(unit.ravel()), times, by_result)


# --- members that are alike: entries of the result for the same arguments ---


def _distinct(b: Builder, values: Sequence[int], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first member of each kind, and the kind of each member, by where the `values` are read."""
    columns: list[np.ndarray] = []
    seen: set[int] = set()
    for value in values:
        columns += _columns(b, value, size, seen)
    if not columns:
        return np.zeros(1, dtype=np.int64), np.zeros(size, dtype=np.int64)
    _, first, of = np.unique(np.stack(columns, axis=1), axis=0, return_index=True, return_inverse=True)
    return first, np.ravel(of)


def _columns(b: Builder, value: int, size: int, seen: set[int]) -> list[np.ndarray]:
    """The places that tell the members of a vector apart: those that they are read from."""
    op = b.ops[value]
    if op.size is None or value in seen or op.name == "full":
        return []
    seen.add(value)
    match op.name:
        case "table":
            return [np.unique(b.tables.arrays[op.data], return_inverse=True)[1]]
        case "take":
            return [b.tables.arrays[op.data].astype(np.int64)]
    if op.name in OPERATIONS:
        return [c for a in op.args for c in _columns(b, a, size, seen)]
    return [np.arange(size)]


def _restricted(b: Builder, value: int, members: np.ndarray, known: dict[int, int]) -> int:
    """Some members of a vector, computed for these alone."""
    op = b.ops[value]
    if op.size is None:
        return value
    if value not in known:
        if op.name in OPERATIONS:
            known[value] = b.apply(op.name, *(_restricted(b, a, members, known) for a in op.args))
        else:
            known[value] = b.take(value, members)
    return known[value]
