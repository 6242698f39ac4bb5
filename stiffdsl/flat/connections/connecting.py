"""`connect`: which port meets which, for every member of a loop or an array at once."""

import numpy as np

from stiffdsl.flat.arrays.shapes import lengths, open_axes, text
from stiffdsl.flat.connections.connect import Ports
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.instance import Fault, Node, positions
from stiffdsl.syntax import tree


def ports_of(nodes: list[Node]) -> dict[int, Ports]:
    """All ports of a model, by the identity of their connector."""
    groups: dict[int, Ports] = {}
    for node in nodes:
        if node.use is not None and node.use.kind == "port":
            groups.setdefault(id(node.cls), Ports(node.cls)).add(node)
    return groups


def connect(
    context: Context, node: Node, statement: tree.Connect, domain: IterationDomain, ports: dict[int, Ports]
) -> None:
    """Gather which faces of ports meet; raises `Fault` where they do not fit together."""
    # Ends of fields were joined where they were checked.
    named = [point for point in statement.points if isinstance(point, tree.Name)]
    points = [point for point in named if not _is_absent(node, point)]
    if len(points) < 2 and len(points) < len(statement.points):
        return
    look = StatementExpansion(context, node, domain)
    shapes = [_port_shape(node, point, look) for point in points]
    shape = next((s for s in shapes if s), ())
    for point, other in zip(points, shapes, strict=True):
        if other and other != shape:
            raise Fault(
                "E0305",
                f"`{text(point)}` is {lengths(other)}, what it is connected to is {lengths(shape)}",
                point.span,
                help="connect single ports in a `for`",
            )
    if shape:
        domain = domain.product(shape)
    found = [_port(context, node, point, domain) for point in points]
    for point, (target, _) in zip(points, found, strict=True):
        if target.cls is not found[0][0].cls:
            raise Fault(
                "E0252",
                f"a `{found[0][0].cls.name}` cannot be connected to a `{target.cls.name}`",
                point.span,
            )
    # A port of this model, and what it holds, is seen from inside: its outside face.
    own = np.array([_own(node, point) for point in points])
    _join(ports, [t for t, _ in found], [i for _, i in found], own, domain.size, statement)


def _own(node: Node, point: tree.Name) -> int:
    use = node.children[point.parts[0].name].use
    return int(use is not None and use.kind == "port")


def _join(
    ports: dict[int, Ports],
    targets: list[Node],
    indices: list[list[np.ndarray]],
    own: np.ndarray,
    size: int,
    statement: tree.Connect,
) -> None:
    """The faces of `targets`, at `indices`, meet; so do those of the connectors that they hold."""
    group = ports[id(targets[0].cls)]
    faces = []
    for target, index, outside in zip(targets, indices, own, strict=True):
        instance = group.first[id(target)] + positions(target.prefix, index, size)
        faces.append(2 * instance + outside)
    group.spans.setdefault(0, statement.span)
    group.edges += [(faces[0], face) for face in faces[1:]]
    for name, child in targets[0].children.items():
        count = int(np.prod(child.dims, dtype=np.int64))
        rows = np.repeat(np.arange(size), count)
        axes = np.unravel_index(np.tile(np.arange(count), size), child.dims) if child.dims else ()
        inner = [[*(i[rows] for i in index), *axes] for index in indices]
        _join(ports, [t.children[name] for t in targets], inner, own, size * count, statement)


def _is_absent(node: Node, point: tree.Name) -> bool:
    """Whether a port belongs to a part that its condition leaves out."""
    target: Node | None = node
    for part in point.parts:
        if target is None or part.name in target.absent:
            return target is not None
        target = target.children.get(part.name)
    return False


def _port_shape(node: Node, point: tree.Name, look: StatementExpansion) -> tuple[int, ...]:
    target, shape = node, []
    for part in point.parts:
        child = target.children.get(part.name)
        if child is None:
            raise Fault("E0221", f"there is no port `{part.name}`", point.span)
        if not part.indices:
            shape += child.dims
        else:
            shape += open_axes(look, part.indices)
        target = child
    if target.use is None or target.use.kind != "port":
        raise Fault("E0251", f"`{'.'.join(p.name for p in point.parts)}` is not a port", point.span)
    return tuple(shape)


def _port(
    context: Context, node: Node, point: tree.Name, domain: IterationDomain
) -> tuple[Node, list[np.ndarray]]:
    expansion = StatementExpansion(context, node, domain)
    target, index = node, list(domain.prefix)
    axes = iter(domain.axes)
    for part in point.parts:
        target = target.children[part.name]
        for i in expansion.indices(part, target.dims, point):
            index.append(next(axes) if i is None else i[0] + next(axes) if isinstance(i, tuple) else i)
    return target, index
