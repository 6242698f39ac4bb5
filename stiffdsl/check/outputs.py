"""The units of outputs that declare none: `output hot = T` is shown in the unit of what it names.

An output that chooses between quantities in one unit, or gathers them in an array, is shown in it too, as is the value
of a field at an end and its mean; one that is computed has no unit of its own.
"""

from collections.abc import Callable

from stiffdsl.check.symbols import Entity, Instance, Quantity
from stiffdsl.syntax import tree


class OutputUnits:
    """Gives outputs their units, class by class; `declare` reads the members of a class."""

    def __init__(self, declare: Callable[[Entity], Entity]):
        self._declare = declare
        self._done: set[Quantity] = set()

    def adopt(self, entity: Entity) -> None:
        """Give every output of `entity` without a unit that of what it names."""
        for member in entity.own.values():
            if isinstance(member, Quantity):
                self._adopt(member, entity)

    def _adopt(self, quantity: Quantity, entity: Entity) -> None:
        variable = quantity.variable
        if variable.kind != "output" or variable.unit is not None or variable.value is None:
            return
        if quantity in self._done:
            return
        self._done.add(quantity)
        unit = self._unit(variable.value, entity)
        if unit is not None:
            quantity.adopt(unit)

    def _unit(self, expr: tree.Expr, entity: Entity) -> str | None:
        match expr:
            case tree.Name():
                return self.unit_of(expr, entity)
            case tree.If():
                return self._common((expr.yes, expr.no), entity)
            case tree.ArrayLiteral():
                return self._common(expr.items, entity)
            case tree.At(tree.Name() as field, _):
                return self.unit_of(field, entity)
            case tree.Call("mean", (tree.Name() as field,), ()) if entity.scope.find("mean") is None:
                return self.unit_of(field, entity)
            case tree.Call("min" | "max"):
                return self._common(expr.arguments, entity)
            case tree.Comprehension(None | "min" | "max"):
                return self._unit(expr.body, entity)
        return None

    def _common(self, items: tuple[tree.Expr, ...], entity: Entity) -> str | None:
        units = {self._unit(item, entity) for item in items}
        return units.pop() if len(units) == 1 else None

    def unit_of(self, name: tree.Name, entity: Entity) -> str | None:
        """The unit that the quantity `name` in `entity` is declared in, or takes from another."""
        for part in name.parts:
            member = entity.members.get(part.name)
            if isinstance(member, Quantity):
                self._adopt(member, entity)
                return member.variable.unit
            if not isinstance(member, Instance) or member.entity is None:
                return None
            entity = self._declare(member.entity)
        return None
