"""A solution under the names of a model, in declared units: what `simulate` returns, of a model or of a surrogate."""

import csv
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import numpy as np

from stiffdsl.solve.base import html
from stiffdsl.solve.base.arguments import text
from stiffdsl.solve.base.pictures import drawn
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.base.times import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INDEX = re.compile(r"\[([^\[\]]*)\]")

# The number of values of named quantities held at a time where only their extremes are asked for.
STRETCH = 20_000_000

# Rows of the table of a notebook.
SHOWN = 50

# The share of steps with other pivots than those planned from which that is told.
MANY_REPIVOTED = 0.1


class OutsideDomainWarning(UserWarning):
    """A surrogate was asked outside of the domain that its stated error holds for."""


class NotANumberWarning(UserWarning):
    """A variable that was read is not a number where the states it is computed from are."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while a model was solved: `solution` holds what was reached."""

    def __init__(self, solution: "Solution"):
        super().__init__(f"interrupted at time = {solution.reached:.6g}")
        self.solution = solution


class View(Protocol):
    """Interface to the named quantities of a model, computed from its states."""

    model_name: str

    @property
    def names(self) -> list[str]:
        """The scalars that a table of the solution has, in the order of the model."""
        ...

    @property
    def units(self) -> dict[str, str | None]:
        """The declared unit of each of `names`."""
        ...

    def doc(self, name: str) -> str | None:
        """The documentation of a variable, where its declaration has one."""
        ...

    def modes(self, name: str) -> tuple[str, ...]:
        """The labels that the values 1, 2, … of a variable stand for, where it is of an enumeration."""
        ...

    @property
    def highlights(self) -> list[str]:
        """Default selection of `names` for a picture, the most telling ones first."""
        ...

    def evaluate(self, t: np.ndarray, y: np.ndarray) -> Any:
        """Everything at the times t (n,) and states y (n, states), for `pick` and `table`."""
        ...

    def pick(self, every: Any, name: str) -> np.ndarray:
        """One quantity, (n,) or (n, *shape), in its declared unit. Raises `KeyError` that suggests a name."""
        ...

    def table(self, every: Any) -> np.ndarray:
        """All of `names`, (n, names), in declared units."""
        ...


class Values(np.ndarray):
    """States at some times, the last axis in the order of `model.states`; `values["A"]` is any declared variable."""

    _named: Callable[[str], np.ndarray] | None

    def __new__(cls, states: np.ndarray, named: Callable[[str], np.ndarray]) -> "Values":
        made = np.asarray(states).view(cls)
        made._named = named
        return made

    def __array_finalize__(self, source: Any) -> None:
        self._named = None

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if self._named is None:
                raise KeyError("these values were cut from a solution; ask the whole for a name")
            return self._named(key)
        return np.asarray(self)[key]


class Extremes:
    """Range and end values of each named quantity, (names,) each: all NaN where nothing was saved."""

    def __init__(self, count: int):
        self.first, self.last = np.full(count, np.nan), np.full(count, np.nan)
        self.least, self.greatest = np.full(count, np.inf), np.full(count, -np.inf)
        # The first saved time at which the quantity is no number though all states are, NaN where there is none.
        self.undefined_since = np.full(count, np.nan)
        self._begun = False

    def add(self, t: np.ndarray, solved: np.ndarray, table: np.ndarray) -> None:
        """Takes in the values `table` (times, names) at times after those before; `solved`: where states are finite."""
        if not self._begun:
            self.first, self._begun = table[0].copy(), True
        self.last = table[-1].copy()
        self.least = np.minimum(self.least, table.min(axis=0))
        self.greatest = np.maximum(self.greatest, table.max(axis=0))
        if not np.isnan(table.sum()):  # a sum is a number where all its terms are
            return
        wrong = np.isnan(table) & solved[:, None]
        new = wrong.any(axis=0) & np.isnan(self.undefined_since)
        self.undefined_since[new] = t[np.argmax(wrong[:, new], axis=0)]


