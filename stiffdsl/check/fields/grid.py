"""The cells of a field: widths, distances, areas and volumes as expressions, and a field's values at each place.

    |  c[1]  |  c[2]  |  …  |  c[N]  |        N cells between N + 1 faces; values belong to the centres
    a                                b

Faces and centres are constants between 0 and 1, stretched to the ends, so that these may be tunable. What is the same
in all cells of a uniform, cartesian grid is one number and no array.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from stiffdsl.check.fields.formulas import (
    Path,
    add,
    below,
    call,
    divide,
    is_number,
    multiply,
    name,
    number,
    power,
    slice_of,
    subtract,
)
from stiffdsl.check.model import Class
from stiffdsl.check.symbols import Layout
from stiffdsl.diagnostics import Source, Span
from stiffdsl.syntax import tree
from stiffdsl.syntax.parse import parse


class Place(Enum):
    """A place where an expression of fields is taken: at all inner faces, in the cells below or above them, at an end,
    or in the cell beside it."""

    FACES = 0
    LOWER = 1
    UPPER = 2
    LEFT = 3
    RIGHT = 4
    FIRST = 5
    LAST = 6

    @property
    def rank(self) -> int:
        return int(self.value < Place.LEFT.value)


ENDS = (Place.LEFT, Place.RIGHT)
BESIDE = {Place.LEFT: Place.FIRST, Place.RIGHT: Place.LAST}


@dataclass(frozen=True)
class Grid:
    """The grid of the field `field`, a member of the part at `path` or of the class itself."""

    path: Path
    field: str
    layout: Layout
    span: Span

    def _below(self, expr: tree.Expr) -> tree.Expr:
        return below(expr, self.path)

    @property
    def cells(self) -> tree.Expr:
        return self._below(self.layout.cells)

    def count(self, less: int) -> tree.Expr:
        """The number of cells, less some."""
        return subtract(self.cells, number(less, self.span))

    def end(self, place: Place) -> tree.Expr:
        """The coordinate of an end."""
        layout = self.layout
        return self._below(layout.first.expr if place is Place.LEFT else layout.last.expr)

    @property
    def length(self) -> tree.Expr:
        return subtract(self.end(Place.RIGHT), self.end(Place.LEFT))

    @property
    def plain(self) -> bool:
        """Whether all cells are alike."""
        return self.layout.power == 0 and self.layout.spacing is None

    @property
    def width(self) -> tree.Expr:
        """The width of a cell where all are alike."""
        return divide(self.length, self.cells)

    def constant(self, which: str, index: tree.Expr | None = None) -> tree.Expr:
        """Constants of the grid, which lie in a part of the field's name."""
        return name(self.path, self.field, which, span=self.span, index=index)

    def range(self, first: int, beyond: int) -> tree.Expr:
        """`first..N + beyond`."""
        return slice_of(number(first, self.span), self.count(-beyond))

    def coordinate(self, which: str, index: tree.Expr | None = None) -> tree.Expr:
        """`centres` or `faces` in the coordinate of the field."""
        return add(self.end(Place.LEFT), multiply(self.length, self.constant(which, index)))

    # --- values of the field ---

    def sliced(self, place: Place) -> tree.Expr:
        """The index of an array over the cells at a place beside faces."""
        one, last = number(1, self.span), self.cells
        return {
            Place.LOWER: self.range(1, -1),
            Place.UPPER: self.range(2, 0),
            Place.FIRST: one,
            Place.LEFT: one,
            Place.LAST: last,
            Place.RIGHT: last,
        }[place]

    def cell(self, place: Place) -> tree.Expr:
        return name(self.path, self.field, span=self.span, index=self.sliced(place))

    def between(self, lower: tree.Expr, upper: tree.Expr) -> tree.Expr:
        """The value at inner faces of what is linear between the centres beside them."""
        if self.layout.spacing is None:
            return divide(add(lower, upper), number(2, self.span))
        return add(lower, multiply(self.constant("shares"), subtract(upper, lower)))

    def value(self, place: Place) -> tree.Expr:
        """The field at a place."""
        if place is Place.FACES:
            return self.between(self.cell(Place.LOWER), self.cell(Place.UPPER))
        return self.boundary(place) if place in ENDS else self.cell(place)

    def position(self, place: Place) -> tree.Expr:
        """The coordinate at a place."""
        if place in ENDS:
            return self.end(place)
        if place is Place.FACES:
            return self.coordinate("faces", self.range(2, 0))
        return self.coordinate("centres", self.sliced(place))

    def label(self, place: Place) -> str:
        """An end as the author wrote it."""
        return self.layout.labels[int(place is Place.RIGHT)]

    def boundary(self, place: Place) -> tree.Name:
        """The variable that is the value at an end."""
        return name(self.path, f"{self.field} at {self.label(place)}", span=self.span)

    def slope(self, place: Place) -> tree.Expr:
        """The derivative by the coordinate at an end, over half a cell."""
        pair = (self.boundary(place), self.cell(BESIDE[place]))
        return divide(subtract(*(pair if place is Place.RIGHT else pair[::-1])), self.half(place))

    def continued(self, place: Place, slope: tree.Expr | None) -> tree.Expr:
        """The value at an end that follows from the cell beside it with a slope; None: the same."""
        beside = self.cell(BESIDE[place])
        if slope is None:
            return beside
        across = multiply(slope, self.half(place))
        return add(beside, across) if place is Place.RIGHT else subtract(beside, across)

    # --- distances ---

    def half(self, place: Place) -> tree.Expr:
        """The distance from an end to the centre beside it."""
        if self.layout.spacing is None:
            return divide(self.width, number(2, self.span))
        return multiply(self.length, self.constant("halves", number(1 + (place is Place.RIGHT), self.span)))

    def step(self) -> tree.Expr:
        """Distances between centres."""
        return self.width if self.layout.spacing is None else multiply(self.length, self.constant("steps"))

    def widths(self) -> tree.Expr:
        """The width of every cell, or that of each."""
        return self.width if self.layout.spacing is None else multiply(self.length, self.constant("widths"))

    # --- areas and volumes ---

    @property
    def _from_zero(self) -> bool:
        return is_number(self.layout.first.expr, 0.0)

    def divergence(self, flux: tree.Name) -> tree.Expr:
        """The flow out of each cell, by its volume; `flux` is an array over all faces."""
        above, under = (self._sliced(flux, r) for r in (self.range(2, 1), self.range(1, 0)))
        exponent = self.layout.power
        if exponent == 0:
            return divide(subtract(above, under), self.widths())
        areas = [
            self.constant("areas", r) if self._from_zero else power(self.coordinate("faces", r), exponent)
            for r in (self.range(2, 1), self.range(1, 0))
        ]
        through = subtract(multiply(areas[0], above), multiply(areas[1], under))
        if self._from_zero:
            return divide(through, multiply(self.length, self.constant("volumes")))
        return divide(through, self._volumes())

    def _volumes(self) -> tree.Expr:
        """Volumes of cells, less a factor that areas have, too."""
        upper, lower = self.coordinate("faces", self.range(2, 1)), self.coordinate("faces", self.range(1, 0))
        width = multiply(self.length, self.constant("widths"))
        if self.layout.power == 1:
            return divide(multiply(width, add(lower, upper)), number(2, self.span))
        squares = add(add(power(lower, 2), multiply(lower, upper)), power(upper, 2))
        return divide(multiply(width, squares), number(3, self.span))

    def mean(self, value: tree.Expr) -> tree.Expr:
        """The mean of an array over the cells, by volume."""
        if self.plain:
            return divide(call("sum", value), self.cells)
        exponent = self.layout.power + 1
        if exponent == 1:
            return call("sum", multiply(value, self.constant("widths")))
        if self._from_zero:
            shares = multiply(self.constant("volumes"), number(exponent, self.span))
            return call("sum", multiply(value, shares))
        total = divide(self._powers(exponent), number(exponent, self.span))
        return divide(call("sum", multiply(value, self._volumes())), total)

    def volume(self) -> tree.Expr:
        """The length; of a cylinder the volume of one unit of its length, of a sphere its volume."""
        pi = tree.Name((tree.Part("pi"),), self.span)
        exponent = self.layout.power + 1
        if exponent == 1:
            return self.length
        factor = pi if exponent == 2 else multiply(number(4.0 / 3.0, self.span), pi)
        return multiply(factor, self._powers(exponent))

    def _powers(self, exponent: int) -> tree.Expr:
        first, last = self.end(Place.LEFT), self.end(Place.RIGHT)
        if self._from_zero:
            return power(last, exponent)
        return subtract(power(last, exponent), power(first, exponent))

    @staticmethod
    def _sliced(array: tree.Name, index: tree.Expr) -> tree.Expr:
        *before, last = array.parts
        return tree.Name((*before, tree.Part(last.name, (index,))), array.span)

    def alike(self, other: "Grid") -> bool:
        """Whether both fields have the same cells."""

        def facts(grid: Grid) -> tuple:
            layout = grid.layout
            spacing = None if layout.spacing is None else grid._below(layout.spacing)
            return (layout.power, layout.given, spacing, grid.cells, *map(grid.end, ENDS))

        return facts(self) == facts(other)


