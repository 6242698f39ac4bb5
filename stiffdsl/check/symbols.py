"""Symbols: what the names of a class stand for."""

from dataclasses import dataclass, field, replace
from enum import Enum

from stiffdsl.check.quantities.offsets import Offsets, of_unit
from stiffdsl.check.quantities.units import Dimension, Unit, UnitError, parse_unit
from stiffdsl.check.scope import LocatedDeclaration, Scope
from stiffdsl.check.typed import LEVELS, Level, Typed
from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree


@dataclass(slots=True, eq=False)
class Quantity:
    """A variable of a class, or a member of a connector.

    `facts` is what a `Typed` of its bare name holds after the expression, computed once: names are the most
    frequent leaves.
    """

    variable: tree.Variable
    rank: int
    unit: Unit | None
    labels: tree.Enum | None = None
    level: Level = field(init=False)
    facts: tuple[Dimension | None, int, Level, bool, Unit | None, bool, Offsets | None, tree.Enum | None] = (
        field(init=False)
    )

    def __post_init__(self) -> None:
        unit = self.unit
        self.level = LEVELS[self.variable.kind]
        bare = self.level is Level.CONSTANT and unit is None and self.labels is None
        shown = unit if unit is not None and not unit.is_si else None
        dimension = unit.dimension if unit is not None else None
        self.facts = (dimension, self.rank, self.level, bare, shown, False, of_unit(unit), self.labels)

    def adopt(self, text: str) -> None:
        """Declare the unit `text`, which is that of another quantity."""
        try:
            self.unit = parse_unit(text)
        except UnitError:
            return  # reported where that quantity is declared
        self.variable = replace(self.variable, unit=text)
        self.__post_init__()

    @property
    def span(self) -> Span:
        return self.variable.name_span


@dataclass(frozen=True, eq=False)
class Layout:
    """The cells of a field, checked: its ends and their names in messages, the number of cells, and the exponent of
    the area of faces. `given` says what `spacing` is: `grading`, `faces`, or None where all cells are as wide."""

    coordinate: str
    first: Typed
    last: Typed
    labels: tuple[str, str]
    unit: Unit | None
    dimension: Dimension | None
    cells: tree.Expr
    power: int
    given: str | None
    spacing: tree.Expr | None

    @property
    def centre(self) -> bool:
        """Whether it begins at the centre of a sphere or the axis of a cylinder, where nothing passes."""
        first = self.first.expr
        return self.power > 0 and isinstance(first, tree.Number) and first.value == 0.0


@dataclass(slots=True, eq=False)
class FieldMember(Quantity):
    """A `field` of a class: an array over its cells. `layout` is found before equations are read."""

    declaration: tree.Field | None = None
    layout: Layout | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A `part` or `port` of a class; `entity` is None where its type could not be found."""

    component: tree.Component
    rank: int
    entity: "Entity | None"

    @property
    def span(self) -> Span:
        return self.component.name_span


@dataclass(frozen=True, slots=True, eq=False)
class TableMember:
    """A `table` of a class."""

    table: tree.TableDeclaration

    @property
    def rank(self) -> int:
        return 0

    @property
    def span(self) -> Span:
        return self.table.name_span


@dataclass(frozen=True, slots=True, eq=False)
class FunctionMember(TableMember):
    """A `table` of a class that has given way to a function."""

    function: LocatedDeclaration


@dataclass(frozen=True, slots=True, eq=False)
class NetworkMember:
    """A `network` of a class."""

    network: tree.NetworkDeclaration

    @property
    def rank(self) -> int:
        return 0

    @property
    def span(self) -> Span:
        return self.network.name_span


Member = Quantity | Instance | TableMember | NetworkMember


class Progress(Enum):
    """Progress of reading the declarations of a class: not begun, under way, read."""

    NEW = 0
    OPEN = 1
    DONE = 2


@dataclass(eq=False)
class Entity:
    """A class as declared: its members by name, inherited ones first.

    `complete` is False where a mistake hides members, so that names not found are not reported twice.
    """

    scope: Scope
    declaration: tree.Model | tree.Connector
    bases: list[tuple[tree.Extends, "Entity"]] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    own: dict[str, Member] = field(default_factory=dict)
    complete: bool = True
    progress: Progress = Progress.NEW
    # Of a field that an equation transports: what flows through its faces, as signs, names of arrays and dimensions;
    # None where a factor before `div` says that it is something else.
    fluxes: dict[str, tuple[tuple[float, str, Dimension | None], ...] | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def is_connector(self) -> bool:
        return isinstance(self.declaration, tree.Connector)

    @property
    def partial(self) -> bool:
        return isinstance(self.declaration, tree.Model) and self.declaration.partial
