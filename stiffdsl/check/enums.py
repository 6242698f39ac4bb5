"""Enumerations: `enum Mode {off, heating}`, quantities that are declared of one, labels where one is expected.

A value of an enumeration is stored as a number, from 1 in the order of its labels. It is given, and compared by `==`
and `!=`; nothing is calculated with it. A label stands bare where its enumeration is expected, else it is `Mode.off`.
"""

from dataclasses import replace
from typing import Any, Protocol

from stiffdsl.check.quantities.units import NONE
from stiffdsl.check.report import Report
from stiffdsl.check.scope import Scope
from stiffdsl.check.symbols import Quantity
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import did_you_mean, within
from stiffdsl.syntax import tree

# The kinds of declarations that may be of an enumeration.
KINDS = ("const", "param", "input", "discrete")


class EnumElaboration(Protocol):
    """The elaboration of expressions (`expressions.Walker`), as labels need it."""

    report: Report

    @property
    def names(self) -> Any: ...

    def walk(self, expr: tree.Expr) -> Typed: ...

    def condition(self, expr: tree.Expr) -> Typed: ...

    def enter(self, iterators: tuple[tree.Iterator, ...]) -> tuple[Any, tuple[tree.Iterator, ...]]: ...

    def leave(self, outer: Any) -> None: ...


def declared_enum(variable: tree.Variable, scope: Scope, report: Report) -> tree.Enum | None:
    """The enumeration that a declaration is of; mistakes are reported."""
    name = variable.type
    if name is None:
        return None
    found = scope.find(name)
    if found is None or not isinstance(found.declaration, tree.Enum):
        if scope.complete or found is not None:
            known = scope.known(tree.Enum)
            report.say(
                "E0280",
                f"`{name}` is not an enumeration",
                (within(variable.span, name), "is not declared by an `enum`"),
                help=did_you_mean(name, known)
                or f"write `enum {name} {{...}}` beside the models; a part is `part {variable.name} : {name}`",
            )
        return None
    if variable.kind not in KINDS or variable.unit is not None:
        what = f"a `{variable.kind}` is a number" if variable.kind not in KINDS else "it has no unit"
        report.say(
            "E0280",
            f"`{variable.name}` cannot be a `{name}`: {what}",
            (variable.span, ""),
            help=f"a {', '.join(f'`{k}`' for k in KINDS[:-1])} or `{KINDS[-1]}` may be one",
        )
        return None
    return found.declaration


def labelled(walker: EnumElaboration, expr: tree.Expr, enum: tree.Enum, what: str) -> Typed:
    """A value of `enum` that is given to `what`."""
    label = _bare(expr)
    if label in enum.labels:
        return _number(expr, enum, enum.labels.index(label))
    match expr:
        case tree.If():
            condition = walker.condition(expr.condition)
            yes, no = (labelled(walker, e, enum, what) for e in (expr.yes, expr.no))
            level = max(condition.level, yes.level, no.level)
            rank = max(condition.rank, yes.rank, no.rank)
            chosen = tree.If(condition.expr, yes.expr, no.expr, expr.span)
            return Typed(chosen, NONE, rank, level, False, labels=enum)
        case tree.ArrayLiteral():
            items = [labelled(walker, e, enum, what) for e in expr.items]
            made = replace(expr, items=tuple([i.expr for i in items]))
            rank = 1 + max((i.rank for i in items), default=0)
            level = max((i.level for i in items), default=Level.CONSTANT)
            return Typed(made, NONE, rank, level, False, labels=enum)
        case tree.Comprehension(None):
            outer, iterators = walker.enter(expr.iterators)
            body = labelled(walker, expr.body, enum, what)
            walker.leave(outer)
            made = tree.Comprehension(None, body.expr, iterators, expr.span)
            return body._replace(expr=made, rank=body.rank + len(iterators))
    known = label is None or _known(walker, label)
    value = walker.walk(expr) if known else None
    if value is None or value.labels is not enum:
        text = (
            "is not one of its values"
            if value is None or value.labels is None
            else f"is a `{value.labels.name}`"
        )
        mistaken = (
            value is not None and not value.bare and value.dimension is None and value.level == Level.CONSTANT
        )
        if not mistaken:
            listed = ", ".join(f"`{each}`" for each in enum.labels[:8])
            walker.report.say(
                "E0280",
                f"{what} is a `{enum.name}`",
                (expr.span, text),
                help=(did_you_mean(label, list(enum.labels)) if label else None)
                or f"its values are {listed}",
            )
        return _number(expr, enum, 0)
    return value


