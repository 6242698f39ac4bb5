"""Labels of reactions: `bind: L + R -> C @ kon` makes `bind.rate` a variable, `r[i]: …` in a loop an array of them.

A label is a part of a class that holds nothing but the rate, so that it is found, shown and plotted as other parts are.
"""

from collections.abc import Iterable, Iterator

from stiffdsl.check.model import Class, ComponentUse
from stiffdsl.check.quantities.units import parse_unit
from stiffdsl.check.report import Report
from stiffdsl.check.symbols import Entity, Instance, Progress, Quantity
from stiffdsl.syntax import tree

Labelled = tuple[tree.Reaction, tuple[tree.Iterator, ...]]


def labelled(items: Iterable[object], around: tuple[tree.Iterator, ...] = ()) -> Iterator[Labelled]:
    """Every reaction with a label, and the indices of the loops around it."""
    for item in items:
        if isinstance(item, tree.For):
            yield from labelled(item.body, (*around, *item.iterators))
        elif isinstance(item, tree.Reaction) and item.label is not None:
            yield item, around


def declared(reaction: tree.Reaction, around: tuple[tree.Iterator, ...], entity: Entity) -> Instance:
    """The instance that a reaction's label declares in `entity`: one member, `rate`; an axis for each `for`."""
    span, label = reaction.label_span or reaction.span, reaction.label
    assert label is not None
    rate = tree.Variable("var", "rate", (), None, None, None, None, None, None, span, span)
    model = tree.Model("reaction", False, None, (), (rate,), (), (), (), None, span, span)
    inside = Entity(entity.scope, model, progress=Progress.DONE)
    inside.members["rate"] = inside.own["rate"] = Quantity(rate, 0, None)
    dims = tuple(i.range.last if isinstance(i.range, tree.Range) else i.range for i in around)
    component = tree.Component("part", label, dims, "reaction", (), None, span, span, span)
    return Instance(component, len(dims), inside)


def give_unit(instance: Instance, species: str | None) -> None:
    """The unit of the rate: that of the `species`, a second."""
    assert instance.entity is not None
    quantity = instance.entity.own["rate"]
    assert isinstance(quantity, Quantity)
    if species is not None and quantity.variable.unit is None and parse_unit(species).shift == 0.0:
        above, _, below = species.partition("/")
        if "/" in below:
            quantity.adopt(f"({species})/s")
        else:
            quantity.adopt(f"{above}/({below.strip('()')}*s)" if below else f"{species}/s")


def used(instance: Instance, dimensions: tuple[tree.Expr, ...]) -> ComponentUse:
    """The component that holds the rate."""
    component, entity = instance.component, instance.entity
    assert entity is not None
    rate = entity.own["rate"]
    assert isinstance(rate, Quantity)
    span = component.span
    cls = Class("reaction", "reaction", False, None, (rate.variable,), (), (), (), (), None, span)
    return ComponentUse("part", component.name, dimensions, cls, (), None, span)


def check_indices(around: tuple[tree.Iterator, ...], reaction: tree.Reaction, report: Report) -> None:
    """The sizes of a label's array do not depend on the indices of the loops around it, which it may name."""
    label = reaction.label
    named, own = reaction.label_indices, tuple([i.name for i in around])
    if named and named != own:
        there = f"`{label}[{', '.join(own)}]:`" if own else f"`{label}:`"
        report.say(
            "E0256",
            f"the indices of the label `{label}` are not those of the loops around it",
            (reaction.label_span or reaction.span, f"names {', '.join(f'`{n}`' for n in named)}"),
            help=f"write {there}",
        )
    from stiffdsl.check.names import names_in

    indices = {i.name for i in around}
    for iterator in around:
        for name in names_in(iterator.range):
            if name.parts[0].name in indices:
                report.say(
                    "E0256",
                    f"the loops around the label `{label}` depend on one another",
                    (iterator.span, "its length changes"),
                    help="give the loop one range, and put `if` into the rate",
                )
