"""Networks of a flat model: those that its equations call, each once, as parameters behind all others."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from zlib import crc32

import numpy as np

from stiffdsl.flat.instance import MOST_MEMBERS, Fault, Node, Path
from stiffdsl.flat.model import Block, FlatNetwork
from stiffdsl.syntax import tree

# Dimensions of a declaration, by their expressions and its name.
Sizes = Callable[[tuple[tree.Expr, ...], str], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class NetworkShape:
    """A network with the sizes that it has where it belongs: to `node`, or to its file.

    `arguments`, `result`: their shapes; `widths`: of all layers, the input's first.
    """

    declaration: tree.NetworkDeclaration
    node: Node | None
    arguments: tuple[tuple[int, ...], ...]
    result: tuple[int, ...]
    widths: tuple[int, ...]
    seed: int

    @property
    def whole(self) -> bool:
        """Whether it takes arrays as such; one of numbers goes over arrays element by element."""
        return bool(self.result) or any(self.arguments)

    @property
    def path(self) -> Path:
        before = () if self.node is None else self.node.path
        return (*before, (self.declaration.name, ()))


class NetworksUsed:
    """Numbers of networks, in the order in which equations mention them."""

    def __init__(self) -> None:
        self._used: dict[tuple[int, int], NetworkShape] = {}

    def called(
        self,
        call: tree.NetworkCall,
        node: Node,
        measure: Callable[[Node, tuple[tree.Expr, ...], str], tuple[int, ...]],
    ) -> tuple[int, NetworkShape]:
        """The number of the network that a statement of `node` calls, and its shape."""
        declaration, owner = _called(node, call)
        key = id(declaration), id(owner)
        if key not in self._used:
            self._used[key] = _shaped(declaration, owner, lambda e, name: measure(owner or node, e, name))
        return list(self._used).index(key), self._used[key]

    def placed(self, first: int) -> tuple[tuple[FlatNetwork, ...], tuple[Block, ...]]:
        """The networks, and the blocks of parameters that hold their weights, from parameter `first` on."""
        networks, blocks, taken = [], [], set()
        for shape in self._used.values():
            path, count = shape.path, 1
            while ".".join(s for s, _ in path) in taken:
                count += 1
                path = (*path[:-1], (f"{shape.declaration.name}_{count}", ()))
            taken.add(".".join(s for s, _ in path))
            network = _network(shape, path, first)
            networks.append(network)
            blocks += network.blocks
            first += sum(b.size for b in network.blocks)
        return tuple(networks), tuple(blocks)


def _shaped(declaration: tree.NetworkDeclaration, node: Node | None, sizes: Sizes) -> NetworkShape:
    arguments = tuple([sizes(a.dimensions, a.name) for a in declaration.arguments])
    result = sizes(declaration.result.dimensions, declaration.result.name)
    hidden = _whole(sizes, declaration.hidden, f"the width of a layer of `{declaration.name}`")
    widths = (sum(map(prod, arguments)), *hidden, prod(result))
    if 0 in widths:
        raise Fault("E0304", f"`{declaration.name}` has a layer of no width", declaration.name_span)
    weights = sum(n * m + m for n, m in pairwise(widths))
    count = weights * (prod(node.prefix) if node is not None else 1)
    if count > MOST_MEMBERS:
        raise Fault("E0304", f"`{declaration.name}` comes to {count:,} weights", declaration.name_span)
    seed = 0
    if declaration.seed is not None:
        (seed,) = _whole(sizes, (declaration.seed,), f"the seed of `{declaration.name}`")
    return NetworkShape(declaration, node, arguments, result, widths, seed)


def _whole(sizes: Sizes, exprs: tuple[tree.Expr, ...], what: str) -> tuple[int, ...]:
    """Numbers that are counted by, as sizes are; a mistake calls them `what`."""
    found = []
    for expr in exprs:
        try:
            found += sizes((expr,), what)
        except Fault as fault:
            if fault.diagnostic.code != "E0304":
                raise
            title = f"{what} is not a whole number from 0 on"
            raise Fault("E0304", title, expr.span) from None
    return tuple(found)


def _network(shape: NetworkShape, path: Path, first: int) -> FlatNetwork:
    declaration = shape.declaration
    name = ".".join(segment for segment, _ in path)
    instances = prod(n for _, dims in path for n in dims)
    own = _initial(shape)
    blocks: list[Block] = []
    figures = []
    for k, (before, after) in enumerate(pairwise(shape.widths), start=1):
        for word, size in (("weight", (after, before)), ("bias", (after,))):
            doc = f"{word} of layer {k} of the network {name}"
            at = blocks[-1].offset + blocks[-1].size if blocks else first
            blocks.append(
                Block(
                    (*path, (f"{word}{k}", size)), "network", at, None, 1.0, 0.0, doc, declaration.name_span
                )
            )
            figures.append(np.tile(own[len(blocks) - 1].ravel(), instances))
    arguments = tuple(a.name for a in declaration.arguments)
    activation = declaration.activation or "tanh"
    parts = (name, shape.widths, activation, tuple(blocks), tuple(figures), instances, shape.node is None)
    return FlatNetwork(*parts, arguments, declaration.result.name, declaration.doc, declaration.span)


def _initial(shape: NetworkShape) -> list[np.ndarray]:
    """Weights as Glorot and Bengio (2010) draw them, by the seed and the name; biases of zero."""
    bits = np.random.PCG64(np.random.SeedSequence([shape.seed, crc32(shape.declaration.name.encode())]))
    random = np.random.Generator(bits)
    found = []
    for before, after in pairwise(shape.widths):
        limit = np.sqrt(6.0 / (before + after))
        found += [limit * (2.0 * random.random((after, before)) - 1.0), np.zeros(after)]
    return found


def _called(node: Node, call: tree.NetworkCall) -> tuple[tree.NetworkDeclaration, Node | None]:
    """The declaration of a network that is called, and the node that it belongs to; None of one of a file."""
    if isinstance(call.network, tree.NetworkDeclaration):
        return call.network, None
    *parts, last = call.function.split(".")
    for part in parts:
        if part not in node.children:
            raise Fault(
                "E0309", f"there is no `{part}`: the condition of its declaration does not hold", call.span
            )
        node = node.children[part]
        if node.dims:
            raise Fault(
                "E0305", f"`{part}` is an array of parts, each with a network of its own", call.span,
                help=f"let the class of `{part}` call it, and take its result",
            )  # fmt: skip
    return next(n for n in node.cls.networks if n.name == last), node
