"""Constants of files: `const R = 8.314 [J/(mol*K)]` outside of a model gives way to its value in use."""

from dataclasses import replace
from typing import Protocol

from stiffdsl.check.enums import declared_enum
from stiffdsl.check.names import Resolver, VisibleNames, dotted, wrong
from stiffdsl.check.quantities.offsets import of_unit
from stiffdsl.check.quantities.units import Unit
from stiffdsl.check.report import Report
from stiffdsl.check.scope import LocatedDeclaration
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree


class ConstantElaboration(Protocol):
    """The elaboration of expressions (`expressions.Walker`), as constants need it for their values."""

    report: Report
    resolver: Resolver

    def unit(self, text: str | None, span: Span) -> Unit | None: ...

    def given(
        self, expr: tree.Expr, unit: Unit | None, highest: Level, what: str, labels: tree.Enum | None = None
    ) -> Typed: ...


class Constants:
    """The values of constants as one class meets them.

    `arrays` are the array constants that the class uses: they cannot stand inside an expression, so the class
    gets them as members. `array_names` is shared by all classes and names each array constant once.
    """

    def __init__(self, walker: ConstantElaboration, array_names: dict[int, str]):
        self._walker = walker
        self._array_names = array_names
        self.prefix = "_"
        self.arrays: dict[int, tree.Variable] = {}
        self._values: dict[int, Typed] = {}
        self._open: list[int] = []

    def resolve(self, found: LocatedDeclaration, name: tree.Name) -> Typed:
        """A constant of a file: its value replaces the name; an array gets a name in the class."""
        declaration, resolver = found.declaration, self._walker.resolver
        assert isinstance(declaration, tree.Variable)
        key = id(declaration)
        if key in self._open:
            self._walker.report.say(
                "E0227",
                f"`{declaration.name}` depends on itself",
                (declaration.name_span, "its value leads back to it"),
                key=("E0227", key),
            )
            return wrong(name)
        if key not in self._values:
            self._open.append(key)
            outer, resolver.names = resolver.names, VisibleNames(found.scope, None)
            unit = self._walker.unit(declaration.unit, declaration.span)
            if declaration.value is None:
                self._walker.report.say(
                    "E0228",
                    f"`{declaration.name}` has no value",
                    (declaration.name_span, "a constant needs one"),
                )
                value = wrong(name)
            else:
                labels = declared_enum(declaration, found.scope, self._walker.report)
                what = "the value of a constant"
                value = self._walker.given(declaration.value, unit, Level.CONSTANT, what, labels)
                if unit is not None:
                    value = value._replace(dimension=unit.dimension, offsets=of_unit(unit))
            resolver.names = outer
            self._open.pop()
            self._values[key] = value
        value = self._values[key]
        indices = name.parts[-1].indices
        if value.rank == 0:
            if indices:
                self._walker.report.say(
                    "E0222", f"`{dotted(name)}` is not an array", (name.span, "has no indices")
                )
            return value
        if key not in self.arrays:
            self.arrays[key] = self._array(declaration, value)
        kept = self.arrays[key].name
        opened = value.rank
        if indices:
            checked = resolver.indices(name, name.parts[-1], value.rank, f"`{dotted(name)}`")
            if checked is None:
                return wrong(name)
            indices, opened, _ = checked
        expr = tree.Name((tree.Part(kept, indices),), name.span)
        return value._replace(expr=expr, rank=opened)

    def _array(self, declaration: tree.Variable, value: Typed) -> tree.Variable:
        """The constant as a member of the class that uses it, under a name that nothing else has."""
        key = id(declaration)
        if key not in self._array_names:
            taken = set(self._array_names.values())
            name, count = f"{self.prefix}{declaration.name}", 1
            while name in taken:
                count += 1
                name = f"{self.prefix}{declaration.name}_{count}"
            self._array_names[key] = name
        dims = declaration.dimensions or literal_dimensions(value.expr)
        return replace(declaration, name=self._array_names[key], dimensions=dims, value=value.expr)


def literal_dimensions(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    """The sizes of `{1, 2, 3}`, outermost first; none for anything else."""
    if not isinstance(expr, tree.ArrayLiteral):
        return ()
    inner = literal_dimensions(expr.items[0]) if expr.items else ()
    return (tree.Number(float(len(expr.items)), None, expr.span), *inner)
