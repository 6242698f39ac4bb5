"""One element of an array of parts becomes a part by itself, so that a surrogate can take its place.

    part rooms[4] : Room(T = {1, 2, 3, 4})  ->  part rooms_3 : Room(T = 3)
                                                part rooms_but_3[3] : Room(T = {1, 2, 4})

It is the same model with other names. Loops that go through the array are divided where they meet the element.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stiffdsl.check import CheckedModel, Class, ComponentUse
from stiffdsl.flat.instances import instantiated
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.surrogate.part.cutting.divided import Divided, Division, Moved
from stiffdsl.syntax import tree


@dataclass(frozen=True, eq=False)
class Separated:
    """Makes of a checked model the same with the first element that `part` names, `plant.rooms[3].wall`, by itself."""

    part: str
    constants: Mapping[str, float]

    def __call__(self, checked: CheckedModel) -> CheckedModel:
        return _Separation(checked, self.part, self.constants).result()

    def moved(self, checked: CheckedModel) -> Moved:
        """The new names, for the model before. Raises `ValueError` for what cannot be separated."""
        return _Separation(checked, self.part, self.constants).moved


def by_itself(model: CompiledProgram, part: str) -> tuple[CompiledProgram, str, Moved | None]:
    """The model in which `part` is an element of no array, and its name there."""
    if "[" not in part:
        return model, part, None
    assert model.origin is not None
    change = Separated(part, model.origin.constants)
    moved = change.moved(model.origin(stop_after="check"))
    part = moved(part)
    if "[" in part:
        raise ValueError(
            f"`{part}` is in an array of an array; a surrogate takes the place of an element of one"
        )
    made = model.origin(change)
    for names in (made.variable_names, made.parameter_names, made.input_names):
        names.moved = moved
    return made, part, moved


class _Separation:
    def __init__(self, checked: CheckedModel, part: str, constants: Mapping[str, float]):
        segments = part.split(".")
        last = next(k for k, s in enumerate(segments) if "[" in s)
        self.checked = checked
        self.path = [s.partition("[")[0] for s in segments[: last + 1]]
        array = ".".join(self.path)
        context = instantiated(checked, dict(constants))
        context.stop_on_errors()
        node = context.root
        self.nodes = [node]
        for name in self.path:
            below = node.children.get(name)
            use = next((u for u in node.cls.components if u.name == name), None)
            if below is None or use is None or use.kind != "part":
                raise ValueError(f"`{checked.root.name}` has no array of parts `{array}`")
            node = below
            self.nodes.append(node)
        if len(node.prefix) != 1 or len(node.dims) != 1:
            what = (
                "is an array in an array, or of more than one index"
                if node.prefix
                else "is no array of parts"
            )
            raise ValueError(
                f"`{array}` {what}; a surrogate can take the place of one element of an array `a[N]`"
            )
        self.count = node.dims[0]
        given = segments[last].partition("[")[2].rstrip("]").strip()
        if not given.isdigit() or not 1 <= int(given) <= self.count:
            raise ValueError(f"the index `{given}` of `{array}` is outside 1..{self.count}")
        if inside := [c for c in constants if c.startswith(array + ".")]:
            raise ValueError(
                f"`{inside[0]}` was given for all elements of `{array}`; to replace one of them, write it in the model"
            )
        self.number = int(given)
        holder = self.nodes[-2].cls
        taken = {v.name for v in holder.variables} | {u.name for u in holder.components}
        self.own = _free(f"{self.path[-1]}_{self.number}", taken)
        self.others = _free(f"{self.path[-1]}_but_{self.number}", taken)
        above = "".join(f"{p}." for p in self.path[:-1])
        self.moved = Moved(array, self.number, above + self.own, above + self.others)
        self.division = Division(context, tuple(self.path), self.number, self.count, self.own, self.others)

    def result(self) -> CheckedModel:
        below: Class | None = None
        for depth in reversed(range(len(self.path))):
            below = self._class(depth, below)
        assert below is not None
        return replace(self.checked, root=below)

    def _class(self, depth: int, below: Class | None) -> Class:
        """The class on the way to the array, with the class of the next component on it."""
        at = Divided(self.division, self.nodes[depth], tuple(self.path[depth:]))
        cls = at.node.cls
        components: list[ComponentUse] = []
        for use in cls.components:
            if use.name != self.path[depth]:
                components.append(replace(use, modifiers=at.changed(use.modifiers)))
            elif below is not None:
                reach = "".join(f"{p}." for p in self.path[depth + 1 : -1])
                modifiers = []
                for m in use.modifiers:
                    array = f"{reach}{self.path[-1]}."
                    modifiers += at.divided(m, use.cls, array, reach) if m.name.startswith(array) else [m]
                components.append(replace(use, cls=below, modifiers=at.changed(tuple(modifiers))))
            else:
                components += self._uses(at, use)
        return replace(
            cls,
            components=tuple(components),
            variables=at.changed(cls.variables),
            equations=at.statements(cls.equations),
            initial=at.statements(cls.initial),
            reactions=at.statements(cls.reactions),
        )

    def _uses(self, at: Divided, use: ComponentUse) -> list[ComponentUse]:
        halves: dict[str, list[tree.Modifier]] = {self.own: [], self.others: []}
        for m in use.modifiers:
            inner = replace(m, name=f"{use.name}.{m.name}")
            for one in at.divided(inner, at.node.cls, f"{use.name}.", ""):
                first, _, rest = one.name.partition(".")
                halves[first].append(replace(one, name=rest))
        size = tree.Number(float(self.count - 1), None, use.span)
        own = replace(use, name=self.own, dimensions=(), modifiers=at.changed(tuple(halves[self.own])))
        others = replace(
            use, name=self.others, dimensions=(size,), modifiers=at.changed(tuple(halves[self.others]))
        )
        return [own, others] if self.count > 1 else [own]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
