"""Connection sets: potentials become aliases, flows balances; topology is index arrays throughout.

Every instance of a port has an inside face (seen from the model that holds its component) and, where the
component connects it to its own parts, an outside face. A set joins faces; in its balance the flow of an inside
face counts plus, of an outside face minus. An inside face in no connection has zero flow. (Modelica Language
Specification 3.6, section 9.2.)
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stiffdsl.check.model import Class
from stiffdsl.diagnostics import Span
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Node

# Balances of at most this many flows are written out term by term in their template.
WRITTEN_OUT = 8


@dataclass(eq=False)
class Ports:
    """All instances of one connector class: port nodes in order, with the number of their first instance."""

    cls: Class
    nodes: list[Node] = field(default_factory=list)
    first: dict[int, int] = field(default_factory=dict)
    count: int = 0
    edges: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    spans: dict[int, Span] = field(default_factory=dict)
    # By instance, whether its inside face is in no connection.
    alone: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def add(self, node: Node) -> None:
        self.first[id(node)] = self.count
        self.nodes.append(node)
        self.count += int(np.prod(node.prefix, dtype=np.int64))

    def scalars(self, member: str) -> np.ndarray:
        """Variable numbers of `member`, shape (instances, size of the member)."""
        columns = []
        for node in self.nodes:
            block = node.blocks[member]
            instances = int(np.prod(node.prefix, dtype=np.int64))
            columns.append(block.offset + np.arange(block.size).reshape(instances, -1))
        return np.concatenate(columns)


@dataclass(frozen=True, eq=False)
class Connections:
    """Equations of a model's connections: equal variables, zero variables, balances."""

    equal: list[tuple[np.ndarray, np.ndarray, int]]
    zero: list[np.ndarray]
    balances: list[Rows]
    equations: int
    ports: tuple[Ports, ...] = ()


def connection_sets(groups: list[Ports]) -> Connections:
    """The equations of all connection sets. Face 2k is the inside of instance k, 2k + 1 its outside."""
    result = Connections([], [], [], 0)
    count = 0
    for ports in groups:
        if not ports.count:
            continue
        a = np.concatenate([e[0] for e in ports.edges]) if ports.edges else np.zeros(0, dtype=np.int64)
        b = np.concatenate([e[1] for e in ports.edges]) if ports.edges else np.zeros(0, dtype=np.int64)
        faces = 2 * ports.count
        graph = coo_array((np.ones(len(a)), (a, b)), shape=(faces, faces))
        _, label = connected_components(graph, directed=False)
        used = np.zeros(faces, dtype=bool)
        used[::2] = True
        used[a] = used[b] = True
        members = np.flatnonzero(used)
        members = members[np.argsort(label[members], kind="stable")]
        start = np.flatnonzero(np.r_[True, np.diff(label[members]) != 0])
        size = np.diff(np.r_[start, len(members)])
        first = np.repeat(members[start], size)
        lonely = members[start[size == 1]]
        ports.alone = np.zeros(ports.count, dtype=bool)
        ports.alone[lonely[lonely % 2 == 0] // 2] = True
        span = ports.nodes[0].cls.span
        for variable in ports.cls.variables:
            scalars = ports.scalars(variable.name)
            if variable.kind == "potential":
                other = members != first
                one, two = scalars[first[other] // 2].ravel(), scalars[members[other] // 2].ravel()
                result.equal.append((one, two, 1))
                count += len(one)
            elif variable.kind == "flow":
                count += len(start) * scalars.shape[1]
                _balances(result, scalars, members, start, size, ports.spans.get(0, span))
    return Connections(result.equal, result.zero, result.balances, count, tuple(groups))


def _balances(
    result: Connections,
    scalars: np.ndarray,
    members: np.ndarray,
    start: np.ndarray,
    size: np.ndarray,
    span: Span,
) -> None:
    result.zero.append(scalars[members[start[size == 1]] // 2].ravel())
    pairs = start[size == 2]
    one, two = members[pairs], members[pairs + 1]
    same = (one % 2) == (two % 2)
    for chosen, sign in ((same, -1), (~same, 1)):
        result.equal.append((scalars[one[chosen] // 2].ravel(), scalars[two[chosen] // 2].ravel(), sign))
    for n in np.unique(size[size > 2]):
        sets = start[size == n][:, None] + np.arange(n)
        if n > WRITTEN_OUT:
            continue
        faces = members[sets]
        outside = faces % 2
        order = np.argsort(outside, axis=1, kind="stable")
        faces, outside = np.take_along_axis(faces, order, 1), np.take_along_axis(outside, order, 1)
        for minus in np.unique(outside.sum(axis=1)):
            rows = faces[outside.sum(axis=1) == minus]
            plus = int(n - minus)
            terms = [("slot", k) if k < plus else ("mul", ("num", -1.0), ("slot", k)) for k in range(n)]
            # One column per face; members of the connector one after another.
            columns = tuple(scalars[rows[:, k] // 2].ravel() for k in range(n))
            result.balances.append(
                Rows(("add", *terms), ("var",) * int(n), columns, (), len(columns[0]), span)
            )
    wide = np.flatnonzero(size > WRITTEN_OUT)
    if not len(wide):
        return
    width = scalars.shape[1]
    owner = np.repeat(np.arange(len(wide)), size[wide])
    position = np.concatenate([np.arange(start[w], start[w] + size[w]) for w in wide])
    sign = 1 - 2 * (members[position] % 2)
    for k in range(width):
        column = scalars[members[position] // 2, k]
        terms, owners = [], []
        skeleton: tuple = ("total", 0)
        for value in (1, -1):
            chosen = sign == value
            if not np.any(chosen):
                continue
            terms.append(Rows(("slot", 0), ("var",), (column[chosen],), (), int(chosen.sum()), span))
            owners.append(owner[chosen])
        if len(terms) == 2:
            skeleton = ("add", ("total", 0), ("mul", ("num", -1.0), ("total", 1)))
        result.balances.append(
            Rows(skeleton, (), (), tuple(zip(terms, owners, strict=True)), len(wide), span)
        )
