"""Find what a name stands for: in a class, in a function, or in a file.

`x`, `x[i]` and `rooms[i].wall.T` are looked up among loop indices, then members of the class, then `time`,
`pi`, `true`, `false`, then constants of the file. A name that is not found is reported once per class, with
the nearest known name.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from stiffdsl.check.enums import label_help, qualified_label
from stiffdsl.check.fields.grid import Grid
from stiffdsl.check.quantities.offsets import Offsets
from stiffdsl.check.quantities.units import NONE
from stiffdsl.check.report import Report
from stiffdsl.check.scope import LocatedDeclaration, Scope
from stiffdsl.check.symbols import Entity, FieldMember, Instance, NetworkMember, Quantity, TableMember
from stiffdsl.check.typed import Level, Typed, as_number
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.syntax import tree

Walk = Callable[[tree.Expr], Typed]


# What other languages call what this one has.
_OTHER_WORDS = {
    "dt": "a derivative by time is `der(x)`",
    "t": "the time is `time`",
    "e": "a power of e is written `exp(x)`",
    "initial": "what happens once at the beginning stands in `when start`",
    "start": "`when start` stands alone, or last: `when c or start`",
}
# A derivative in other languages: `dx`, `dxdt`, `dx_dt`, `ddt_x`, `xdot`, `x_dot`, `Dx`.
_DERIVATIVES = (r"d(\w+?)_?dt", r"d(\w+)", r"ddt_?(\w+)", r"(\w+?)_?dot", r"D(\w+)")


@dataclass
class VisibleNames:
    """The names visible at one place. In a `function`, `arguments` are its parameters and the names of the lines above,
    and `entity` is None."""

    scope: Scope
    entity: Entity | None
    arguments: dict[str, Typed] = field(default_factory=dict)
    iterators: dict[str, str] = field(default_factory=dict)  # as written → as kept
    function: tree.FunctionDeclaration | None = None

    @property
    def place(self) -> str:
        """This place as messages name it."""
        return f"`{self.entity.name}`" if self.entity else "this function" if self.function else "this file"

    @property
    def complete(self) -> bool:
        return self.scope.complete and (self.entity is None or self.entity.complete)

    def known(self) -> list[str]:
        members = self.entity.members if self.entity else {}
        return [*self.iterators, *self.arguments, *members, *self.scope.known(tree.Variable), "time", "pi"]


def wrong(name: tree.Name) -> Typed:
    """The placeholder for a name that has been reported: it agrees with everything."""
    return Typed(name, None, 0, Level.CONSTANT, False)


def is_wrong(value: Typed) -> bool:
    """True for what `wrong` gives: saying more about it would repeat a message."""
    return isinstance(value.expr, tree.Name) and value == wrong(value.expr)


def dotted(name: tree.Name) -> str:
    """The name without its indices."""
    return ".".join(p.name for p in name.parts)


class Resolver:
    """Looks names up in `names`, which its owner replaces on the way into and out of functions."""

    def __init__(
        self,
        report: Report,
        names: VisibleNames,
        walk: Walk,
        constant: Callable[[LocatedDeclaration, tree.Name], Typed],
    ):
        self.report = report
        self.names = names
        self.determines = False  # True while a name is looked up that an equation is written for
        # Offsets of quantities that an equation defines, by the class's name for them (`definitions.py`).
        self.learned: dict[str, Offsets] = {}
        # The value of an array where the flux of a field is taken (`fields/operators.py`).
        self.located: Callable[[tree.Name, Typed], Typed] | None = None
        self._walk = walk
        self._constant = constant

    def resolve(self, name: tree.Name) -> Typed:
        """The meaning of `name` here, with dimension, rank and level; mistakes are reported."""
        found = self._found(name)
        if found.rank and self.located is not None and name.parts[0].name not in self.names.arguments:
            return self.located(name, found)
        return found

    def _found(self, name: tree.Name) -> Typed:
        first = name.parts[0]
        names = self.names
        if first.name in names.iterators:
            return self._iterator(name, names.iterators[first.name])
        if first.name in names.arguments:
            return self._argument(name, names.arguments[first.name])
        if names.entity is not None and first.name in names.entity.members:
            member = names.entity.members[first.name]
            if len(name.parts) == 1 and not first.indices and isinstance(member, Quantity):
                found = Typed(name, *member.facts)
            else:
                found = self._member(name, names.entity)
            if self.learned and len(name.parts) == 1 and first.name in self.learned:
                found = found._replace(offsets=self.learned[first.name])
            return found
        if len(name.parts) == 1 and first.name in ("time", "pi", "true", "false"):
            self._scalar(name, f"`{first.name}`")
            if first.name == "time":
                # Without a dimension: in a model without units, `sin(10*time)` is what its author means.
                return Typed(name, None, 0, Level.SIGNAL, False)
            number = first.name == "pi"
            return Typed(name, NONE if number else None, 0, Level.CONSTANT, True, None, not number)
        found = names.scope.find(dotted(name))
        if found is None:
            value = qualified_label(name, names.scope, self.report)
            return self._unknown(name) if value is None else value
        if isinstance(found.declaration, tree.Variable):
            return self._constant(found, name)
        what = {
            tree.FunctionDeclaration: "a function",
            tree.Connector: "a connector",
            tree.Enum: "an enumeration",
            tree.TableDeclaration: "a table",
            tree.NetworkDeclaration: "a network",
        }.get(type(found.declaration), "a model")
        self.report.say(
            "E0223",
            f"`{dotted(name)}` is {what}, not a quantity",
            (name.span, "a quantity is expected here"),
            help="call it with its arguments"
            if isinstance(
                found.declaration, tree.FunctionDeclaration | tree.TableDeclaration | tree.NetworkDeclaration
            )
            else None,
        )
        return wrong(name)

    def _unknown(self, name: tree.Name) -> Typed:
        names = self.names
        if names.complete:
            text = name.parts[0].name if len(name.parts) > 1 else dotted(name)
            prefixes = [m for m in names.scope.modules if dotted(name).startswith(m + ".")]
            place = f"not declared in {names.place}"
            if prefixes:
                text, place = dotted(name), f"not declared in `{prefixes[0]}`"
            title = f"unknown name `{text}`"
            self.report.say(
                "E0220",
                title,
                (name.span, place),
                help=self._further_down(text)
                or self._as_coordinate(text)
                or label_help(text, names.scope)
                or self._derivative_of(text)
                or did_you_mean(text, names.known())
                or _OTHER_WORDS.get(text)
                or (f"declare it: `var {text}`" if self.determines and names.entity else None),
                key=("E0220", text, id(names.entity or names.scope)),
            )
        return wrong(name)

    def _as_coordinate(self, text: str) -> str | None:
        """The help where an equation uses the coordinate of a field bare, as its `start` does."""
        members = self.names.entity.members if self.names.entity is not None else {}
        for field_name, member in members.items():
            layout = getattr(member, "layout", None)
            if layout is not None and layout.coordinate == text:
                return f"the coordinate of the field `{field_name}` is `{field_name}.{text}`"
        return None

    def _further_down(self, text: str) -> str | None:
        """The help where a line of a function uses a name that a later line gives."""
        function = self.names.function
        if function is None or all(local.name != text for local in function.locals):
            return None
        return "the lines of a function are read in order: move the line that gives it up"

    def _derivative_of(self, text: str) -> str | None:
        """The help where a name is how other languages write a derivative: `dx`, `dx_dt`, `x_dot`."""
        known = set(self.names.known())
        for form in _DERIVATIVES:
            found = re.fullmatch(form, text)
            if found is not None and found[1] in known:
                return f"the derivative of `{found[1]}` by time is `der({found[1]})`"
        return None

    def _iterator(self, name: tree.Name, kept: str) -> Typed:
        self._scalar(name, f"the loop index `{name.parts[0].name}`")
        if kept != name.parts[0].name:
            name = replace(name, parts=(tree.Part(kept),))
        return Typed(name, None, 0, Level.CONSTANT, True)

    def _argument(self, name: tree.Name, value: Typed) -> Typed:
        """A parameter of a function is the argument; its indices move to the name that was given."""
        first = name.parts[0]
        if len(name.parts) > 1:
            self.report.say(
                "E0223", f"`{first.name}` has no parts", (name.span, "a parameter of the function")
            )
            return wrong(name)
        if not first.indices:
            return value
        indices = self.indices(name, first, value.rank, f"`{first.name}`")
        if indices is None:
            return wrong(name)
        kept, open_rank, bare = indices
        given = value.expr
        if isinstance(given, tree.Name) and len(given.parts) == 1 and not given.parts[0].indices:
            expr: tree.Expr = replace(given, parts=(tree.Part(given.parts[0].name, kept),))
        else:
            expr = tree.Element(given, kept, name.span)
        return value._replace(expr=expr, rank=open_rank, bare=value.bare and bare)

    def _member(self, name: tree.Name, entity: Entity) -> Typed:
        rank, changed = 0, False
        parts: list[tree.Part] = []
        count = len(name.parts)
        so_far = ""
        for k, part in enumerate(name.parts):
            member = entity.members.get(part.name)
            if member is None:
                if entity.complete:
                    known = list(entity.members)
                    self.report.suggest(
                        "E0221",
                        f"`{so_far}` has no `{part.name}`",
                        name.span,
                        f"a `{entity.name}` does not declare it",
                        part.name,
                        known,
                    )
                return wrong(name)
            so_far = f"{so_far}.{part.name}" if so_far else part.name
            if part.indices:
                indices = self.indices(name, part, member.rank, f"`{so_far}`")
                if indices is None:
                    return wrong(name)
                kept, opened, _ = indices
                rank += opened
                if kept is not part.indices:
                    changed = True
                    part = tree.Part(part.name, kept)
            else:
                rank += member.rank
            parts.append(part)
            if isinstance(member, Instance):
                if member.entity is None:
                    return wrong(name)
                entity = member.entity
                if k == count - 1:
                    self._not_a_quantity(name, so_far, member)
                    return wrong(name)
                continue
            if isinstance(member, TableMember | NetworkMember):
                what = "table" if isinstance(member, TableMember) else "network"
                self.report.say(
                    "E0223",
                    f"`{so_far}` is a {what}, not a quantity",
                    (name.span, "a quantity is expected here"),
                    (member.span, "declared here"),
                    help="call it with its arguments",
                    key=("E0223", so_far, id(entity)),
                )
                return wrong(name)
            if k < count - 1:
                if isinstance(member, FieldMember) and k == count - 2:
                    return self._coordinate(name, member, (*parts[:-1],), rank - member.rank)
                self.report.say(
                    "E0223",
                    f"`{so_far}` has no parts",
                    (name.span, f"`{so_far}` is a quantity, not a component"),
                    (member.span, "declared here"),
                    help=f"a derivative by time is `der({so_far})`"
                    if name.parts[-1].name in ("der", "dot")
                    else None,
                    key=("E0223", so_far, id(entity)),
                )
                return wrong(name)
            if changed:
                name = replace(name, parts=tuple(parts))
            dimension, _, level, bare, shown, condition, offsets, labels = member.facts
            return Typed(name, dimension, rank, level, bare, shown, condition, offsets, labels)
        raise AssertionError("a name has at least one part")

    def _coordinate(
        self, name: tree.Name, member: FieldMember, path: tuple[tree.Part, ...], rank: int
    ) -> Typed:
        """`c.r` and `c.faces`: the coordinate of a field's cells, and of their faces."""
        last, layout, field = name.parts[-1], member.layout, member.variable.name
        known = {} if layout is None else {layout.coordinate: "centres", "faces": "faces"}
        if layout is None or last.name not in known or name.parts[-2].indices:
            if layout is not None:
                title = (
                    f"`{field}` has no `{last.name}`"
                    if last.name not in known
                    else f"`{field}[…]` has no parts"
                )
                help = (
                    f"the centres of its cells are `{field}.{layout.coordinate}`, their faces `{field}.faces`"
                )
                self.report.say("E0221", title, (name.span, "a field has a coordinate"), help=help)
            return wrong(name)
        indices: tuple[tree.Expr, ...] = ()
        opened = 1
        if last.indices:
            found = self.indices(name, last, 1, f"`{dotted(name)}`")
            if found is None:
                return wrong(name)
            indices, opened, _ = found
        grid = Grid(path, field, layout, name.span)
        expr = grid.coordinate(known[last.name], indices[0] if indices else None)
        level = max(layout.first.level, layout.last.level)
        return Typed(expr, layout.dimension, rank + opened, level, False)

    def _not_a_quantity(self, name: tree.Name, text: str, member: Instance) -> None:
        assert member.entity is not None
        known = [n for n, m in member.entity.members.items() if isinstance(m, Quantity)]
        what = {"input": "bundle of inputs"}.get(member.component.kind, member.component.kind)
        self.report.say(
            "E0223",
            f"`{text}` is a {what}, not a quantity",
            (name.span, "a quantity is expected here"),
            help=f"name one of its quantities: {', '.join(f'`{text}.{n}`' for n in known[:3])}"
            if known
            else None,
            key=("E0223", text, id(self.names.entity)),
        )

    def indices(
        self, name: tree.Name, part: tree.Part, rank: int, text: str
    ) -> tuple[tuple[tree.Expr, ...], int, bool] | None:
        """The indices in SI, how many are slices, and whether all are plain numbers; None after a mistake."""
        if len(part.indices) != rank:
            if rank == 0:
                title, label = f"{text} is not an array", "has no indices"
            else:
                title = f"{text} has {count_of(rank, 'index', 'indices')}"
                label = f"{count_of(len(part.indices), 'is', 'are')} given"
            self.report.say(
                "E0222", title, (name.span, label), key=("E0222", text, len(part.indices), name.span.line)
            )
            return None
        opened, bare, changed, kept = 0, True, False, []
        for index in part.indices:
            value = as_number(self._walk(index))
            self.require(value, index, Level.CONSTANT, "an index")
            opened += isinstance(index, tree.Range)
            bare = bare and value.bare
            changed = changed or value.expr is not index
            kept.append(value.expr)
        return (tuple(kept) if changed else part.indices), opened, bare

    def _scalar(self, name: tree.Name, text: str) -> None:
        if name.parts[0].indices:
            self.report.say("E0222", f"{text} is not an array", (name.span, "has no indices"))
        elif len(name.parts) > 1:
            self.report.say("E0223", f"{text} has no parts", (name.span, "not a component"))

    def require(self, value: Typed, written: tree.Expr, highest: Level, what: str) -> bool:
        """Report where `what` depends on something that is known too late."""
        if value.level <= highest:
            return True
        culprit = self._culprit(written, highest)
        span = culprit.span if culprit else written.span
        text = f"`{dotted(culprit)}`" if culprit else "this"
        kinds = {Level.PARAMETER: "a parameter", Level.SIGNAL: "known only during the run"}
        kind = "a variable" if value.level == Level.UNKNOWN else kinds[value.level]
        if highest == Level.CONSTANT:
            reason, help = "must be known when the model is compiled", "declare it as a `const`"
        else:
            reason, help = "must be known before the run begins", "use numbers, `const` and `param` only"
        if value.level != Level.PARAMETER and highest == Level.CONSTANT:
            help = "use numbers and `const` only"
        self.report.say("E0224", f"{what} {reason}", (span, f"{text} is {kind}"), help=help)
        return False

    def _culprit(self, expr: tree.Expr, highest: Level) -> tree.Name | None:
        """The first name in `expr` that is known too late."""
        for name in names_in(expr):
            if self.level(name) > highest:
                return name
        return None

    def level(self, name: tree.Name) -> Level:
        """When the value of `name` is known."""
        first = name.parts[0].name
        if first in self.names.iterators or self.names.entity is None:
            return Level.CONSTANT
        entity: Entity | None = self.names.entity
        for part in name.parts:
            member = entity.members.get(part.name) if entity else None
            if isinstance(member, Quantity):
                return member.level
            entity = member.entity if isinstance(member, Instance) else None
        return Level.SIGNAL if first == "time" else Level.CONSTANT