class Solution:
    """The result of `simulate`.

    `t` (n,) are the saved times, or the solver's own steps, `y` (n, states) the states there; `solution["r.v"]` is
    (n,), for a whole array (n, *shape); `solution(t)` interpolates with the order of the method. `reason` says why
    it stopped, with what to try where it stopped early; `stats` counts steps, rejections, evaluations and
    factorizations; `start` reports how the initial state was found (None for a surrogate); `check` what an independent
    check found (`simulate(check=True)`), else None; `events` are those that fired, in their order; `notes` say where it
    left what declarations allow, and which states stayed below the absolute tolerance; `ended_by` is the text of the
    `stop`, or of the `assert`, that ended it, else None.
    """

    def __init__(
        self,
        view: View,
        t: np.ndarray,
        y: np.ndarray,
        status: Status,
        reason: str,
        stats: dict[str, Any],
        dense: Callable[[np.ndarray], np.ndarray] | None,
        start: Any = None,
        notes: Iterable[str] | Callable[[], Iterable[str]] = (),
    ):
        self.view = view
        self.t = t
        self.y = y
        self.status = status
        self.reason = reason
        self.stats = stats
        self.start = start
        self.check: Any = None
        # The text of the `stop`, or of the `assert`, that ended the run.
        self.ended_by: str | None = None
        self._events: Any = ()
        self._notes = notes
        self._dense = dense
        self._every: Any = None
        self._warned: set[str] = set()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the run for its reader, looked for when they are asked for."""
        if not isinstance(self._notes, tuple):
            self._notes = tuple(self._notes() if callable(self._notes) else self._notes)
        return self._notes

    @property
    def events(self) -> Any:
        """The events that fired, in their order: looked for when they are asked for."""
        if callable(self._events):
            self._events = self._events()
        return self._events

    def tell_events(self, history: Callable[[], Any]) -> None:
        """Says how the events of the run are found."""
        self._events = history

    @property
    def success(self) -> bool:
        """Whether the run ended as it was meant to: at the end of the interval, or by a `stop` of the model."""
        return Status(self.status).success

    @property
    def reached(self) -> float:
        """The last saved time at which the states are known; NaN where there is none."""
        known = np.isfinite(self.y).all(axis=1)
        return float(self.t[known][-1]) if known.any() else float("nan")

    @property
    def continuous(self) -> bool:
        """Whether the solution can be interpolated: without `saveat`, between the solver's own steps."""
        return self._dense is not None

    @property
    def names(self) -> list[str]:
        """Every declared variable, in the order of the model."""
        return self.view.names

    def __getitem__(self, name: str) -> np.ndarray:
        if text(name, "the name of a variable") == "time":
            return self.t
        values = self.view.pick(self._evaluated(), name)
        since = self._undefined_since(values)
        if since is not None and name not in self._warned:
            self._warned.add(name)
            warnings.warn(undefined_text([name], since), NotANumberWarning, stacklevel=2)
        return values

    def extremes(self) -> "Extremes":
        """First, last, least and greatest value of each of `names`, and since when each is not a number.

        Values are computed for a stretch of times after the other and given up again, unless they are there already.
        """
        found = Extremes(len(self.names))
        for t, y, every in self._stretches():
            found.add(t, np.all(np.isfinite(y), axis=1), self.view.table(every))
        return found

    def rows(self) -> Iterator[np.ndarray]:
        """Values of all `names` in declared units, (names,) for each saved time, a stretch of times at once."""
        for _, _, every in self._stretches():
            yield from self.view.table(every)

    def _stretches(self) -> Iterator[tuple[np.ndarray, np.ndarray, Any]]:
        """Times, states there, and all that the view computes from them: at once where it is there already."""
        rows = len(self.t) if self._every is not None else max(1, STRETCH // max(1, len(self.names)))
        for k in range(0, len(self.t), rows):
            t, y = self.t[k : k + rows], self.y[k : k + rows]
            yield t, y, self.view.evaluate(t, y) if self._every is None else self._every

    def undefined(self) -> dict[str, float]:
        """Variables that are not numbers at saved times where the states are, each with the first such time.

        A solve does not look at what only reads the states: the root or the logarithm of something that has become
        negative does not stop it.
        """
        since = self.extremes().undefined_since
        return {self.names[k]: float(since[k]) for k in np.flatnonzero(~np.isnan(since))}

    def _undefined_since(self, values: np.ndarray) -> float | None:
        wrong = np.isnan(values)
        if not np.any(wrong):
            return None
        wrong = np.any(wrong.reshape(len(values), -1), axis=1) & np.all(np.isfinite(self.y), axis=1)
        return float(self.t[np.argmax(wrong)]) if np.any(wrong) else None

    def __contains__(self, name: str) -> bool:
        try:
            self.view.pick(self._evaluated(), name)
        except KeyError:
            return False
        return True

    def __len__(self) -> int:
        return len(self.t)

    def __call__(self, t: Any) -> Values:
        """The states at `t` (a number or an array), interpolated; `solution(t)["A"]` is any variable there.

        Raises `ValueError` outside the solved time.
        """
        t = seconds(t, "the time `t`")
        if self._dense is None:
            raise ValueError(
                "a solution with `saveat` keeps only those times; leave `saveat` out for dense output"
            )
        if len(self.t) == 0 or t.size == 0:
            raise ValueError("there is no solution to interpolate")
        first, last = min(self.t[0], self.t[-1]), max(self.t[0], self.t[-1])
        if np.any((t < first) | (t > last)) or not np.all(np.isfinite(t)):
            raise ValueError(f"the solution is known for times from {first:g} to {last:g}")
        flat = np.atleast_1d(t).ravel()
        states = np.asarray(self._dense(flat))

        def named(name: str) -> np.ndarray:
            values = self.view.pick(self.view.evaluate(flat, states), name)
            return values.reshape(t.shape + values.shape[1:])

        return Values(states.reshape(*t.shape, states.shape[-1]), named)

    @property
    def units(self) -> dict[str, str | None]:
        """The declared unit of every name; time is in seconds."""
        return self.view.units

    def keys(self) -> list[str]:
        """Every declared variable: what `solution[name]` takes."""
        return self.names

    def to_pandas(self):
        """A `pandas.DataFrame`: index `time`, one column for each declared scalar, in declared units.

        `frame.attrs["units"]` holds the units.
        """
        import pandas

        index = pandas.Index(self.t, name="time")
        frame = pandas.DataFrame(self.view.table(self._evaluated()), index=index, columns=self.names)
        frame.attrs["units"] = {"time": "s", **self.units}
        return frame

    def to_xarray(self):
        """An `xarray.Dataset` over `time`, one variable for each declaration, with its unit.

        An array has a dimension for each of its indices, called after what is indexed (`rooms` for `rooms[3].T`), with
        coordinates from 1.
        """
        import xarray

        columns = self.view.table(self._evaluated())
        variables, coordinates = {}, {}
        for declared in declarations(self.names):
            unit = self.units[self.names[declared.columns[0]]]
            values = columns[:, declared.columns].reshape(len(self.t), *declared.shape)
            attributes = {"units": unit} if unit else {}
            variables[declared.name] = (("time", *declared.axes), values, attributes)
            coordinates |= {
                axis: np.arange(1, n + 1) for axis, n in zip(declared.axes, declared.shape, strict=True)
            }
        return xarray.Dataset(variables, coords={"time": ("time", self.t, {"units": "s"}), **coordinates})

    def to_csv(self, path: str) -> None:
        """Writes a header `time,<name>,...` and a row for each saved time; numbers read back as the same numbers."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            self.write_csv(file)

    def write_csv(self, file: TextIO) -> None:
        """Writes the table of `to_csv` to an open file; memory is that of a stretch of times."""
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", *self.names])
        for t, row in zip(self.t, self.rows(), strict=True):
            writer.writerow([repr(float(t)), *map(repr, row.tolist())])

    def plot(
        self, *names: str, path: str | None = None, log: bool | None = None, ax: "Axes | None" = None
    ) -> "Figure":
        """Draws `names` (or the first variables) over time; writes the picture to `path` where one is given.

        With `ax`, names are drawn into these axes of the caller's. Returns the Matplotlib figure.
        """
        return drawn("solution", self, *names, path=path, log=log, ax=ax)

    def _evaluated(self) -> Any:
        if self._every is None:
            self._every = self.view.evaluate(self.t, self.y)
        return self._every

    def _repr_html_(self) -> str:
        """The table for a notebook: where every variable begins and ends, and its range."""
        found, rows = self.extremes(), []
        for k, name in enumerate(self.names[:SHOWN]):
            values = (f"{v[k]:g}" for v in (found.first, found.last, found.least, found.greatest))
            rows.append((name, *values, self.units.get(name) or "", self.view.doc(name) or ""))
        head = ("variable", "first", "last", "least", "greatest", "unit", "doc")
        return html.table(head, rows, repr(self), len(self.names) - len(rows))

    def __repr__(self) -> str:
        span = f"time {self.t[0]:g}..{self.t[-1]:g}" if len(self.t) else "no times"
        return f"<Solution of {self.view.model_name}: {span}, {len(self.t)} points, {self.reason}>"


@dataclass(frozen=True)
class Declared:
    """A declared variable among scalar names: its columns, its shape, and a name for each of its axes."""

    name: str
    columns: list[int]
    shape: tuple[int, ...]
    axes: tuple[str, ...]


def declarations(names: Sequence[str]) -> list[Declared]:
    """Scalar names `rooms[1].T, rooms[2].T, …` brought together; elements that are no whole array stay alone."""
    members: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        members.setdefault(_INDEX.sub("", name), []).append(k)
    found: list[Declared] = []
    # The length of each axis: axes of one name and another length cannot stand in one table.
    lengths: dict[str, int] = {}
    for base, columns in members.items():
        indices = [[int(i) for group in _INDEX.findall(names[k]) for i in group.split(",")] for k in columns]
        shape = tuple(max(axis) for axis in zip(*indices, strict=True))
        axes = _axes(names[columns[0]])
        whole = len(columns) == prod(shape) and indices == [list(i) for i in _counted(shape)]
        if not whole or any(lengths.get(axis, n) != n for axis, n in zip(axes, shape, strict=True)):
            found.extend(Declared(names[k], [k], (), ()) for k in columns)
            continue
        lengths |= dict(zip(axes, shape, strict=True))
        found.append(Declared(base, columns, shape, axes))
    return found


def _axes(name: str) -> tuple[str, ...]:
    """The dotted name up to each index of a scalar's name, numbered where one name has several."""
    axes = []
    for place in _INDEX.finditer(name):
        owner = _INDEX.sub("", name[: place.start()])
        count = len(place.group(1).split(","))
        axes.extend([owner] if count == 1 else [f"{owner}_{k + 1}" for k in range(count)])
    # An axis and a variable of one name exclude each other in xarray.
    return tuple(f"{axis}_index" if axis == _INDEX.sub("", name) else axis for axis in axes)


def _counted(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return product(*(range(1, n + 1) for n in shape))


def repivoted_text(stats: dict[str, Any]) -> str:
    """The note on attempts that needed other pivots than those planned; empty where they were few."""
    count, attempts = stats.get("repivoted", 0), stats.get("accepted", 0) + stats.get("rejected", 0)
    if count <= MANY_REPIVOTED * attempts:
        return ""
    return (
        f"{count:,} of {attempts:,} steps needed other pivots than those planned at the start values, and took longer: "
        "starts and parameters nearer to those of this run give better ones"
    )


def undefined_text(names: Sequence[str], since: float) -> str:
    """The note on variables that are not numbers from some time on."""
    told = ", ".join(f"`{name}`" for name in names)
    what = "is not a number" if len(names) == 1 else "are not numbers"
    return (
        f"{told} {what} at time = {since:.6g}, though the states are: "
        "the root or logarithm of something negative, or 0/0, in an equation that computes "
        + ("it" if len(names) == 1 else "them")
    )
