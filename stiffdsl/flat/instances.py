"""The instance tree of a model: parts, arrays of parts, and the scalars of every declaration in numbered blocks."""

from collections.abc import Iterator, Mapping

import numpy as np

from stiffdsl.check.model import CheckedModel, ComponentUse
from stiffdsl.check.tables import Driven
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.flat.arrays.shapes import lengths, shape_of
from stiffdsl.flat.context import Context
from stiffdsl.flat.declarations import declared, expansions
from stiffdsl.flat.domain import IterationDomain, split_rows
from stiffdsl.flat.expand import ROUNDING, StatementExpansion
from stiffdsl.flat.instance import Bound, Fault, Node, child_modifiers, count_parts, fits
from stiffdsl.flat.model import Block
from stiffdsl.flat.numeric import truth
from stiffdsl.syntax import tree
from stiffdsl.syntax.tree import SIZES

# What counts where only some elements of an array say it.
_UNSAID = {"nominal": 1.0, "min": -np.inf, "max": np.inf}


def constant_value(context: Context, node: Node, name: str) -> np.ndarray:
    """The value of `const name` of `node`, evaluated when first asked for."""
    if name in node.constants:
        return node.constants[name]  # type: ignore[return-value]
    variable = node.declared[name]
    if (node, name) in context.evaluating:
        raise Fault("E0320", f"`{name}` is defined by itself", variable.span)
    context.evaluating.append((node, name))
    try:
        bound = node.modifiers.get((name, "value"))
        expr, scope = (bound.value, bound.scope) if bound else (variable.value, node)
        if expr is None:
            raise Fault(
                "E0228",
                f"`const {name}` has no value",
                variable.name_span,
                help=f"write `const {name} = …`",
            )
        dims = dimensions(context, node, variable.dimensions, name)
        fits(float(np.prod(dims, dtype=float)), f"`const {name}` comes to", variable.span)
        domain = IterationDomain.grid((1,) * len(scope.prefix), dims)
        shape = shape_of(StatementExpansion(context, scope, domain, auxiliary=False), expr)
        if shape and shape != dims:
            raise Fault("E0305", f"`{name}` is {lengths(dims)}, its value is {lengths(shape)}", expr.span)
        value = np.zeros(domain.size)

        def fill(rows: np.ndarray) -> None:
            expansion = StatementExpansion(context, scope, domain.take(rows), auxiliary=False)
            value[rows] = expansion.structural(expr, f"`const {name}`")

        list(split_rows(domain.size, fill))
        node.constants[name] = value.reshape(dims)
    finally:
        context.evaluating.pop()
    return node.constants[name]  # type: ignore[return-value]


def dimensions(context: Context, node: Node, exprs: tuple[tree.Expr, ...], name: str) -> tuple[int, ...]:
    """Array dimensions as numbers."""
    dims = []
    for expr in exprs:
        expansion = StatementExpansion(
            context, node, IterationDomain.grid((1,) * len(node.prefix)), auxiliary=False
        )
        value = float(np.ravel(expansion.structural(expr, f"the size of `{name}`"))[0])
        if abs(value - round(value)) > ROUNDING or value < 0:
            raise Fault("E0304", f"`{name}` cannot have {value:g} elements", expr.span)
        dims.append(round(value))
    return tuple(dims)


def instantiated(checked: CheckedModel, constants: Mapping[str, float | str]) -> Context:
    """A context that holds the instance tree of `checked`; mistakes are among its diagnostics."""
    context = Context(checked, constants, constant_value, dimensions)
    context.attempt(lambda: _add_instances(context))
    return context


def _add_instances(context: Context) -> None:
    count_parts(context.checked.root)
    stack = [context.root]
    while stack:
        node = stack.pop()
        node.declared = {v.name: v for v in node.cls.variables}
        children = []
        for use in node.cls.components:
            if use.condition is not None and not context.attempt(
                lambda node=node, use=use: _holds(context, node, use)
            ):
                node.absent.add(use.name)
                continue
            dims = context.attempt(
                lambda node=node, use=use: dimensions(context, node, use.dimensions, use.name)
            )
            if dims is None:
                continue
            assert isinstance(dims, tuple)
            modifiers = child_modifiers(node, use, dims)
            child = Node(use.cls, (*node.path, (use.name, dims)), node, use, modifiers)
            node.children[use.name] = child
            children.append(child)
        stack.extend(reversed(children))
    for node in context.root.walk():
        _find_bound_inputs(node)
    for node in context.root.walk():
        for variable in node.cls.variables:
            if variable.kind != "const":
                context.attempt(lambda node=node, variable=variable: _declare(context, node, variable))
    for name in context.overrides:
        context.attempt(lambda name=name: _check_override(context, name))


def _holds(context: Context, node: Node, use: ComponentUse) -> bool:
    """Whether there is the part of a declaration with a condition."""
    assert use.condition is not None
    domain = IterationDomain.grid((1,) * len(node.prefix))
    look = StatementExpansion(context, node, domain, auxiliary=False)
    return bool(np.ravel(truth(look.structural(use.condition, f"the condition of `{use.name}`")))[0])


