"""Calls of networks: one leaf of a skeleton each, `("network", (number,), output, site, x, …)`.

`output` is the entry of the result that it is, `site` the instance whose weights it takes, counted from 0; then all
entries of all arguments follow.
"""

from itertools import product

import numpy as np

from stiffdsl.check.quantities.units import parse_unit
from stiffdsl.flat.arrays.shapes import lengths, shape_of
from stiffdsl.flat.expander import Expander
from stiffdsl.flat.instance import Fault, Node, positions
from stiffdsl.flat.template import MINUS_ONE, Skeleton
from stiffdsl.syntax import tree


def network_call(expansion: Expander, call: tree.NetworkCall) -> Skeleton:
    """The entry of the result that the open axes of the domain choose."""
    context, domain = expansion.context, expansion.domain
    number, shape = context.network(expansion.node, call)
    declaration, node, whole, axes = shape.declaration, shape.node, shape.whole, domain.axes
    if len(shape.result) > len(axes):
        raise Fault(
            "E0305", f"`{call.function}` is {lengths(shape.result)} where one number is needed", call.span
        )
    own = axes[len(axes) - len(shape.result) :]
    entries: list[Skeleton] = []
    for expr, formal, size in zip(call.arguments, declaration.arguments, shape.arguments, strict=True):
        found = shape_of(expansion, expr) if whole else size
        if found != size:
            title = f"`{formal.name}` of `{call.function}` is {lengths(size)}, this is {lengths(found)}"
            raise Fault("E0305", title, expr.span)
        for index in product(*map(range, size)):
            place = tuple(np.full(domain.size, i) for i in index)
            value = expansion.lift(expansion.at(expr, place if whole else axes))
            entries.append(_scaled_down(expansion, value, declaration, formal, place, node))
    output = positions(shape.result, list(own), domain.size) if shape.result else np.zeros(())
    site = positions(node.prefix, list(domain.prefix), domain.size) if node is not None else np.zeros(())
    value = (
        "network",
        (number,),
        expansion.lift(output.astype(float)),
        expansion.lift(site.astype(float)),
        *entries,
    )
    return _scaled_up(expansion, value, declaration, own if shape.result else (), node)


def _unit(value: tree.NetworkValue) -> tuple[float, float]:
    if value.unit is None:
        return 1.0, 0.0
    parsed = parse_unit(value.unit)
    return parsed.scale, parsed.shift


def _factor(
    expansion: Expander,
    declaration: tree.NetworkDeclaration,
    value: tree.NetworkValue,
    place: tuple[np.ndarray, ...],
    node: Node | None,
) -> Skeleton:
    """The factor that an entry of an argument is divided by, or of the result multiplied by."""
    scale = next((expr for name, expr in declaration.scale if name == value.name), None)
    if scale is None:
        return ("num", _unit(value)[0])
    outer, expansion.node = expansion.node, node or expansion.node
    try:
        axes = place if shape_of(expansion, scale) else ()
        found = expansion.at(scale, axes)
        if isinstance(found, np.ndarray) and np.any(found == 0):
            raise Fault("E0308", f"the scale of `{value.name}` is zero", scale.span)
        return expansion.lift(found)
    finally:
        expansion.node = outer


def _scaled_down(expansion, value, declaration, formal, place, node) -> Skeleton:
    shift, factor = _unit(formal)[1], _factor(expansion, declaration, formal, place, node)
    if shift:
        value = ("add", ("num", -shift), value)
    return value if factor == ("num", 1.0) else ("div", value, factor)


def _scaled_up(expansion, value, declaration, own, node) -> Skeleton:
    shift, factor = (
        _unit(declaration.result)[1],
        _factor(expansion, declaration, declaration.result, own, node),
    )
    if factor != ("num", 1.0):
        value = ("mul", MINUS_ONE, value) if factor == MINUS_ONE else ("mul", factor, value)
    return ("add", ("num", shift), value) if shift else value
