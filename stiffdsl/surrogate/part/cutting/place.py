"""The place of a part in a model, and the names of it that the models around it see."""

from collections.abc import Iterator
from dataclasses import dataclass

from stiffdsl.check import CheckedModel, Class, ComponentUse
from stiffdsl.check.names import names_in
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.syntax import tree


@dataclass(frozen=True, eq=False)
class PartPlace:
    """The place of a part: `path` of names, and the classes on it: `chain[k]` declares `path[k]`."""

    path: tuple[str, ...]
    chain: tuple[Class, ...]
    uses: tuple[ComponentUse, ...]

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def cls(self) -> Class:
        """The class of the part."""
        return self.uses[-1].cls

    @property
    def ports(self) -> tuple[ComponentUse, ...]:
        return tuple(u for u in self.cls.components if u.kind == "port")


def find(checked: CheckedModel, name: str) -> PartPlace:
    """The part called `name` (dotted). Raises `ValueError` for what is no part, or none that can be cut out."""
    cls, chain, uses, path = checked.root, [], [], []
    for segment in name.split("."):
        bare = segment.partition("[")[0]
        known = {u.name: u for u in cls.components}
        use = known.get(bare)
        so_far = ".".join([*path, bare])
        if use is None:
            raise ValueError(_unknown(checked, name, so_far, cls, list(known)))
        if use.kind == "port":
            raise ValueError(f"`{so_far}` is a port; a surrogate takes the place of a part")
        if use.dimensions:
            raise ValueError(
                f"`{so_far}` is an array of parts; a surrogate takes the place of one of them, such as `{so_far}[1]`"
            )
        chain.append(cls)
        uses.append(use)
        path.append(bare)
        cls = use.cls
    return PartPlace(tuple(path), tuple(chain), tuple(uses))


def _unknown(checked: CheckedModel, name: str, so_far: str, cls: Class, known: list[str]) -> str:
    own = next((v for v in cls.variables if v.name == so_far.rpartition(".")[2]), None)
    if own is not None:
        return f"`{so_far}` is not a part of `{checked.root.name}`, it is declared with `{own.kind}`"
    parts = [u.name for u in cls.components if u.kind == "part"]
    hint = did_you_mean(name, _paths(checked.root)) or (
        f"it has {', '.join(f'`{p}`' for p in parts[:8])}{', …' if len(parts) > 8 else ''}"
        if parts
        else f"`{cls.name}` has no parts"
    )
    return f"`{checked.root.name}` has no part `{name}`; {hint}"


def _paths(root: Class, most: int = 2000) -> list[str]:
    """The dotted names of the single parts below `root`, those nearest to it first."""
    found: list[str] = []
    level = [("", root)]
    while level and len(found) < most:
        below = []
        for prefix, cls in level:
            for u in cls.components:
                if u.kind == "part" and not u.dimensions:
                    found.append(prefix + u.name)
                    below.append((f"{prefix}{u.name}.", u.cls))
        level = below
    return found


def seen(place: PartPlace) -> list[str]:
    found: list[str] = []
    for k, cls in enumerate(place.chain):
        for name in names_of_class(cls):
            segments = tuple(p.name for p in name.parts)
            own = place.path[k:]
            if segments[: len(own)] == own and len(segments) > len(own):
                found.append(".".join(segments[len(own) :]))
    return list(dict.fromkeys(found))


def imposed(place: PartPlace) -> list[str]:
    """Inputs and variables of the part that the models around it determine: bound by a modifier, or an input alone on a
    side of an equation."""
    found = []
    for inner, modifier in modifiers_of(place):
        if modifier.attribute != "value":
            continue
        kind = kind_of(place.cls, inner)
        literal = isinstance(modifier.value, tree.Number | tree.Unary | tree.ArrayLiteral)
        if kind in ("var", "output") or (kind == "input" and not literal):
            found.append(inner)
    found += [n for n in seen(place) if kind_of(place.cls, n) == "input"]
    return list(dict.fromkeys(found))


def modifiers_of(place: PartPlace) -> Iterator[tuple[str, tree.Modifier]]:
    """The modifiers that reach into the part from around it, by inner name, innermost use first."""
    for k in reversed(range(len(place.uses))):
        rest = ".".join(place.path[k + 1 :])
        for modifier in place.uses[k].modifiers:
            if not rest:
                yield modifier.name, modifier
            elif modifier.name.startswith(rest + "."):
                yield modifier.name[len(rest) + 1 :], modifier


def kind_of(cls: Class, inner: str) -> str | None:
    *parts, last = inner.split(".")
    for part in parts:
        use = next((u for u in cls.components if u.name == part), None)
        if use is None:
            return None
        cls = use.cls
    return next((v.kind for v in cls.variables if v.name == last), None)


def names_of_class(cls: Class) -> Iterator[tree.Name]:
    """Every name in the values, modifiers and equations of a class; not the points of its connections."""
    stack: list[object] = [*cls.variables, *cls.equations, *cls.initial, *cls.reactions]
    stack += [m.value for u in cls.components for m in u.modifiers]
    while stack:
        e = stack.pop()
        if isinstance(e, tree.Connect | str):
            continue
        if isinstance(e, tree.Name):
            yield e
        if isinstance(e, tuple):
            stack.extend(e)
            continue
        for field in getattr(e, "__slots__", ()):
            if "span" not in field:
                stack.append(getattr(e, field))


def names_in_expression(expr: tree.Expr) -> Iterator[tree.Name]:
    """Every name in an expression."""
    return iter(names_in(expr))
