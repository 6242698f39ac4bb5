"""`flatten`: instances, values, equations, connections and reactions, then alias elimination."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from stiffdsl.check.model import CheckedModel
from stiffdsl.flat.arrays.kept_functions import kept_functions
from stiffdsl.flat.connections.connect import Connections, connection_sets
from stiffdsl.flat.connections.connecting import ports_of
from stiffdsl.flat.context import Context
from stiffdsl.flat.declarations import add_values
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.fields import check_cells, open_ends
from stiffdsl.flat.finish import finished
from stiffdsl.flat.instances import instantiated
from stiffdsl.flat.model import FlatModel
from stiffdsl.flat.statements import add_equation, add_statements
from stiffdsl.flat.tables import OtherFigures
from stiffdsl.flat.uncertainty import checked_doses, uncertainty
from stiffdsl.syntax import tree
from stiffdsl.syntax.large import large_trees


def flatten(
    checked: CheckedModel,
    constants: Mapping[str, float | str] | None = None,
    figures: OtherFigures | None = None,
) -> FlatModel:
    """The equations of `checked` in families, aliases eliminated. `constants` overrides `const` values by name,
    `figures` those of tables.

    Raises `ModelError` with every mistake found (codes E03, E04).
    """
    with large_trees():
        context, connections = gathered(checked, constants or {})
        uncertain = uncertainty(context, list(context.root.walk()))
        model = finished(context, connections, experiment(context), figures)
        return checked_doses(replace(model, uncertainty=uncertain))


def gathered(checked: CheckedModel, constants: Mapping[str, float | str]) -> tuple[Context, Connections]:
    """The whole model read: equations, values and starts in the context, and what connections say."""
    context = instantiated(checked, constants)
    context.stop_on_errors()
    nodes = list(context.root.walk())
    for node in nodes:
        check_cells(context, node)
    context.stop_on_errors()
    context.kept_functions = kept_functions(node.cls for node in nodes)
    for node in nodes:
        add_values(context, node)
    ports = ports_of(nodes)
    for node in nodes:
        add_statements(context, node, ports)
    for node, equation in open_ends(context, nodes):
        add_equation(context, node, equation)
    rates = [n.blocks["rate"] for n in nodes if n.cls.kind == "reaction" and "rate" in n.blocks]
    stoichiometry = context.stoichiometry
    for rows in (*stoichiometry.still(rates), *stoichiometry.balances(context.constant_ids)):
        context.equations.add(rows)
    context.stop_on_errors()
    connections = connection_sets(list(ports.values()))
    for rows in connections.balances:
        context.equations.add(rows)
    return context, connections


def experiment(context: Context) -> dict[str, object]:
    """The options of the root's `experiment`, evaluated."""
    found: dict[str, object] = {}
    if context.checked.root.experiment is None:
        return found
    for name, expr in context.checked.root.experiment.options:
        look = StatementExpansion(context, context.root, IterationDomain(), auxiliary=False)
        if expr is None:
            found[name] = True
        elif isinstance(expr, tree.Range):
            first = look.structural(expr.first, f"`{name}`")
            last = look.structural(expr.last, f"`{name}`")
            found[name] = (float(np.ravel(first)[0]), float(np.ravel(last)[0]))
        elif isinstance(expr, tree.Text):
            found[name] = expr.value
        elif name in ("method", "include") and isinstance(expr, tree.Name):
            found[name] = expr.parts[0].name
        else:
            found[name] = float(np.ravel(look.structural(expr, f"`{name}`"))[0])
    return found
