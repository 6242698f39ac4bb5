"""Values, starts and guesses of declarations: definitions of parameters and inputs, equations of bound variables."""

from collections.abc import Iterable

import numpy as np

from stiffdsl.check.modifiers import BEGINNINGS
from stiffdsl.check.tables import Driven
from stiffdsl.flat.arrays.shapes import lengths, shape_of
from stiffdsl.flat.arrays.shared import check_size
from stiffdsl.flat.conditions.events import add_discrete
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain, split_rows
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Bound, Fault, Node, positions
from stiffdsl.flat.model import Block
from stiffdsl.flat.template import MINUS_ONE, mentions_time
from stiffdsl.syntax import tree


def add_values(context: Context, node: Node) -> None:
    """Defines what the declarations of `node` give a value, a start or a guess."""
    known = len(context.starts), len(context.guesses)
    for variable in node.cls.variables:
        if variable.kind != "const" and variable.name in node.blocks:
            context.attempt(lambda variable=variable: _values_of(context, node, variable))
    for name, *_ in node.modifiers:
        if "." not in name and name in node.declared and node.declared[name].kind == "const":
            context.attempt(lambda name=name: context.constant_of(node, name))
    if node.cls.fields:
        _guess_ends(context, node, [*context.starts[known[0] :], *context.guesses[known[1] :]])


def _guess_ends(context: Context, node: Node, begins: list[tuple[np.ndarray, Rows]]) -> None:
    """A guess of the values at the ends of fields: what the cells beside them begin with."""
    for field in node.cls.fields:
        cells = node.blocks.get(field.name)
        if cells is None:
            continue
        count = cells.shape[-1]
        for end, cell in zip(field.ends, (0, count - 1), strict=True):
            block = node.blocks[end.value.parts[-1].name]
            for targets, rows in begins:
                chosen = (targets >= cells.offset) & (targets < cells.offset + cells.size)
                chosen &= (targets - cells.offset) % count == cell
                if chosen.any():
                    places = block.offset + (targets - cells.offset)[chosen] // count
                    (kept,) = (r for _, r in _without(targets, rows, targets[~chosen]))
                    context.guesses.append((places, kept))


def _values_of(context: Context, node: Node, variable: tree.Variable) -> None:
    block = node.blocks[variable.name]
    value = declared(node, variable, "value", variable.value)
    some = {a: node.some_elements(variable.name, a) for a in ("value", *BEGINNINGS)}
    if block.kind == "discrete":
        add_discrete(context, block, variable.name_span)
        assert value is not None, "check asks for the value of a discrete variable"
        context.starts += _defined(context, block, value, some["value"], f"the value of `{block.name}`")
        return
    if block.kind == "param":
        found = _defined(context, block, value, some["value"], f"the parameter `{block.name}`")
        _refuse_undefined(block, variable, found)
        context.parameter_values += found
    elif block.kind == "input" and value is not None and isinstance(value.value, Driven):
        # What drives it is known to runs; elsewhere it is what it begins with.
        context.driven.append((block, value.value.data))
        first = Rows(("num", float(value.value.data.values[0])), (), (), (), block.size, value.span)
        context.input_values.append((block.offset + np.arange(block.size), first))
    elif block.kind == "input":
        what = f"the default of the input `{block.name}`"
        context.input_values += _defined(context, block, value, some["value"], what)
    elif some["value"] or (
        value is not None and not (variable.name in node.bound_inputs and value.scope is node)
    ):
        _bind(context, block, value, some["value"])
    start = declared(node, variable, "start", variable.start)
    what = f"the start value of `{block.name}`"
    context.starts += _defined(context, block, start, some["start"], what)
    if start is not None and start.scope is node and node is not context.root and not some["start"]:
        context.default_starts.append(block)
    guess = declared(node, variable, "guess", variable.guess)
    context.guesses += _defined(context, block, guess, some["guess"], f"the guess of `{block.name}`")


def _refuse_undefined(block: Block, variable: tree.Variable, found: list[tuple[np.ndarray, Rows]]) -> None:
    """Raises a `Fault` where a parameter, or an element of it, has no value."""
    known = sum(len(targets) for targets, _ in found)
    if known == block.size and (found or not block.size):
        return
    given = np.concatenate([np.zeros(0, dtype=np.int64), *(targets for targets, _ in found)])
    first = np.setdiff1d(block.offset + np.arange(block.size), given)[:1]
    raise Fault(
        "E0228",
        f"`{block.scalar_name(int(first[0]) - block.offset) if len(given) else block.name}` has no value",
        variable.name_span,
        "this parameter needs one",
        help=f"write `param {variable.name} = …`, or set it where the part is declared",
    )


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
    extra, place = _placed(context, block, bound) if bound.rest else (block.shape[len(prefix) :], None)
    domain = IterationDomain.grid(prefix, extra)
    shape = shape_of(StatementExpansion(context, bound.scope, domain), bound.value)
    if shape and shape != extra:
        if shape == extra[: len(shape)]:
            domain = domain.with_axes(domain.axes[: len(shape)])
        elif shape != extra[len(extra) - len(shape) :]:
            wanted, given = lengths(extra), lengths(shape)
            raise Fault("E0305", f"`{block.name}` is {wanted}, its value is {given}", bound.span)
    for rows in split_rows(domain.size, lambda rows: _try(context, bound, domain.take(rows))):
        expansion = StatementExpansion(context, bound.scope, domain.take(rows), auxiliary)
        yield expansion, rows if place is None else place[rows]


