"""The tables of a model as users see them, and other figures for them by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.flat.model import Block, FlatTable
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.solve.base.arguments import mapping, numbers


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A table in declared units: `knots` and `units` by argument, `values` over them in `unit`."""

    name: str
    knots: dict[str, np.ndarray]
    units: dict[str, str | None]
    values: np.ndarray
    unit: str | None
    method: str
    outside: str

    def __repr__(self) -> str:
        size = " x ".join(str(len(x)) for x in self.knots.values())
        return f"<table {self.name}({', '.join(self.knots)}): {size} rows, {self.method}, outside {self.outside}>"


def tables_of(model: CompiledProgram) -> dict[str, LookupTable]:
    """The tables that equations look into, by name, with the figures of the model."""
    found = {}
    for table in model.program.system.flat.tables:
        *knots, values = (
            (f - b.shift) / b.scale for f, b in zip(table.figures, (*table.knots, table.values), strict=True)
        )
        names = [_argument(b) for b in table.knots]
        found[table.name] = LookupTable(
            table.name,
            dict(zip(names, knots, strict=True)),
            {name: b.unit for name, b in zip(names, table.knots, strict=True)},
            values.reshape(table.values.path[-1][1]),
            table.values.unit,
            table.method,
            table.outside,
        )
    return found


def with_figures(
    model: CompiledProgram, params: Mapping[str, Any] | None, tables: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """`params`, and the figures of `tables` as parameters: for each `(x, values)`, `(x, y, values)` of two arguments, a
    pandas Series by its index, or a frame of two columns. Raises `KeyError` and `ValueError`."""
    if not tables:
        return params
    known = {t.name: t for t in model.program.system.flat.tables}
    found: dict[str, Any] = {}
    for name, given in mapping(tables, "`tables`").items():
        if name not in known:
            hint = did_you_mean(name, known) or f"it has {', '.join(f'`{k}`' for k in known) or 'none'}"
            raise KeyError(f"the model has no table `{name}`; {hint}")
        table = known[name]
        for block, figures in zip((*table.knots, table.values), _columns(table, given), strict=True):
            size = block.path[-1][1]
            if np.shape(figures) != size:
                rows = " x ".join(map(str, table.values.path[-1][1]))
                raise ValueError(
                    f"`{name}` has {rows} rows in the compiled model, and others are given: a run takes as many; for "
                    "more change the file, or the rows in the text, and compile again"
                )
            found[f"{name}.{_argument(block)}"] = figures
    return {**(params or {}), **found}


def _argument(block: Block) -> str:
    return block.path[-1][0]


def _columns(table: FlatTable, given: Any) -> Sequence[Any]:
    count = len(table.knots) + 1
    if hasattr(given, "columns") and hasattr(given, "to_numpy") and len(list(given.columns)) == count == 2:
        given = [given[c].to_numpy() for c in given.columns]
    elif hasattr(given, "index") and hasattr(given, "to_numpy"):
        given = given.index.to_numpy(), given.to_numpy()
    if not isinstance(given, Sequence) or isinstance(given, str | bytes) or len(given) != count:
        wanted = "(x, values)" if count == 2 else "(x, y, values)"
        raise ValueError(f"the table `{table.name}` is {wanted}, a Series, or a frame of two columns")
    what = f"each figure of the table `{table.name}`"
    return [x if _is_traced(x) else numbers(x, what) for x in given]


def _is_traced(x: Any) -> bool:
    return hasattr(x, "aval")