def compared_labels(walker: EnumElaboration, e: tree.Binary) -> Typed | None:
    """`mode == off`, either way round; None where neither side is of an enumeration."""
    enum = _enum_of(walker, e.left) or _enum_of(walker, e.right)
    if enum is None:
        return None
    left, right = (labelled(walker, side, enum, "what it is compared with") for side in (e.left, e.right))
    expr = tree.Binary(e.operator, left.expr, right.expr, e.span)
    rank = max(left.rank, right.rank)
    return Typed(expr, None, rank, max(left.level, right.level), False, None, True)


def no_label(value: Typed, expr: tree.Expr, report: Report) -> Typed:
    """Report a value of an enumeration where a number or a condition is needed."""
    if value.labels is None:
        return value
    enum = value.labels
    report.say(
        "E0280",
        f"a `{enum.name}` is no number",
        (expr.span, f"this is one of {', '.join(f'`{each}`' for each in enum.labels[:4])}"),
        help=f"compare it: `== {enum.labels[0]}`, `!= {enum.labels[0]}`",
    )
    return value._replace(labels=None)


def qualified_label(name: tree.Name, scope: Scope, report: Report) -> Typed | None:
    """`Mode.off`; None where the name does not begin with an enumeration."""
    if len(name.parts) < 2 or any(p.indices for p in name.parts):
        return None
    *before, label = (p.name for p in name.parts)
    found = scope.find(".".join(before))
    if found is None or not isinstance(found.declaration, tree.Enum):
        return None
    enum = found.declaration
    if label not in enum.labels:
        title, place = f"`{enum.name}` has no `{label}`", "is not one of its values"
        report.suggest("E0280", title, name.span, place, label, list(enum.labels))
        return _number(name, enum, 0)
    return _number(name, enum, enum.labels.index(label))


def label_help(text: str, scope: Scope) -> str | None:
    """The help where a label stands bare and no enumeration is expected."""
    for name in scope.known(tree.Enum):
        found = scope.find(name)
        if (
            found is not None
            and isinstance(found.declaration, tree.Enum)
            and text in found.declaration.labels
        ):
            return f"write `{name}.{text}`"
    return None


def _bare(expr: tree.Expr) -> str | None:
    if isinstance(expr, tree.Name) and len(expr.parts) == 1 and not expr.parts[0].indices:
        return expr.parts[0].name
    return None


def _known(walker: EnumElaboration, name: str) -> bool:
    return name in walker.names.known()


def _number(expr: tree.Expr, enum: tree.Enum, k: int) -> Typed:
    return Typed(tree.Number(float(k + 1), None, expr.span), NONE, 0, Level.CONSTANT, False, labels=enum)


def _enum_of(walker: EnumElaboration, expr: tree.Expr) -> tree.Enum | None:
    """The enumeration of a name, or of a choice of such; found without a word."""
    if isinstance(expr, tree.If):
        return _enum_of(walker, expr.yes) or _enum_of(walker, expr.no)
    if not isinstance(expr, tree.Name):
        return None
    names = walker.names
    first = expr.parts[0].name
    if first in names.iterators:
        return None
    if first in names.arguments:
        return names.arguments[first].labels
    entity = names.entity
    if entity is not None and first in entity.members:
        for part in expr.parts:
            member = entity.members.get(part.name)
            if isinstance(member, Quantity):
                return member.labels
            if member is None or member.entity is None:
                return None
            entity = member.entity
        return None
    dotted = [p.name for p in expr.parts]
    for length in (len(dotted), len(dotted) - 1):
        found = names.scope.find(".".join(dotted[:length]))
        if found is not None:
            declaration = found.declaration
            if isinstance(declaration, tree.Enum):
                return declaration if length < len(dotted) else None
            if isinstance(declaration, tree.Variable) and declaration.type is not None:
                inner = found.scope.find(declaration.type)
                return inner.declaration if inner and isinstance(inner.declaration, tree.Enum) else None
    return None