def _placed(context: Context, block: Block, bound: Bound) -> tuple[tuple[int, ...], np.ndarray]:
    """Of a modifier with indices: the lengths of what they leave open, and the scalars of `block` that it sets."""
    prefix, (last,) = bound.scope.prefix, bound.rest
    dims = block.shape[len(prefix) :]
    where = (*bound.where, *(last.indices or (None,) * (len(dims) - len(bound.where))))
    look = StatementExpansion(context, bound.scope, IterationDomain.grid((1,) * len(prefix)), auxiliary=False)
    one = tree.Number(1.0, None, bound.span)
    indices = tuple(
        tree.Range(one, tree.Number(float(n), None, bound.span), bound.span) if i is None else i
        for i, n in zip(where, dims, strict=True)
    )
    part = tree.Part(block.name, indices)
    chosen = look.indices(part, dims, tree.Name((part,), bound.span)) if all(dims) else [(0, n) for n in dims]
    extra = tuple([i[1] for i in chosen if isinstance(i, tuple)])
    domain = IterationDomain.grid(prefix, extra)
    axes = iter(domain.axes)
    index = [
        i[0] + next(axes) if isinstance(i, tuple) else np.broadcast_to(np.asarray(i), (domain.size,))
        for i in chosen
    ]
    return extra, positions(block.shape, [*domain.prefix, *index], domain.size)


def _try(context: Context, bound: Bound, domain: IterationDomain) -> None:
    look = StatementExpansion(context, bound.scope, domain, auxiliary=False)
    look.lift(look.expand(bound.value))


def _defined(
    context: Context, block: Block, bound: Bound | None, some: list[Bound], what: str
) -> list[tuple[np.ndarray, Rows]]:
    """The values that `bound` gives to all elements, less those of which modifiers with indices say otherwise."""
    found = [] if bound is None else define(context, block, bound, what)
    for each in some:
        new = define(context, block, each, what)
        taken = np.concatenate([np.zeros(0, dtype=np.int64), *(targets for targets, _ in new)])
        found = [kept for targets, rows in found for kept in _without(targets, rows, taken)] + new
    return found


def _without(targets: np.ndarray, rows: Rows, taken: np.ndarray) -> Iterable[tuple[np.ndarray, Rows]]:
    """The rows whose targets are not `taken`."""
    kept = np.flatnonzero(~np.isin(targets, taken))
    if len(kept) == len(targets):
        yield targets, rows
    elif len(kept):
        assert not rows.sums, "definitions have no sums"
        columns = tuple(np.broadcast_to(c, (rows.size,))[kept] for c in rows.columns)
        yield targets[kept], Rows(rows.skeleton, rows.kinds, columns, (), len(kept), rows.span)


def define(context: Context, block: Block, bound: Bound, what: str) -> list[tuple[np.ndarray, Rows]]:
    """The rows that define every scalar of `block`, by their numbers."""
    check_size(context.divide(bound.value), bound.span)
    if isinstance(bound.value, tree.Number) and not bound.rest:
        number = Rows(("num", bound.value.value), (), (), (), block.size, bound.span)
        return [(block.offset + np.arange(block.size), number)]
    found = []
    for expansion, rows in expansions(context, block, bound, auxiliary=False):
        skeleton = expansion.lift(expansion.expand(bound.value))
        wrong = [k for k in expansion.kinds if k in ("var", "der")] or (
            ["time"] if mentions_time(skeleton) else []
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


def _bind(context: Context, block: Block, bound: Bound | None, some: list[Bound]) -> None:
    """`var y = value` is the equation y = value; elements may have values of their own."""
    taken = np.zeros(0, dtype=np.int64)
    for each in reversed(some):
        taken = np.concatenate([taken, _bind_elements(context, block, each, taken)])
    if bound is not None:
        _bind_elements(context, block, bound, taken)


def _bind_elements(context: Context, block: Block, bound: Bound, taken: np.ndarray) -> np.ndarray:
    """The equations of one value, but of the elements that are `taken`; gives those that it is for."""
    context.divide(bound.value)
    done = [np.zeros(0, dtype=np.int64)]
    for expansion, rows in expansions(context, block, bound, auxiliary=True):
        free = np.flatnonzero(~np.isin(rows, taken))
        if len(free) < len(rows):
            expansion = StatementExpansion(context, bound.scope, expansion.domain.take(free))
            rows = rows[free]
        if not len(rows):
            continue
        done.append(rows)
        value = expansion.lift(expansion.expand(bound.value))
        target = expansion.slot("var", block.offset + rows)
        context.equations.add(expansion.rows(("add", target, ("mul", MINUS_ONE, value)), bound.span))
    return np.concatenate(done)
