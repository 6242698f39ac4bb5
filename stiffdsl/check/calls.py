"""Calls of functions that a file declares: arguments by place, by name or left to the default; long results marked."""

from stiffdsl.check.names import count_of
from stiffdsl.check.report import Report
from stiffdsl.check.typed import Typed
from stiffdsl.diagnostics import Span, did_you_mean
from stiffdsl.syntax import tree

# A function that comes to more operations and leaves than this is long: more than its arguments, read once each.
LONG = 24


def bound_arguments(
    call: tree.Call, function: tree.FunctionDeclaration, report: Report
) -> dict[str, tree.Expr] | None:
    """Arguments of `call` for the formal parameters of `function`, by name; None after a mistake, which is reported."""
    formals = {f.name: f for f in function.formals}
    needed = [name for name, f in formals.items() if f.default is None]
    given = dict(zip(formals, call.arguments, strict=False))
    for name, value in call.named:
        if name not in formals:
            known = [n for n in formals if n not in given]
            report.say(
                "E0232",
                f"`{call.function}` has no parameter `{name}`",
                (value.span, f"`{name} =` cannot be given here"),
                help=did_you_mean(name, known) or f"it has {_listed(list(formals))}",
            )
            return None
        if name in given:
            report.say(
                "E0232",
                f"`{name}` of `{call.function}` is given twice",
                (value.span, "again"),
                (given[name].span, "first here"),
                help="keep one of them",
            )
            return None
        given[name] = value
    if len(call.arguments) <= len(formals) and all(name in given for name in needed):
        return given
    least, most = len(needed), len(formals)
    wants = str(most) if least == most else f"{least} to {most}"
    count = len(call.arguments) + len(call.named)
    missing = [name for name in needed if name not in given]
    report.say(
        "E0231",
        f"`{call.function}` takes {wants} {'argument' if wants == '1' else 'arguments'}",
        (call.span, f"{count_of(count, 'is', 'are')} given" if count else "none is given"),
        notes=(f"without {_listed(missing)}",) if missing and (call.named or least < most) else (),
    )
    return None


def put_in_place(value: Typed, arguments: dict[str, Typed], function: str, span: Span) -> Typed:
    """The result of a call, marked as that where it is long; a long function called in it counts as one operation."""
    if value.condition or value.rank or isinstance(value.expr, tree.Inlined | tree.Name | tree.Number):
        return value
    waiting: list[tree.Expr] = [value.expr]
    known, count = {id(a.expr) for a in arguments.values()}, 0
    while waiting and count <= LONG:
        e = waiting.pop()
        count += 1
        if id(e) in known:
            continue
        match e:
            case tree.Unary():
                waiting.append(e.operand)
            case tree.Binary():
                waiting += (e.left, e.right)
            case tree.If():
                waiting += (e.condition, e.yes, e.no)
            case tree.Call():
                waiting += e.arguments
            case tree.Comprehension():
                waiting.append(e.body)
    if count <= LONG:
        return value
    given = tuple(a.expr for a in arguments.values())
    return value._replace(expr=tree.Inlined(value.expr, given, function, span))


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) if names else "none"