def count_of(number: int, one: str, many: str) -> str:
    """`1 index`, `2 indices`."""
    return f"{number} {one if number == 1 else many}"


def names_in(expr: tree.Expr) -> list[tree.Name]:
    """Every name in an expression, from left to right; the names inside indices follow their own."""
    return [e for e in expressions_in(expr) if isinstance(e, tree.Name)]


def expressions_in(expr: tree.Expr) -> Iterator[tree.Expr]:
    """An expression and all that it is made of, from left to right. What functions share is read once."""
    stack: list[tree.Expr] = [expr]
    seen: set[int] = set()
    while stack:
        e = stack.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        yield e
        match e:
            case tree.Name():
                stack.extend(i for p in reversed(e.parts) for i in reversed(p.indices))
            case tree.Unary():
                stack.append(e.operand)
            case tree.Binary():
                stack.extend((e.right, e.left))
            case tree.If():
                stack.extend((e.no, e.yes, e.condition))
            case tree.Call():
                stack.extend(reversed([*e.arguments, *(v for _, v in e.named)]))
            case tree.Range():
                stack.extend((e.last, e.first))
            case tree.ArrayLiteral():
                stack.extend(reversed(e.items))
            case tree.Inlined():
                stack.append(e.value)
            case tree.Element():
                stack.extend((*reversed(e.indices), e.array))
            case tree.Comprehension():
                stack.extend((*(i.range for i in e.iterators), e.body))
            case _:
                pass
