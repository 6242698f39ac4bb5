"""Tables: the figures of `csv("f.csv", x = "soc", y = "v")` and of `{(0, 1), (10, 5)}`, read, checked, in SI."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn, TypeGuard

import numpy as np

from stiffdsl.check.quantities.si import plain_number
from stiffdsl.check.quantities.units import Dimension, Unit, UnitError, parse_unit
from stiffdsl.check.report import Report
from stiffdsl.datafiles import DataError, DataFile, held
from stiffdsl.diagnostics import Source, Span, did_you_mean
from stiffdsl.syntax import tree

LoadData = Callable[[str, Source], DataFile | None]

METHODS = ("linear", "cubic", "constant")
OUTSIDE = ("error", "hold", "extend", "repeat")
# Functions whose values are the figures of files.
READERS = ("csv", "epw")
_COLUMNS = ("x", "y", "z")


@dataclass(frozen=True, eq=False)
class TableData:
    """A table in SI: ascending `knots` of each argument, `values` row by row over them. `arguments` are the names and
    declared units, `unit` that of the values; `dimension`, `dimensions` what is known of them, None where nothing."""

    name: str
    arguments: tuple[tuple[str, str | None], ...]
    unit: str | None
    knots: tuple[np.ndarray, ...]
    values: np.ndarray
    method: str
    outside: str
    dimensions: tuple[Dimension | None, ...]
    dimension: Dimension | None
    span: Span

    @property
    def digest(self) -> str:
        """A digest of all that a lookup gives."""
        found = sha256(repr((self.method, self.outside, len(self.knots))).encode())
        for array in (*self.knots, self.values):
            found.update(array.tobytes())
        return found.hexdigest()


@dataclass(frozen=True, eq=False, slots=True)
class Tabulated:
    """The figures of a table where an expression may stand: the value of a modifier, of a declaration, of a call."""

    data: TableData
    span: Span


@dataclass(frozen=True, eq=False)
class SeriesData:
    """The default drive of an input: `values` in SI at `times` in seconds; two at one time are a
    jump."""

    name: str
    times: np.ndarray
    values: np.ndarray
    outside: str
    span: Span


@dataclass(frozen=True, eq=False, slots=True)
class Driven:
    """The figures of an input in the place of its value; `written` is what stands in the text."""

    data: SeriesData
    written: tree.Call
    span: Span


def is_reader(expr: object) -> TypeGuard[tree.Call]:
    """Whether an expression is a call that reads a file."""
    return isinstance(expr, tree.Call) and expr.function in READERS


class _Refused(Exception):
    """A table with a mistake that has been told."""


class TableElaboration:
    """Every table that was asked for, by its declaration; files are read once each."""

    def __init__(self, report: Report, load: LoadData):
        self._report, self._load = report, load
        self._known: dict[int, TableData | None] = {}
        self._files: dict[tuple[str, str], DataFile] = {}
        # Networks of files as they are elaborated, by declaration.
        self.networks: dict[int, tree.NetworkDeclaration] = {}

    def of(self, declaration: tree.TableDeclaration) -> TableData | None:
        """The figures of a declaration; None where it has none, or after a mistake."""
        key = id(declaration)
        if key not in self._known:
            self._known[key] = None
            if declaration.value is not None:
                self._known[key] = self.read(declaration, declaration.value, declaration.span)
        return self._known[key]

    def read(self, declaration: tree.TableDeclaration, value: tree.Expr, span: Span) -> TableData | None:
        """The figures of `value` for what is declared; None after a mistake."""
        try:
            return self._read(declaration, value, span)
        except _Refused:
            return None

    def arity(self, declaration: tree.TableDeclaration) -> int:
        """The number of its arguments."""
        if declaration.arguments:
            return len(declaration.arguments)
        value = declaration.value
        if isinstance(value, tree.ArrayLiteral) and value.items and isinstance(value.items[0], tree.Pair):
            return len(value.items[0].items) - 1
        return 2 if isinstance(value, tree.Call) and any(name == "z" for name, _ in value.named) else 1

    def signature(self, declaration: tree.TableDeclaration) -> list[Dimension | None]:
        """The dimensions of arguments and values, None where nobody says."""
        data = self.of(declaration)
        if data is not None:
            return [*data.dimensions, data.dimension]
        units = [u for _, u in declaration.arguments] or [None] * self.arity(declaration)
        found: list[Dimension | None] = []
        for text in (*units, declaration.unit):
            try:
                found.append(None if text is None else parse_unit(text).dimension)
            except UnitError:
                found.append(None)
        return found

    def file(self, call: tree.Call, source: Source) -> DataFile:
        """The file that a call of a reader names. Raises `_Refused` after a message."""
        if len(call.arguments) != 1 or not isinstance(call.arguments[0], tree.Text):
            self.refuse("E0291", f"`{call.function}` takes the name of a file first", call.span)
        text = call.arguments[0]
        assert isinstance(text, tree.Text)
        key = text.value, source.name
        if key not in self._files:
            try:
                found = self._load(text.value, source)
            except DataError as error:
                self.refuse("E0290", str(error), text.span)
            if found is None:
                self.refuse(
                    "E0290",
                    f"there is no file `{text.value}`",
                    text.span,
                    notes=("looked for it beside the model, in the root of its project and in the library",),
                )
            self._files[key] = found
        return self._files[key]

    def refuse(
        self,
        code: str,
        title: str,
        span: Span,
        label: str = "",
        notes: tuple[str, ...] = (),
        help: str | None = None,
    ) -> NoReturn:
        """Tells a mistake. Raises `_Refused`."""
        self._report.say(code, title, (span, label), notes=notes, help=help)
        raise _Refused

    def series(
        self, name: str, unit: str | None, call: tree.Call, heading: str | None = None
    ) -> Driven | None:
        """The figures of a file over time for an input of that unit, of the column `heading` or the one that the call
        names; None after a mistake."""
        try:
            return Driven(self._series(name, unit, call, heading), call, call.span)
        except _Refused:
            return None

    # --- reading ---

    def _series(self, name: str, unit: str | None, call: tree.Call, heading: str | None) -> SeriesData:
        known = ("t", "values", "method", "outside") if call.function == "csv" else ("method", "outside")
        given = self.named(call, known if heading is not None else (*known, "y"))
        if heading is not None:
            given["y"] = tree.Text(heading, call.span)
        kind = self.choice(given, "values", ("instant", "mean"))
        method = self.choice(given, "method", ("linear", "constant")) or "linear"
        outside = self.choice(given, "outside", OUTSIDE) or "error"
        file = self.file(call, call.span.source)
        if call.function == "epw" and not file.means:
            self.refuse("E0290", f"`{file.name}` is not a weather file (.epw)", call.span)
        k, own = self.find(file, given.get("t"), 0, call)
        column = file.headings[self.find(file, given.get("y"), 1, call)[0]]
        kind = kind or ("mean" if column in file.means else "instant")
        try:
            times, dates = file.times(k)
        except DataError as error:
            self.refuse("E0290", str(error), call.span)
        if not dates:
            times = self.in_si(times, own, "s", (given.get("t") or call).span)[0]
        values, _ = self.column(file, given.get("y"), 1, unit, call)
        known = np.isfinite(values)
        times, values = times[known], values[known]
        if len(times) < 2:
            self.refuse("E0292", f"`{file.name}` holds fewer than two values over time", call.span)
        wrong = np.flatnonzero(~(np.diff(times) > 0 if kind == "mean" else np.diff(times) >= 0))
        if len(wrong):
            line = np.asarray(file.lines)[known][wrong[0] + 1]
            self.refuse("E0292", f"`{file.name}`, line {line}: times must ascend", call.span)
        if kind == "mean":
            times, values = held(times, values)
        elif method == "constant":
            times, values = np.repeat(times, 2)[1:], np.repeat(values, 2)[:-1]
        return SeriesData(name, times, values, outside, call.span)

    def _read(self, declaration: tree.TableDeclaration, value: tree.Expr, span: Span) -> TableData:
        arity = self.arity(declaration)
        if isinstance(value, tree.ArrayLiteral):
            columns, options = self._written(declaration, value, arity), {}
            found: list[Dimension | None] = [None] * (arity + 1)
        elif isinstance(value, tree.Call) and value.function in READERS:
            columns, found, options = self._columns(declaration, value, arity)
        else:
            self.refuse(
                "E0293",
                "a table is read from a file, or written as pairs",
                value.span,
                "is neither",
                help='write `csv("f.csv", x = "soc", y = "v")`, or `{(0, 1), (10, 5)}`',
            )
        method, outside = options.get("method", "linear"), options.get("outside", "error")
        if arity > 1 and method != "linear":
            self.refuse(
                "E0293",
                f"a table of two arguments is linear, not {method}",
                value.span,
                help="leave `method` out",
            )
        units = [self._unit(u, declaration.span) for _, u in declaration.arguments] or [None] * arity
        units.append(self._unit(declaration.unit, declaration.span))
        dimensions = [d if u is None else u.dimension for d, u in zip(found, units, strict=True)]
        names = declaration.arguments or ((("x", None),) if arity == 1 else (("x", None), ("y", None)))
        knots, values = self._curve(columns, value) if arity == 1 else self._grid(columns, value)
        if outside == "repeat" and len(values) < 2:
            self.refuse("E0292", "a table that repeats needs two rows at least", value.span)
        return TableData(
            declaration.name,
            tuple(names),
            declaration.unit,
            knots,
            values,
            method,
            outside,
            tuple(dimensions[:-1]),
            dimensions[-1],
            span,
        )

    def _unit(self, text: str | None, span: Span) -> Unit | None:
        if text is None:
            return None
        try:
            return parse_unit(text)
        except UnitError as error:
            self.refuse("E0501", f"unknown unit `[{text}]`", span, str(error))

    def _written(
        self, declaration: tree.TableDeclaration, value: tree.ArrayLiteral, arity: int
    ) -> list[np.ndarray]:
        rows: list[list[float]] = []
        units = [u for _, u in declaration.arguments] or [None] * arity
        declared = [self._unit(u, declaration.span) for u in (*units, declaration.unit)]
        for item in value.items:
            if not isinstance(item, tree.Pair) or len(item.items) != arity + 1:
                wanted = "pairs `(x, y)`" if arity == 1 else "rows `(x, y, z)`"
                self.refuse("E0293", f"a table that is written in place is {wanted}", item.span, "is none")
            assert isinstance(item, tree.Pair)
            rows.append([self._figure(e, u) for e, u in zip(item.items, declared, strict=True)])
        if not rows:
            self.refuse("E0292", "a table needs at least one row", value.span)
        return list(np.array(rows).T)

    def _figure(self, expr: tree.Expr, declared: Unit | None) -> float:
        """A number in a row, in SI."""
        sign = 1.0
        while isinstance(expr, tree.Unary) and expr.operator == "-":
            expr, sign = expr.operand, -sign
        if isinstance(expr, tree.Number) and expr.unit is not None:
            unit = self._unit(expr.unit, expr.span)
            assert unit is not None
            if declared is not None and unit.dimension != declared.dimension:
                self.refuse("E0506", f"[{expr.unit}] does not fit this table", expr.span, "another dimension")
            return unit.to_si(sign * expr.value)
        number = plain_number(expr)
        if number is None or not np.isfinite(number):
            self.refuse("E0293", "the rows of a table are numbers", expr.span, "is not a number")
        assert number is not None
        return sign * number if declared is None else declared.to_si(sign * number)

    def _columns(
        self, declaration: tree.TableDeclaration, call: tree.Call, arity: int
    ) -> tuple[list[np.ndarray], list[Dimension | None], dict[str, str]]:
        """The columns of a file in SI, what their headings and units say of dimensions, and the options."""
        keys = _COLUMNS[: arity + 1]
        given = self.named(call, (*keys, "method", "outside"))
        options = {
            "method": self.choice(given, "method", METHODS),
            "outside": self.choice(given, "outside", OUTSIDE),
        }
        file = self.file(call, call.span.source)
        units = [u for _, u in declaration.arguments] or [None] * arity
        columns, dimensions = [], []
        for place, (key, declared) in enumerate(zip(keys, (*units, declaration.unit), strict=True)):
            values, dimension = self.column(file, given.get(key), place, declared, call)
            if not np.all(np.isfinite(values)):
                line = file.lines[int(np.argmin(np.isfinite(values)))]
                self.refuse("E0292", f"`{file.name}`, line {line}: a value is missing", call.span)
            columns.append(values)
            dimensions.append(dimension)
        if not len(columns[0]):
            self.refuse("E0292", f"`{file.name}` has no rows", call.span)
        return columns, dimensions, {k: v for k, v in options.items() if v is not None}

    def named(self, call: tree.Call, known: Sequence[str]) -> dict[str, tree.Expr]:
        """The named arguments of a reader. Raises `_Refused` for one that is none of `known`."""
        for name, value in call.named:
            if name not in known:
                help = did_you_mean(name, known) or f"it takes {', '.join(f'`{k}`' for k in known)}"
                self.refuse("E0291", f"`{call.function}` has no `{name}` here", value.span, help=help)
        return dict(call.named)

    def choice(self, given: dict[str, tree.Expr], key: str, known: Sequence[str]) -> str | None:
        """The word that an option says. Raises `_Refused` for one that is none of `known`."""
        value = given.get(key)
        if value is None:
            return None
        word = value.parts[0].name if isinstance(value, tree.Name) and len(value.parts) == 1 else None
        if word not in known:
            listed = ", ".join(f"`{k}`" for k in known)
            help = (did_you_mean(word, known) if word else None) or f"write one of {listed}"
            self.refuse("E0293", f"`{key}` is one of {listed}", value.span, "is none of them", help=help)
        return word

    def column(
        self, file: DataFile, wanted: tree.Expr | None, place: int, declared: str | None, call: tree.Call
    ) -> tuple[np.ndarray, Dimension | None]:
        """A column in SI, by its heading, or by its place where none is named; and its dimension, where a unit says."""
        k, unit = self.find(file, wanted, place, call)
        try:
            values = file.numbers(k)
        except DataError as error:
            self.refuse("E0290", str(error), call.span)
        return self.in_si(values, unit, declared, (wanted or call).span)

    def find(
        self, file: DataFile, wanted: tree.Expr | None, place: int, call: tree.Call
    ) -> tuple[int, str | None]:
        """The number of a column, and the unit that is written for it or in its heading."""
        if wanted is None:
            if place >= len(file.headings):
                self.refuse("E0291", f"`{file.name}` has {len(file.headings)} columns", call.span)
            return place, file.units[place]
        if not isinstance(wanted, tree.Text):
            self.refuse("E0291", "a column is named by its heading, a text", wanted.span)
        assert isinstance(wanted, tree.Text)
        k = file.index(wanted.value)
        if k is None:
            help = did_you_mean(wanted.value, file.headings)
            listed = ", ".join(f"`{h}`" for h in file.headings[:8])
            self.refuse(
                "E0291",
                f"`{file.name}` has no column `{wanted.value}`",
                wanted.span,
                help=help or f"it has {listed}",
            )
        assert k is not None
        return k, wanted.unit if wanted.unit is not None else file.units[k]

    def in_si(
        self, values: np.ndarray, unit: str | None, declared: str | None, span: Span
    ) -> tuple[np.ndarray, Dimension | None]:
        """Figures in SI: they are in `unit`, where one is written, else in the declared one."""
        wanted = self._unit(declared, span)
        own = wanted if unit is None else self._unit(unit, span)
        if own is None:
            return values, None
        if wanted is not None and own.dimension != wanted.dimension:
            self.refuse(
                "E0506", f"a column in [{unit}] for what is in [{declared}]", span, "another dimension"
            )
        return values * own.scale + own.shift, own.dimension

    def _curve(
        self, columns: list[np.ndarray], value: tree.Expr
    ) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        x, y = columns
        if len(x) > 1 and x[0] > x[-1]:
            x, y = x[::-1], y[::-1]
        wrong = np.flatnonzero(np.diff(x) <= 0)
        if len(wrong):
            k = int(wrong[0])
            self.refuse(
                "E0292",
                f"the arguments of this table do not ascend: {x[k]:.6g} is followed by {x[k + 1]:.6g}",
                value.span,
                help="sort the rows, and keep one row for each argument",
            )
        return (np.ascontiguousarray(x),), np.ascontiguousarray(y)

    def _grid(self, columns: list[np.ndarray], value: tree.Expr) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Rows in any order on a grid, whole."""
        x, y, z = columns
        (xs, i), (ys, j) = (np.unique(c, return_inverse=True) for c in (x, y))
        values = np.full((len(xs), len(ys)), np.nan)
        values[i, j] = z
        if len(z) != values.size or np.isnan(values).any():
            missing = np.argwhere(np.isnan(values))
            at = f", but not at ({xs[missing[0][0]]:.6g}, {ys[missing[0][1]]:.6g})" if len(missing) else ""
            self.refuse(
                "E0292",
                f"these {len(z)} rows are no grid: {len(xs)} by {len(ys)} values are needed{at}",
                value.span,
                help="give one row for each pair of arguments",
            )
        if min(values.shape) < 2:
            self.refuse("E0292", "a grid needs two values of each argument at least", value.span)
        return (xs, ys), np.ascontiguousarray(values)
