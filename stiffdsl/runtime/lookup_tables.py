"""The tables of a model as users see them, and other figures for them by name."""

from collections.abc import Collection, Mapping, Sequence
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


class FiguresOfTables:
    """Other figures for tables by name, as `with_figures` takes them, of any number of rows: for a model that is being
    compiled."""

    def __init__(self, tables: Mapping[str, Any]):
        self.tables = mapping(tables, "`tables`")
        self.known: list[str] = []

    def __call__(self, table: FlatTable) -> tuple[np.ndarray, ...] | None:
        """The figures of a table in SI. Raises `ValueError` for what is no table."""
        self.known.append(table.name)
        if table.name not in self.tables:
            return None
        blocks = (*table.knots, table.values)
        columns = [np.asarray(c, dtype=float) for c in _columns(table, self.tables[table.name])]
        *knots, values = (c * b.scale + b.shift for c, b in zip(columns, blocks, strict=True))
        rows, size = (
            " x ".join(str(len(x)) if x.ndim == 1 else "?" for x in knots),
            tuple(x.size for x in knots),
        )
        if any(x.ndim != 1 for x in knots) or values.shape != size or 0 in size:
            raise ValueError(
                f"`{table.name}`: values of shape {values.shape} do not fit arguments of {rows} rows"
            )
        if not all(np.all(np.isfinite(c)) for c in columns):
            raise ValueError(f"`{table.name}`: a figure is missing, or is no number")
        for x, block in zip(knots, table.knots, strict=True):
            if np.any(np.diff(x) <= 0):
                raise ValueError(f"the arguments `{block.name}` of the table must ascend")
        if table.outside == "repeat" and min(size) < 2:
            raise ValueError(f"`{table.name}`: a table that repeats needs two rows at least")
        return (*knots, values)

    def check_names(self) -> None:
        """Raises `KeyError` for a name that is none of the tables that there are."""
        for name in self.tables:
            if name not in self.known:
                raise _unknown(name, self.known)


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
            raise _unknown(name, known)
        table = known[name]
        for block, figures in zip((*table.knots, table.values), _columns(table, given), strict=True):
            size = block.path[-1][1]
            if np.shape(figures) != size:
                rows = " x ".join(map(str, table.values.path[-1][1]))
                raise ValueError(
                    f"`{name}` has {rows} rows in the compiled model, and others are given: a run takes as many; for "
                    "more give them to `load(tables=…)`, or change the file, or the rows in the text"
                )
            found[f"{name}.{_argument(block)}"] = figures
    return {**(params or {}), **found}


def _unknown(name: str, known: Collection[str]) -> KeyError:
    hint = did_you_mean(name, known) or f"it has {', '.join(f'`{k}`' for k in known) or 'none'}"
    return KeyError(f"the model has no table `{name}`; {hint}")


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
