"""Modifiers and start values that a part gets from the models around it, as numbers."""

from collections.abc import Mapping

import numpy as np

from stiffdsl.check import CheckedModel
from stiffdsl.check.names import dotted
from stiffdsl.diagnostics import Span
from stiffdsl.flat.instance import Node
from stiffdsl.flat.instances import instantiated
from stiffdsl.surrogate.part.cutting.place import PartPlace, names_in_expression
from stiffdsl.syntax import tree


def surroundings(
    checked: CheckedModel,
    constants: Mapping[str, float],
    place: PartPlace,
    parameters: Mapping[str, np.ndarray],
    starts: Mapping[str, np.ndarray],
    given: set[str],
) -> tuple[tuple[tree.Modifier, ...], tuple[str, ...]]:
    """Modifiers with numbers, for all that the part is given from around it; and its parameters that do not follow from
    others inside of it, by inner name.

    `parameters` and `starts` hold the values of the whole by full name, in SI; the parameters `given` have others than
    those that are declared.
    """
    context = instantiated(checked, dict(constants))
    context.stop_on_errors()
    node = context.root
    for segment in place.path:
        node = node.children[segment]
    prefix = place.name + "."
    inside = {id(n) for n in node.walk()}
    found: list[tree.Modifier] = []
    free: list[str] = []
    for below in node.walk():
        base = below.name + "."
        for variable in below.cls.variables:
            full = base + variable.name
            inner = full[len(prefix) :]
            for attribute in ("value", "start", "guess"):
                bound = below.modifiers.get((variable.name, attribute))
                some = below.some_elements(variable.name, attribute)
                outer = any(b is not None and id(b.scope) not in inside for b in (bound, *some))
                outer |= attribute == "value" and full in given
                if (
                    attribute == "value"
                    and variable.kind == "param"
                    and (outer or _independent(below, variable))
                ):
                    free.append(inner)
                if not outer:
                    continue
                span = variable.span if bound is None else bound.span
                if attribute != "value":
                    values = starts.get(full)
                elif variable.kind == "const":
                    values = context.constant_of(below, variable.name)
                elif variable.kind == "param":
                    values = parameters[full]
                else:
                    continue
                if values is not None and not np.any(np.isnan(values)):
                    found.append(tree.Modifier(inner, attribute, literal(values, span), span))
    return tuple(found), tuple(free)


def _independent(node: Node, variable: tree.Variable) -> bool:
    """Whether a parameter's value inside of the part is made of numbers and constants alone."""
    bound = node.modifiers.get((variable.name, "value"))
    expr = bound.value if bound is not None else variable.value
    scope = bound.scope if bound is not None else node
    if expr is None:
        return True
    parameters = {v.name for v in scope.cls.variables if v.kind == "param"}
    return not any("." in dotted(n) or dotted(n) in parameters for n in names_in_expression(expr))


def literal(values: np.ndarray, span: Span) -> tree.Expr:
    """Numbers as an expression: `{{1, 2}, {3, 4}}`."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 0:
        return tree.Number(float(values), None, span)
    return tree.ArrayLiteral(tuple(literal(v, span) for v in values), span)
