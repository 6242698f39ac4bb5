"""The checked model: classes with inheritance merged, every name resolved, every expression in SI.

After this stage an expression mentions only names declared in its class (dotted through components), loop
iterators, `time`, `pi`, `true`, `false`, and built-in functions. Gone are: imports, `extends`, user
functions (inlined), module-level constants (inlined), unit brackets on numbers (converted to SI), and bare
numbers given in a declared unit (`var T [degC] start 20` has become `start 293.15`).
"""

from dataclasses import dataclass

from stiffdsl.diagnostics import Diagnostic, Source, Span
from stiffdsl.syntax import tree


@dataclass(frozen=True, slots=True)
class ComponentUse:
    """A `part` or `port` with the class it is made of. Modifier values are SI, in the outer scope. With a `condition`
    that does not hold there is none."""

    kind: str
    name: str
    dimensions: tuple[tree.Expr, ...]
    cls: "Class"
    modifiers: tuple[tree.Modifier, ...]
    doc: str | None
    span: Span
    condition: tree.Expr | None = None


@dataclass(frozen=True, slots=True)
class TableUse:
    """A `table` of a class. `value` is a `tables.Tabulated`, a name of another table of the class, or None where
    whoever uses the class must give it."""

    name: str
    value: object
    span: Span


@dataclass(frozen=True, slots=True)
class FieldEnd:
    """An end of a field: its name in the text, the variable that is the value there, and what it is where nothing is
    said: that of the cell beside the end, or what the cells come to."""

    label: str
    value: tree.Name
    beside: tree.Expr
    extrapolated: tree.Expr


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A `field` of a class; `centre`: it begins at the centre of a sphere or the axis of a cylinder. `by_hand`: its
    faces are listed, from one of the `bounds` to the other."""

    name: str
    span: Span
    ends: tuple[FieldEnd, FieldEnd]
    centre: bool
    bounds: tuple[tree.Expr, tree.Expr]
    by_hand: bool


@dataclass(frozen=True)
class Class:
    """A model or connector, inherited content first. Variables include the members of a connector."""

    name: str
    kind: str
    partial: bool
    doc: str | None
    variables: tuple[tree.Variable, ...]
    components: tuple[ComponentUse, ...]
    equations: tuple[tree.Statement, ...]
    initial: tuple[tree.Statement, ...]
    reactions: tuple[tree.Reaction | tree.For | tree.GroupedLines, ...]
    experiment: tree.Experiment | None
    span: Span
    tables: tuple[TableUse, ...] = ()
    # Sizes, seeds and scales are resolved.
    networks: tuple[tree.NetworkDeclaration, ...] = ()
    observations: tuple[tree.Variable, ...] = ()
    doses: tuple[tree.Name, ...] = ()
    fields: tuple[FieldUse, ...] = ()
    # Ends of fields that equations mention, 0 or 1, by dotted name, where all of some conditions of constants hold; and
    # whether a field spreads (`grad`), or is carried along.
    field_ends: tuple[tuple[str, int, tuple[tree.Expr, ...]], ...] = ()
    spreads: tuple[tuple[str, bool], ...] = ()
    # Speeds by which fields are carried along at their ends.
    speeds: tuple[tuple[str, int, tree.Expr], ...] = ()
    # Whether long functions were put in place of their calls (`tree.Inlined`).
    calls_functions: bool = False


@dataclass(frozen=True)
class CheckedModel:
    """The main model, and what was noticed on the way."""

    root: Class
    source: Source
    warnings: tuple[Diagnostic, ...] = ()
