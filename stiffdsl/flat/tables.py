"""Tables of a flat model: those that its equations look into, each once, as parameters behind all others."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stiffdsl.check.quantities.units import parse_unit
from stiffdsl.check.tables import TableData, Tabulated
from stiffdsl.flat.instance import Fault, Node
from stiffdsl.flat.model import Block, FlatTable
from stiffdsl.syntax import tree

# The degree of the pieces of a table: how often it has a derivative.
DEGREES = {"constant": 0, "linear": 1, "cubic": 3}


# The figures that a table has in the place of those in the text, in SI: knots of each argument, then values; or None.
OtherFigures = Callable[[FlatTable], tuple[np.ndarray, ...] | None]


@dataclass(eq=False)
class _Used:
    """A table that is looked into, and the names that instances have for it."""

    data: TableData
    names: list[str]


class TablesUsed:
    """Numbers of tables, in the order in which equations mention them; equal figures are one table."""

    def __init__(self) -> None:
        self._used: dict[str, _Used] = {}

    def number(self, data: TableData, name: str) -> tuple[int, int]:
        """The number of a table, and its degree; `name` is what it is called where it is used."""
        key = data.digest
        if key not in self._used:
            self._used[key] = _Used(data, [])
        used = self._used[key]
        if name not in used.names:
            used.names.append(name)
        return list(self._used).index(key), DEGREES[data.method]

    def placed(
        self, first: int, figures: OtherFigures | None = None
    ) -> tuple[tuple[FlatTable, ...], tuple[Block, ...]]:
        """The tables, with other `figures` where there are some, and the blocks of parameters that hold them, from
        parameter `first` on."""
        tables, blocks, taken = [], [], set()
        for used in self._used.values():
            name = used.names[0] if len(used.names) == 1 else used.data.name
            stem, count = name, 1
            while name in taken:
                count += 1
                name = f"{stem}_{count}"
            taken.add(name)
            table = _table(used.data, name, first)
            given = None if figures is None else figures(table)
            if given is not None:
                table = _table(replace(used.data, knots=given[:-1], values=given[-1]), name, first)
            own = table.blocks
            first = own[-1].offset + own[-1].size
            tables.append(table)
            blocks += own
        return tuple(tables), tuple(blocks)


def _table(data: TableData, name: str, first: int) -> FlatTable:
    """The blocks of one table: knots of each argument, values, and slopes where pieces are cubic."""
    made: list[Block] = []
    path = tuple((segment, ()) for segment in name.split("."))

    def block(own: str, shape: tuple[int, ...], unit: str | None, kind: str = "table") -> Block:
        at = first if not made else made[-1].offset + made[-1].size
        scale, shift = (1.0, 0.0) if unit is None else _scale(unit)
        doc = f"{own} of the table {name}"
        made.append(Block((*path, (own, shape)), kind, at, unit, scale, shift, doc, data.span))
        return made[-1]

    knots = tuple(
        block(own, (len(x),), unit) for (own, unit), x in zip(data.arguments, data.knots, strict=True)
    )
    values = block("values", data.values.shape, data.unit)
    slopes = block("slopes", data.values.shape, None, "hidden") if data.method == "cubic" else None
    figures = (*data.knots, data.values.ravel())
    return FlatTable(name, data.method, data.outside, knots, values, slopes, figures, data.span)


def _scale(unit: str) -> tuple[float, float]:
    parsed = parse_unit(unit)
    return parsed.scale, parsed.shift


def table_of(node: Node, path: str, span: tree.Expr) -> tuple[TableData, str]:
    """The figures that a table of `node`, or of a part of it, has in this model, and its name from the root."""
    *parts, last = path.split(".")
    for part in parts:
        node = node.children[part]
    bound = node.modifiers.get((last, "value"))
    if bound is not None:
        value, scope = bound.value, bound.scope
    else:
        value, scope = next(t.value for t in node.cls.tables if t.name == last), node
    if isinstance(value, tree.Name):
        return table_of(scope, ".".join(p.name for p in value.parts), span)
    if not isinstance(value, Tabulated):
        raise Fault("E0228", f"`{path}` has no value", span.span, "this table needs one")
    name = ".".join([*(segment for segment, _ in node.path), last])
    return replace(value.data, name=f"{node.cls.name}.{last}" if node.path else last), name
