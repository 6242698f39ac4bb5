"""Networks: `network g(T, soc) -> rate hidden 16, 16`, checked; and calls of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from stiffdsl.check.names import Resolver, count_of, is_wrong
from stiffdsl.check.quantities import offsets
from stiffdsl.check.quantities.units import Unit
from stiffdsl.check.report import Report
from stiffdsl.check.scope import say_duplicate
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import Span, did_you_mean
from stiffdsl.syntax import tree

ACTIVATIONS = ("tanh", "gelu", "relu", "softplus", "sigmoid", "silu", "swish", "sin")


class NetworkElaboration(Protocol):
    """The elaboration of expressions (`expressions.Walker`), as networks need it."""

    report: Report
    resolver: Resolver

    def walk(self, expr: tree.Expr) -> Typed: ...

    def unit(self, text: str | None, span: Span) -> Unit | None: ...

    def given(
        self, expr: tree.Expr, unit: Unit | None, highest: Level, what: str, labels: tree.Enum | None = None
    ) -> Typed: ...


def declared_network(
    declaration: tree.NetworkDeclaration, walker: NetworkElaboration, highest: Level
) -> tree.NetworkDeclaration:
    """A network with its sizes, seed and scales resolved and in SI; scales are known at `highest`."""
    name, report = declaration.name, walker.report
    seen: dict[str, tree.NetworkValue] = {}
    for value in (*declaration.arguments, declaration.result):
        if value.name in seen:
            say_duplicate(report, value.name, value.span, seen[value.name].span)
        seen.setdefault(value.name, value)
    if not declaration.hidden:
        report.say(
            "E0297",
            f"the network `{name}` has no hidden layer",
            (declaration.name_span, "says nothing of its size"),
            help="write how wide each layer is: `hidden 16, 16`",
        )
    activation = declaration.activation
    if activation is not None and activation not in ACTIVATIONS:
        assert declaration.activation_span is not None
        listed = ", ".join(f"`{a}`" for a in ACTIVATIONS)
        report.say(
            "E0297",
            f"there is no activation `{activation}`",
            (declaration.activation_span, "is none of them"),
            help=did_you_mean(activation, ACTIVATIONS) or f"write one of {listed}",
        )
        activation = None
    return replace(
        declaration,
        arguments=tuple([_sized(a, name, walker) for a in declaration.arguments]),
        result=_sized(declaration.result, name, walker),
        hidden=tuple([_constant(e, f"the width of a layer of `{name}`", walker) for e in declaration.hidden]),
        activation=activation,
        seed=None
        if declaration.seed is None
        else _constant(declaration.seed, f"the seed of `{name}`", walker),
        scale=tuple([(n, _scale(declaration, n, e, seen, walker, highest)) for n, e in declaration.scale]),
    )


def _constant(expr: tree.Expr, what: str, walker: NetworkElaboration) -> tree.Expr:
    value = walker.walk(expr)
    walker.resolver.require(value, expr, Level.CONSTANT, what)
    if value.rank and not is_wrong(value):
        walker.report.say("E0226", f"{what} is one number", (expr.span, "is an array"))
    return value.expr


def _sized(value: tree.NetworkValue, network: str, walker: NetworkElaboration) -> tree.NetworkValue:
    walker.unit(value.unit, value.span)
    sizes = tuple(
        [_constant(e, f"the size of `{value.name}` of `{network}`", walker) for e in value.dimensions]
    )
    return replace(value, dimensions=sizes)


def _scale(
    declaration: tree.NetworkDeclaration,
    name: str,
    expr: tree.Expr,
    known: dict[str, tree.NetworkValue],
    walker: NetworkElaboration,
    highest: Level,
) -> tree.Expr:
    if name not in known:
        walker.report.say(
            "E0297",
            f"`{declaration.name}` has no `{name}` to scale",
            (expr.span, "is divided by this"),
            help=did_you_mean(name, known) or f"it has {', '.join(f'`{k}`' for k in known)}",
        )
        return walker.walk(expr).expr
    of = known[name]
    unit = walker.unit(of.unit, of.span)
    what = f"the scale of `{name}`"
    value = walker.given(expr, None if unit is None else unit.difference, highest, what)
    if value.rank not in (0, len(of.dimensions)) and not is_wrong(value):
        has = f"has {count_of(len(of.dimensions), 'index', 'indices')}" if of.dimensions else "is no array"
        walker.report.say("E0226", f"`{name}` {has}, its scale does not fit", (expr.span, "is an array"))
    return value.expr


def network_call(
    call: tree.Call,
    network: tree.NetworkDeclaration,
    static: tree.NetworkDeclaration | None,
    walker: NetworkElaboration,
    joined: Callable[[Span, int, int], int],
) -> Typed:
    """The value of a network for as many arguments as it takes. `static`: it is one of a file. `joined`: the rank of
    two values in one expression."""
    units = [walker.unit(a.unit, a.span) for a in network.arguments]
    arguments = [
        walker.given(e, u, Level.UNKNOWN, f"`{a.name}` of `{call.function}`")
        for e, u, a in zip(call.arguments, units, network.arguments, strict=True)
    ]
    rank = len(network.result.dimensions)
    if rank or any(a.dimensions for a in network.arguments):
        for written, value, formal in zip(call.arguments, arguments, network.arguments, strict=True):
            _of_rank(call, written, value, formal, walker)
    else:
        for value in arguments:
            rank = joined(call.span, rank, value.rank)
    unit: Unit | None = walker.unit(network.result.unit, network.result.span)
    expr = tree.NetworkCall(call.function, tuple([a.expr for a in arguments]), (), call.span, static)
    level = max([Level.PARAMETER, *(a.level for a in arguments)])
    shown = unit if unit is not None and not unit.is_si else None
    dimension = None if unit is None else unit.dimension
    return Typed(expr, dimension, rank, level, False, shown, False, offsets.of_unit(unit))


def _of_rank(
    call: tree.Call, written: tree.Expr, value: Typed, formal: tree.NetworkValue, walker: NetworkElaboration
) -> None:
    wanted = len(formal.dimensions)
    if value.rank == wanted or is_wrong(value):
        return
    has = f"has {count_of(value.rank, 'index', 'indices')}" if value.rank else "is a single number"
    takes = f"an array with {count_of(wanted, 'index', 'indices')}" if wanted else "a single number"
    walker.report.say(
        "E0226", f"`{formal.name}` of `{call.function}` is {takes}", (written.span, f"this {has}"),
        (formal.span, "declared here"),
    )  # fmt: skip
