"""`delay(x, tau)`: a hidden input, which a run drives by what it has found before.

der(x) = -delay(x, tau)        der(x) = -u        u: input, what x was a time tau before (method of steps)
"""

from dataclasses import replace

import numpy as np

from stiffdsl.flat.expander import Expander, Value
from stiffdsl.flat.families import Rows
from stiffdsl.flat.model import Delay
from stiffdsl.flat.template import MINUS_ONE
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show_expression


def add_delay(expansion: Expander, call: tree.Call) -> Value:
    """The slot of what the first argument was before; its hidden variable, lag and input are added to the model."""
    context, span = expansion.context, call.span
    inner = expansion.beside(expansion.domain, auxiliary=False)
    value = inner.expand(call.arguments[0])
    if not isinstance(value, tuple):
        return value
    own, lag = inner.rows(value, call.arguments[0].span), _rows(expansion, call.arguments[1])
    size, told = own.size, show_expression(call)
    if own.skeleton == ("slot", 0) and own.kinds == ("var",):
        sources = own.columns[0]
    else:
        sources = context.hidden(size, "delayed", span) + np.arange(size)
        difference = ("add", ("slot", len(own.kinds)), ("mul", MINUS_ONE, own.skeleton))
        context.equations.add(
            replace(own, skeleton=difference, kinds=(*own.kinds, "var"), columns=(*own.columns, sources))
        )
    lags = context.hidden_inputs(size, f"lag of {told}", "param", span)
    context.parameter_values.append((lags, lag))
    inputs = context.hidden_inputs(size, told, "input", span)
    context.delays.append(Delay(inputs, np.asarray(sources), lags, span))
    return expansion.slot("input", inputs)


def _rows(expansion: Expander, expr: tree.Expr) -> Rows:
    """An argument over the members of the statement that it stands in, as a statement of its own."""
    inner = expansion.beside(expansion.domain, auxiliary=False)
    return inner.rows(inner.lift(inner.expand(expr)), expr.span)
