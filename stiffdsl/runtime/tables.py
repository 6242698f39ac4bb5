"""The tables a user looks at: parameters, states, variables, inputs."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.solve.base import html

# Rows of a table that are shown where it is only looked at.
SHOWN = 50


def value_text(value: float, labels: tuple[str, ...] = ()) -> str:
    """A value as text of six figures, or the label that it stands for where it is one of an enumeration."""
    if labels and value in range(1, len(labels) + 1):
        return labels[int(value) - 1]
    return f"{value + 0.0:.6g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One scalar. `value` is a parameter's value or a start value, in `unit`; `range` is (low, high) or None. `labels`
    are those of the enumeration that it is a value of, from 1."""

    name: str
    unit: str | None
    value: float | None
    range: tuple[float, float] | None
    doc: str | None
    kind: str
    labels: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The value as text: a number, or a label."""
        return "" if self.value is None else value_text(self.value, self.labels)


def _plain(name: str) -> str:
    return re.sub(r"\[[^\[\]]*\]", "", name)


class Table:
    """Rows in the order of the model; found by position or by name. `groups` are what is found by name alone, such as
    the weights of a network: each gives what is meant by a name with indices."""

    def __init__(self, rows: list[Row], groups: Mapping[str, Callable[[str], Any]] | None = None):
        self._rows = rows
        self._groups = dict(groups or {})
        self._by_name = {row.name: row for row in rows}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name or (isinstance(name, str) and _plain(name) in self._groups)

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str):
            if key not in self._by_name and _plain(key) in self._groups:
                return self._groups[_plain(key)](key)
            if key not in self._by_name:
                hint = did_you_mean(key, [*self.names, *self._groups])
                raise KeyError(f"there is no `{key}`" + (f"; {hint}" if hint else ""))
            return self._by_name[key]
        return self._rows[key]

    @property
    def names(self) -> list[str]:
        return [row.name for row in self._rows]

    def to_pandas(self):
        """A `pandas.DataFrame`, one row each."""
        import pandas

        columns = ("name", "unit", "value", "range", "doc", "kind")
        return pandas.DataFrame([{c: getattr(r, c) for c in columns} for r in self._rows], columns=columns)

    def keys(self) -> list[str]:
        """The names of all rows."""
        return self.names

    def _cells(self) -> list[tuple[str, ...]]:
        """Headings, and the first rows as text."""
        cells = [("name", "value", "unit", "range", "doc")]
        for row in self._rows[:SHOWN]:
            bounds = "" if row.range is None else f"{row.range[0]:g}..{row.range[1]:g}"
            cells.append((row.name, row.label, row.unit or "", bounds, row.doc or ""))
        return cells

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        head, *rows = self._cells()
        return html.table(head, rows, more=len(self._rows) - len(rows))

    def __repr__(self) -> str:
        cells = self._cells()
        width = [max(len(c[k]) for c in cells) for k in range(5)]
        lines = ["  ".join(c[k].ljust(width[k]) for k in range(5)).rstrip() for c in cells]
        lines += [repr(group(name)) for name, group in self._groups.items()]
        if len(self._rows) > SHOWN:
            lines.append(f"… {len(self._rows) - SHOWN} more")
        return "\n".join(lines)
