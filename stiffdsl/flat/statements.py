"""Equations, loops, conditions and reactions of one instance: every member of an array of parts at once."""

import numpy as np

from stiffdsl.flat.arrays.reductions import terms_of
from stiffdsl.flat.arrays.shapes import lengths, shape_of, text
from stiffdsl.flat.conditions.events import add_when
from stiffdsl.flat.connections.connect import Ports
from stiffdsl.flat.connections.connecting import connect
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain, split_rows
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.families import Collector
from stiffdsl.flat.grouped_lines import of_lines
from stiffdsl.flat.instance import Fault, Node, fits
from stiffdsl.flat.kinetics.reactions import add_reaction
from stiffdsl.flat.numeric import truth
from stiffdsl.syntax import tree


def add_statements(context: Context, node: Node, ports: dict[int, Ports]) -> None:
    """Gather the equations, connections and reactions of all members of `node`; mistakes go to `context`."""
    domain = IterationDomain.grid(node.prefix)
    if not domain.size:
        return
    for statement in node.cls.equations:
        context.attempt(lambda s=statement: _statement(context, node, s, domain, context.equations, ports))
    for statement in node.cls.initial:
        context.attempt(lambda s=statement: _statement(context, node, s, domain, context.initial, ports))
    for reaction in node.cls.reactions:
        context.attempt(lambda r=reaction: _reaction(context, node, r, domain))


def add_equation(context: Context, node: Node, equation: tree.Equation) -> None:
    """Gather one more equation of all members of `node`."""
    domain = IterationDomain.grid(node.prefix)
    context.attempt(lambda: _equation(context, node, equation, domain, context.equations))


def _statement(
    context: Context,
    node: Node,
    statement: tree.Statement,
    domain: IterationDomain,
    into: Collector,
    ports: dict[int, Ports],
) -> None:
    match statement:
        case tree.Equation():
            _equation(context, node, statement, domain, into)
        case tree.Connect():
            connect(context, node, statement, domain, ports)
        case tree.For():
            inner = _loop(context, node, statement.iterators, domain)
            for each in statement.body:
                context.attempt(lambda e=each: _statement(context, node, e, inner, into, ports))
        case tree.When():
            add_when(context, node, statement, domain)
        case tree.IfEquation():
            _branches(context, node, statement, domain, into, ports)
        case tree.GroupedLines(pattern=tree.Equation() as pattern):
            for inner in of_lines(statement, node, domain):
                _equation(context, node, pattern, inner, into)
        case _:
            raise AssertionError(f"check lets no {type(statement).__name__} pass")


def _loop(
    context: Context, node: Node, iterators: tuple[tree.Iterator, ...], domain: IterationDomain
) -> IterationDomain:
    inner, _ = terms_of(StatementExpansion(context, node, domain), iterators)
    return inner


def _branches(
    context: Context, node: Node, statement: tree.IfEquation, domain: IterationDomain, into, ports
) -> None:
    left = np.arange(domain.size)
    for condition, body in statement.branches:
        here = left
        if condition is not None:
            look = StatementExpansion(context, node, domain.take(left))
            value = look.structural(condition, "the condition around equations")
            holds = np.broadcast_to(truth(value), (len(left),))
            here, left = left[holds], left[~holds]
        else:
            left = left[:0]
        if len(here):
            chosen = domain.take(here)
            for each in body:
                context.attempt(lambda e=each, d=chosen: _statement(context, node, e, d, into, ports))


def _equation(
    context: Context, node: Node, statement: tree.Equation, domain: IterationDomain, into: Collector
) -> None:
    if not domain.size:
        return
    context.divide(statement.left, statement.right)
    look = StatementExpansion(context, node, domain)
    both = tree.Binary("+", statement.left, statement.right, statement.span)
    shape = shape_of(look, both)
    if shape:
        _check_left(look, statement, shape)
        fits(float(np.prod(shape, dtype=float)) * domain.size, "this comes to", statement.span)
        domain = domain.product(shape)

    def add(rows: np.ndarray) -> None:
        expansion = StatementExpansion(context, node, domain.take(rows))
        skeleton = expansion.lift(expansion.expand(both_sides))
        into.add(expansion.rows(skeleton, statement.span))

    both_sides = tree.Binary("-", statement.left, statement.right, statement.span)
    list(split_rows(domain.size, add))


def _check_left(look: StatementExpansion, statement: tree.Equation, shape: tuple[int, ...]) -> None:
    """`y = x` of a number and an array is a slip: it would say that all elements are equal."""
    left = statement.left
    if isinstance(left, tree.Name) and not shape_of(look, left):
        raise Fault(
            "E0305",
            f"`{text(left)}` is a single number, the other side is {lengths(shape)}",
            statement.span,
            help="give the array an index, or write the array on the left to set all its elements",
        )


def _reaction(
    context: Context,
    node: Node,
    reaction: tree.Reaction | tree.For | tree.GroupedLines,
    domain: IterationDomain,
) -> None:
    if isinstance(reaction, tree.For):
        inner = _loop(context, node, reaction.iterators, domain)
        for each in reaction.body:
            assert isinstance(each, tree.Reaction | tree.For)
            context.attempt(lambda e=each: _reaction(context, node, e, inner))
    elif isinstance(reaction, tree.GroupedLines):
        assert isinstance(reaction.pattern, tree.Reaction)
        for inner in of_lines(reaction, node, domain):
            _reaction(context, node, reaction.pattern, inner)
    elif domain.size:
        context.divide(*(rate for rate in (reaction.forward, reaction.reverse) if rate is not None))
        list(
            split_rows(
                domain.size,
                lambda rows: add_reaction(StatementExpansion(context, node, domain.take(rows)), reaction),
            )
        )
