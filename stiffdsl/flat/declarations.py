"""Values, starts and guesses of declarations: definitions of parameters and inputs, equations of bound variables."""

from collections.abc import Iterable

import numpy as np

from stiffdsl.check.modifiers import BEGINNINGS
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain, split_rows
from stiffdsl.flat.events import add_discrete
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Bound, Fault, Node
from stiffdsl.flat.model import Block
from stiffdsl.flat.shapes import lengths, shape_of
from stiffdsl.flat.shared import check_size
from stiffdsl.flat.template import MINUS_ONE
from stiffdsl.syntax import tree


def add_values(context: Context, node: Node) -> None:
    """Defines what the declarations of `node` give a value, a start or a guess."""
    for variable in node.cls.variables:
        if variable.kind != "const" and variable.name in node.blocks:
            context.attempt(lambda variable=variable: _values_of(context, node, variable))
    for name, _ in node.modifiers:
        if "." not in name and name in node.declared and node.declared[name].kind == "const":
            context.attempt(lambda name=name: context.constant_of(node, name))


def _values_of(context: Context, node: Node, variable: tree.Variable) -> None:
    block = node.blocks[variable.name]
    value = declared(node, variable, "value", variable.value)
    if block.kind == "discrete":
        add_discrete(context, block, variable.name_span)
        assert value is not None, "check asks for the value of a discrete variable"
        context.starts += define(context, block, value, f"the value of `{block.name}`")
        return
    if block.kind == "param":
        if value is None:
            raise Fault(
                "E0228",
                f"`{block.name}` has no value",
                variable.name_span,
                "this parameter needs one",
                help=f"write `param {variable.name} = …`, or set it where the part is declared",
            )
        context.parameter_values += define(context, block, value, f"the parameter `{block.name}`")
    elif block.kind == "input":
        if value is not None:
            context.input_values += define(context, block, value, f"the default of the input `{block.name}`")
    elif value is not None and not (variable.name in node.bound_inputs and value.scope is node):
        _bind(context, block, value)
    start = declared(node, variable, "start", variable.start)
    if start is not None:
        context.starts += define(context, block, start, f"the start value of `{block.name}`")
        if start.scope is node and node is not context.root:
            context.default_starts.append(block)
    guess = declared(node, variable, "guess", variable.guess)
    if guess is not None:
        context.guesses += define(context, block, guess, f"the guess of `{block.name}`")


def declared(node: Node, variable: tree.Variable, attribute: str, own: tree.Expr | None) -> Bound | None:
    """The modifier of an attribute that wins: one from outside, else the declaration's `own`."""
    bound = node.modifiers.get((variable.name, attribute))
    if bound is not None or own is None:
        return bound
    if attribute in BEGINNINGS and any((variable.name, a) in node.modifiers for a in BEGINNINGS):
        return None  # a modifier says where it begins
    return Bound(own, node, own.span)


def expansions(
    context: Context, block: Block, bound: Bound, auxiliary: bool
) -> Iterable[tuple[StatementExpansion, np.ndarray]]:
    """The domains in which a value is expanded for every scalar of `block`, split where it must be."""
    prefix = bound.scope.prefix
    extra = block.shape[len(prefix) :]
    domain = IterationDomain.grid(prefix, extra)
    shape = shape_of(StatementExpansion(context, bound.scope, domain), bound.value)
    if shape and shape != extra:
        if shape == extra[: len(shape)]:
            domain = domain.with_axes(domain.axes[: len(shape)])
        elif shape != extra[len(extra) - len(shape) :]:
            wanted, given = lengths(extra), lengths(shape)
            raise Fault("E0305", f"`{block.name}` is {wanted}, its value is {given}", bound.span)
    for rows in split_rows(domain.size, lambda rows: _try(context, bound, domain.take(rows))):
        yield StatementExpansion(context, bound.scope, domain.take(rows), auxiliary), rows


def _try(context: Context, bound: Bound, domain: IterationDomain) -> None:
    look = StatementExpansion(context, bound.scope, domain, auxiliary=False)
    look.lift(look.expand(bound.value))


def define(context: Context, block: Block, bound: Bound, what: str) -> list[tuple[np.ndarray, Rows]]:
    """The rows that define every scalar of `block`, by their numbers."""
    check_size(context.divide(bound.value), bound.span)
    if isinstance(bound.value, tree.Number):
        number = Rows(("num", bound.value.value), (), (), (), block.size, bound.span)
        return [(block.offset + np.arange(block.size), number)]
    found = []
    for expansion, rows in expansions(context, block, bound, auxiliary=False):
        skeleton = expansion.lift(expansion.expand(bound.value))
        wrong = [k for k in expansion.kinds if k in ("var", "der")] or (
            ["time"] if _mentions_time(skeleton) else []
        )
        if block.kind == "param" and "input" in expansion.kinds:
            wrong.append("input")
        if wrong:
            thing = {"time": "`time`", "input": "an input"}.get(wrong[0], "a variable")
            raise Fault(
                "E0224",
                f"{what} cannot depend on {thing}",
                bound.span,
                help="make it a `var` with an equation" if block.kind == "param" else None,
            )
        found.append((block.offset + rows, expansion.rows(skeleton, bound.span)))
    return found


def _bind(context: Context, block: Block, bound: Bound) -> None:
    """`var y = value` is the equation y = value."""
    context.divide(bound.value)
    for expansion, rows in expansions(context, block, bound, auxiliary=True):
        value = expansion.lift(expansion.expand(bound.value))
        target = expansion.slot("var", block.offset + rows)
        context.equations.add(expansion.rows(("add", target, ("mul", MINUS_ONE, value)), bound.span))


def _mentions_time(skeleton) -> bool:
    return skeleton == ("time",) or any(isinstance(s, tuple) and _mentions_time(s) for s in skeleton)
