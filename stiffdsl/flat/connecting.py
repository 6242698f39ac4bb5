"""`connect`: which port meets which, for every member of a loop or an array at once."""

import numpy as np

from stiffdsl.flat.connect import Ports
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.instance import Fault, Node, positions
from stiffdsl.flat.shapes import lengths, text
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
    points = [point for point in statement.points if not _is_absent(node, point)]
    if len(points) < 2 and len(points) < len(statement.points):
        return
    shapes = [_port_shape(node, point, domain) for point in points]
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
    faces, group = [], None
    for point in points:
        target, index = _port(context, node, point, domain)
        mine = ports[id(target.cls)]
        if group is not None and mine is not group:
            raise Fault(
                "E0252",
                f"a `{group.cls.name}` cannot be connected to a `{mine.cls.name}`",
                point.span,
            )
        group = mine
        instance = mine.first[id(target)] + positions(target.prefix, index, domain.size)
        faces.append(2 * instance + (1 if len(point.parts) == 1 else 0))
    assert group is not None
    group.spans.setdefault(0, statement.span)
    group.edges += [(faces[0], face) for face in faces[1:]]


def _is_absent(node: Node, point: tree.Name) -> bool:
    """Whether a port belongs to a part that its condition leaves out."""
    target: Node | None = node
    for part in point.parts:
        if target is None or part.name in target.absent:
            return target is not None
        target = target.children.get(part.name)
    return False


def _port_shape(node: Node, point: tree.Name, domain: IterationDomain) -> tuple[int, ...]:
    target, shape = node, []
    for part in point.parts:
        child = target.children.get(part.name)
        if child is None:
            raise Fault("E0221", f"there is no port `{part.name}`", point.span)
        if not part.indices:
            shape += child.dims
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
            index.append(next(axes) if i is None else i)
    return target, index
