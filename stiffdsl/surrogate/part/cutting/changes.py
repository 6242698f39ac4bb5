"""Changes of a checked model: the part alone, and the whole with something else in the place of the part.

They are functions that can be pickled, and go with a compiled model to other processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from stiffdsl.check import CheckedModel, Class, ComponentUse, check
from stiffdsl.diagnostics import Source, Span
from stiffdsl.surrogate.part.cutting.place import find, kind_of, names_in_expression
from stiffdsl.syntax import tree
from stiffdsl.syntax.parse import parse


@dataclass(frozen=True, eq=False)
class Alone:
    """Makes of the whole the part alone: `drives` names the crossings (by inner name) that inputs `u1`, … impose."""

    part: str
    modifiers: tuple[tree.Modifier, ...]
    sizes: Mapping[str, tuple[int, ...]]
    drives: tuple[str, ...]

    def __call__(self, checked: CheckedModel) -> CheckedModel:
        place = find(checked, self.part)
        span = checked.root.span
        own = place.path[-1]
        around = "around" if own != "around" else "around_it"

        def sized(use: ComponentUse) -> ComponentUse:
            dims = tuple(tree.Number(float(n), None, span) for n in self.sizes[use.name])
            return replace(use, dimensions=dims, modifiers=())

        neighbour = _empty("Neighbour", tuple(sized(u) for u in place.ports), span)
        use = replace(place.uses[-1], modifiers=self.modifiers)
        root = _empty(f"{place.cls.name}Alone", (use, _part(around, neighbour, span)), span)
        equations: list[tree.Statement] = []
        for u in place.ports:
            for k in range(int(np.prod(self.sizes[u.name], dtype=int))):
                index = indexed(u.name, self.sizes[u.name], k)
                points = tuple(name_of(f"{who}.{index}", span) for who in (own, around))
                equations.append(tree.Connect(points, span))
        inputs = []
        for k, inner in enumerate(self.drives):
            name = f"u{k + 1}"
            zero = tree.Number(0.0, None, span)
            inputs.append(tree.Variable("input", name, (), None, zero, None, None, None, None, span, span))
            equations.append(tree.Equation(name_of(f"{own}.{inner}", span), name_of(name, span), span))
        root = replace(root, variables=tuple(inputs), equations=tuple(equations))
        root = replace(root, experiment=checked.root.experiment and _times_only(checked.root.experiment))
        return CheckedModel(root, checked.source)


def _times_only(experiment: tree.Experiment) -> tree.Experiment | None:
    """Its options that are numbers: those that name constants of the whole mean nothing here."""
    plain = tuple((n, v) for n, v in experiment.options if v is None or not list(names_in_expression(v)))
    return replace(experiment, options=plain)


@dataclass(frozen=True, eq=False)
class Replaced:
    """Makes of the whole the whole with `text`'s last model in the place of the part; its ports keep their connectors.

    Modifiers that reach into the part stay where their target does.
    """

    part: str
    text: str

    def __call__(self, checked: CheckedModel) -> CheckedModel:
        place = find(checked, self.part)
        source = Source(f"<surrogate of {self.part}>", self.text)
        made = check(parse(source), source, load=lambda module, importing: None).root
        connectors = {u.name: u.cls for u in place.ports}
        components = tuple(
            replace(u, cls=connectors[u.name]) if u.kind == "port" else u for u in made.components
        )
        cls = replace(made, components=components)
        for k in reversed(range(len(place.path))):
            rest = ".".join(place.path[k + 1 :])
            use = place.uses[k]
            kept = tuple(m for m in use.modifiers if _stays(m, rest, made))
            use = replace(use, cls=cls, modifiers=kept)
            outer = place.chain[k]
            cls = replace(outer, components=tuple(use if u is place.uses[k] else u for u in outer.components))
        return replace(checked, root=cls)


def _stays(modifier: tree.Modifier, rest: str, made: Class) -> bool:
    name = modifier.name
    if rest:
        if not name.startswith(rest + "."):
            return True
        name = name[len(rest) + 1 :]
    kind = kind_of(made, name)
    return kind is not None and (modifier.attribute == "value" or kind == "var")


def _empty(name: str, components: tuple[ComponentUse, ...], span: Span) -> Class:
    return Class(name, "model", False, None, (), components, (), (), (), None, span)


def _part(name: str, cls: Class, span: Span) -> ComponentUse:
    return ComponentUse("part", name, (), cls, (), None, span)


def name_of(text: str, span: Span) -> tree.Name:
    """`a.b[2].v[1,3]` as a name."""
    parts = []
    for segment in text.split("."):
        bare, _, indices = segment.partition("[")
        given = indices.rstrip("]").split(",") if indices else []
        parts.append(tree.Part(bare, tuple(tree.Number(float(i), None, span) for i in given)))
    return tree.Name(tuple(parts), span)


def indexed(name: str, dims: tuple[int, ...], k: int) -> str:
    if not dims:
        return name
    index = np.unravel_index(k, dims)
    return f"{name}[{','.join(str(int(i) + 1) for i in index)}]"