_CONSTANTS = """model Cells
  const cells
  const {given}
  const faces[cells + 1] = ({face} for i in 1..cells + 1)
  const centres[cells] = ((faces[i] + faces[i + 1])/2 for i in 1..cells)
  const widths[cells] = (faces[i + 1] - faces[i] for i in 1..cells)
  const steps[cells - 1] = (centres[i + 1] - centres[i] for i in 1..cells - 1)
  const shares[cells - 1] = ((faces[i + 1] - centres[i])/(centres[i + 1] - centres[i]) for i in 1..cells - 1)
  const halves[2] = {{centres[1], 1 - centres[cells]}}
  const areas[cells + 1] = (faces[i]^{p} for i in 1..cells + 1)
  const volumes[cells] = ((faces[i + 1]^({p} + 1) - faces[i]^({p} + 1))/({p} + 1) for i in 1..cells)
  const narrowing[cells] = (min(1, min(widths[max(i - 1, 1)], widths[min(i + 1, cells)])/widths[i]) for i in 1..cells)
end
"""


@lru_cache
def _constants(geometry: int, form: str) -> tuple[tree.Variable, ...]:
    face = {
        "uniform": "(i - 1)/cells",
        "grading": "if abs(spacing - 1) < 1e-12 then (i - 1)/cells else (spacing^(i - 1) - 1)/(spacing^cells - 1)",
        "faces": "(spacing[i] - spacing[1])/(spacing[cells + 1] - spacing[1])",
    }[form]
    given = "spacing[cells + 1]" if form == "faces" else "spacing"
    text = _CONSTANTS.format(given=given, face=face, p=geometry)
    (model,) = parse(Source("cells of a field", text)).declarations
    assert isinstance(model, tree.Model)
    found = tuple(d for d in model.declarations if isinstance(d, tree.Variable))
    return found if form != "uniform" else tuple(v for v in found if v.name != "spacing")


def cells_class(layout: Layout, span: Span) -> Class:
    """The class that holds the constants of a grid; `cells` and `spacing` are given where it is used."""
    form = layout.given or "uniform"
    variables = _constants(layout.power, form)
    return Class("cells", "cells", False, None, variables, (), (), (), (), None, span)