def _check_override(context: Context, name: str) -> None:
    node: Node | None = context.root
    *parts, last = name.split(".")
    for part in parts:
        if node is not None and any(field.name == part for field in node.cls.fields):
            _refuse_grid(context, part, name)
        node = node.children.get(part) if node else None
    if node is None or last not in node.declared or node.declared[last].kind != "const":
        known = [v.name for v in context.root.cls.variables if v.kind == "const"]
        raise Fault(
            "E0302",
            f"there is no constant `{name}` in `{context.root.cls.name}`",
            context.root.cls.span,
            help=did_you_mean(name, known),
        )


def _refuse_grid(context: Context, field: str, name: str) -> None:
    """The constants of a field's grid follow from its declaration, in which equations use them already."""
    raise Fault(
        "E0302",
        f"`{name}` is not set by itself: it follows from the declaration of the field `{field}`",
        context.root.cls.span,
        help=f"declare `const N = 20`, write `field {field}(…) over … cells N`, and set `N`",
    )


def _find_bound_inputs(node: Node) -> None:
    """An input of a part that its surroundings determine is a variable: bound by a modifier with variables
    in it, or alone on one side of an equation of the enclosing model."""
    for (name, attribute, *_), bound in node.modifiers.items():
        variable = node.declared.get(name)
        literal = isinstance(bound.value, tree.Number | tree.Unary | tree.ArrayLiteral | Driven)
        if attribute == "value" and variable and variable.kind == "input" and not literal:
            node.bound_inputs.add(name)
    for statement in _all_equations(node.cls.equations):
        for side in (statement.left, statement.right):
            if isinstance(side, tree.Name) and len(side.parts) > 1:
                target: Node | None = node
                for part in side.parts[:-1]:
                    target = target.children.get(part.name) if target else None
                name = side.parts[-1].name
                if target and name in target.declared and target.declared[name].kind == "input":
                    target.bound_inputs.add(name)


def _declare(context: Context, node: Node, variable: tree.Variable) -> None:
    own = dimensions(context, node, variable.dimensions, variable.name)
    path = (*node.path, (variable.name, own))
    kind = "var" if variable.name in node.bound_inputs else variable.kind
    low = high = None
    if variable.range is not None:
        look = StatementExpansion(
            context, node, IterationDomain.grid((1,) * len(node.prefix)), auxiliary=False
        )
        low = float(np.ravel(look.structural(variable.range.first, "a range"))[0])
        high = float(np.ravel(look.structural(variable.range.last, "a range"))[0])
        if low > high:
            raise Fault("E0308", f"the range of `{variable.name}` is empty", variable.range.span)
    block = context.block(
        path, kind, variable.unit, variable.doc, variable.name_span, low, high, variable.labels
    )
    if variable.labels and kind in ("param", "input"):
        last = float(len(variable.labels))
        block.sizes["min"], block.sizes["max"] = (np.broadcast_to(v, (block.size,)) for v in (1.0, last))
    node.blocks[variable.name] = block
    own_sizes = (variable.nominal, variable.min, variable.max)
    for name in SIZES if node.modifiers or own_sizes != (None, None, None) else ():
        bound = declared(node, variable, name, getattr(variable, name))
        some = node.some_elements(variable.name, name)
        if bound is not None or some:
            block.sizes[name] = _size(context, block, name, bound, some)
    for name, end, sign in (("min", low, -1.0), ("max", high, 1.0)):
        limit = block.sizes.get(name)
        own = getattr(variable, name) is not None and (variable.name, name) not in node.modifiers
        if variable.range is None or end is None or limit is None or not own:
            continue
        if np.any(sign * (end - limit) > 0):
            beyond = "below" if name == "min" else "above"
            raise Fault(
                "E0308",
                f"the range of `{block.name}` goes {beyond} its `{name}`",
                variable.range.span,
                "these are the values that surrogates try",
            )


def _size(context: Context, block: Block, name: str, bound: Bound | None, some: list[Bound]) -> np.ndarray:
    """Declared values of the attribute `name` (`nominal`, `min`, `max`), one for every scalar of `block`."""
    values = np.full(block.size, _UNSAID[name])
    if bound is not None and not some and isinstance(bound.value, tree.Number):
        values = np.broadcast_to(bound.value.value, (block.size,))
    else:
        for each in (bound, *some) if bound is not None else some:
            for expansion, rows in expansions(context, block, each, auxiliary=False):
                values[rows] = expansion.structural(each.value, f"the {name} of `{block.name}`")
    last = some[-1] if some else bound
    assert last is not None
    if name == "nominal" and not np.all(values > 0):
        raise Fault("E0308", f"the nominal of `{block.name}` is not positive", last.span)
    least = block.sizes.get("min")
    if name == "max" and least is not None and np.any(values < least):
        raise Fault("E0308", f"the range of `{block.name}` is empty", last.span)
    return values


def _all_equations(statements: tuple[tree.Statement, ...]) -> Iterator[tree.Equation]:
    """Equations of all depths, those of lines of one shape by their pattern."""
    for statement in statements:
        match statement:
            case tree.Equation():
                yield statement
            case tree.For():
                yield from _all_equations(statement.body)
            case tree.GroupedLines(pattern=tree.Equation() as pattern):
                yield pattern
            case tree.IfEquation():
                for _, body in statement.branches:
                    yield from _all_equations(body)
