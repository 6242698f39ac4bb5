"""Ports that were forgotten: connected to nothing, so that nothing flows through the other ports of their part either.

A flow that is connected to nothing is zero, and often that is meant: a free end of a shaft, a wall that is insulated.
There the part still does something. Where every flow of a part with several ports is zero for that reason alone, it
does nothing at all, as a resistor of which one pin was left out.
"""

from collections.abc import Iterable

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label, Span
from stiffdsl.flat.aliases import Aliases
from stiffdsl.flat.connections.connect import Ports
from stiffdsl.flat.instance import Node

# So many ports are named.
NAMED = 3


def forgotten(groups: Iterable[Ports], found: Aliases) -> tuple[Diagnostic, ...]:
    """The warning about parts of which one port is connected, another is not, and nothing flows."""
    groups = tuple(groups)
    if not any(group.alone.any() for group in groups):
        return ()
    ports: dict[int, list[tuple[Ports, Node]]] = {}
    for group in groups:
        for node in group.nodes:
            part = _part(node)
            if part is not None and part.parent is not None:
                ports.setdefault(id(part), []).append((group, node))
    missed = [name for own in ports.values() if len(own) > 1 for name in _missed(own, found)]
    if not missed:
        return ()
    names = ", ".join(f"`{name}`" for name, _ in missed[:NAMED])
    more = f" and {len(missed) - NAMED} more" if len(missed) > NAMED else ""
    one = len(missed) == 1
    labels: dict[Span, str] = {}
    for name, part in missed[:NAMED]:
        if part.use is not None:
            labels.setdefault(part.use.span, name.rpartition(".")[0])
    return (
        Diagnostic(
            code="W0301",
            title=f"{names}{more} {'is' if one else 'are'} connected to nothing",
            labels=tuple(Label(span, f"nothing flows through `{name}`") for span, name in labels.items()),
            notes=("a flow that is connected to nothing is zero",),
            help="connect it, or take the part out" if one else "connect them, or take the parts out",
        ),
    )


def _missed(own: list[tuple[Ports, Node]], found: Aliases) -> list[tuple[str, Node]]:
    """The open ports of one part, an array of parts taken together, whose flows are all zero."""
    alone = [group.alone[group.first[id(node)] :][: _instances(node)] for group, node in own]
    if not any(each.any() for each in alone):
        return []
    part = _part(own[0][1])
    assert part is not None
    parts = _instances(part)
    blocks = [node.blocks[v.name] for group, node in own for v in group.cls.variables if v.kind == "flow"]
    if not blocks:
        return []
    flows = [found.sign[b.offset : b.offset + b.size].reshape(parts, -1) for b in blocks]
    still = np.logical_and.reduce([(sign == 0).all(axis=1) for sign in flows])
    connected = np.logical_or.reduce([~each.reshape(parts, -1).all(axis=1) for each in alone])
    missed = []
    for (_, node), each in zip(own, alone, strict=True):
        # A connector that holds ports alone has no flow of its own: its ports are told.
        if not node.blocks:
            continue
        chosen = each.reshape(parts, -1) & (still & connected)[:, None]
        missed += [(_name(node, int(k)), part) for k in np.flatnonzero(chosen)]
    return missed


def _part(node: Node) -> Node | None:
    """The part that a port belongs to, however many connectors it is held by."""
    part = node.parent
    while part is not None and part.use is not None and part.use.kind == "port":
        part = part.parent
    return part


def _instances(node: Node) -> int:
    return int(np.prod(node.prefix, dtype=np.int64))


def _name(node: Node, k: int) -> str:
    """The name of port `k` of a node: that of one of its variables, without the last segment."""
    block = next(iter(node.blocks.values()))
    return block.scalar_name(k * (block.size // _instances(node))).rsplit(".", 1)[0]
