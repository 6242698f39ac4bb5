"""Structure known at compile time: the values of `const` declarations, the dimensions of arrays."""

import numpy as np

from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.expand import ROUNDING, StatementExpansion
from stiffdsl.flat.instance import Fault, Node, fits
from stiffdsl.flat.shapes import lengths, shape_of
from stiffdsl.syntax import tree


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
        expansion = StatementExpansion(context, scope, domain, auxiliary=False)
        shape = shape_of(expansion, expr)
        if shape and shape != dims:
            raise Fault("E0305", f"`{name}` is {lengths(dims)}, its value is {lengths(shape)}", expr.span)
        value = np.asarray(expansion.structural(expr, f"`const {name}`"), dtype=float)
        node.constants[name] = np.broadcast_to(value, (domain.size,)).reshape(dims)
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
