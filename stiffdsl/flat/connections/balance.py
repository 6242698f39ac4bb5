"""The balance of components one by one: as many equations as unknowns, but for the flows of their ports.

    model Half                     unknowns: p.v, p.i, v; the flow p.i is given by what Half is connected to
      port p : Pin                 so that it needs two equations, and has one
      var v
    equations
      v = p.v
    end

By itself a component has a zero for every flow of its ports, which nothing is connected to: it is balanced where it
then has as many equations as unknowns. Where its connectors do not hold as many flows as potentials, that says nothing.
"""

from collections.abc import Iterator
from dataclasses import replace

from stiffdsl.check.model import CheckedModel, Class
from stiffdsl.diagnostics import Diagnostic, Label, ModelError, Source
from stiffdsl.flat.context import Context
from stiffdsl.flat.flatten import gathered
from stiffdsl.syntax import tree
from stiffdsl.syntax.large import large_trees


def unbalanced(root: Class, source: Source) -> list[Diagnostic]:
    """Diagnostics of the components in a model, itself included: of those that hold another, only that one."""
    found: dict[int, Diagnostic | None] = {}
    for cls in _inside_out(root, set()):
        if any(found.get(id(use.cls)) is not None for use in cls.components):
            continue
        if cls.kind == "model" and not cls.partial and _ports(cls):
            found[id(cls)] = _told(cls, source)
    return [d for d in found.values() if d is not None]


def _inside_out(cls: Class, seen: set[int]) -> Iterator[Class]:
    """Every class that a model is made of, parts before what they are part of."""
    seen.add(id(cls))
    for use in cls.components:
        if id(use.cls) not in seen:
            yield from _inside_out(use.cls, seen)
    yield cls


def _ports(cls: Class) -> set[str]:
    return {use.name for use in cls.components if use.kind == "port"}


def _told(cls: Class, source: Source) -> Diagnostic | None:
    """The diagnostic for a component that is out of balance; None for one that is not, or cannot be told."""
    try:
        with large_trees():
            context, connections = gathered(CheckedModel(_with_values(cls), source), {})
    except (ModelError, RecursionError):
        return None  # told where the model is used, or a value is missing
    given = _flows(context, _ports(cls))
    if given is None:
        return None
    balances = sum(rows.size for rows in connections.balances)
    equations = sum(rows.size for rows in context.equations.rows) - balances + connections.equations
    unknowns = context.next["var"]
    if equations == unknowns:
        return None
    own, wanted = equations - given, unknowns - given
    off = abs(own - wanted)
    fewer = own < wanted
    flows = f"{_count(given, 'flow')} of its ports {'is' if given == 1 else 'are'} given by what it is connected to"
    return Diagnostic(
        "E0318",
        f"the component `{cls.name}` has {_count(own, 'equation')} and needs {wanted}",
        (Label(cls.span, f"{off} {'missing' if fewer else 'too many'}"),),
        (f"of {_count(unknowns, 'unknown')}, {flows}",),
        "add an equation for each unknown; what is given from outside is a `param` or an `input`"
        if fewer
        else "take one away, or declare as `var` what it determines",
    )


def _with_values(cls: Class) -> Class:
    """The class with a number for each parameter that only its use gives one: values do not matter here."""
    variables = tuple(
        replace(v, value=tree.Number(1.0, None, v.span)) if v.kind == "param" and v.value is None else v
        for v in cls.variables
    )
    return replace(cls, variables=variables)


def _flows(context: Context, ports: set[str]) -> int | None:
    """The flows of the ports of the root, or None where one of them has not as many potentials."""
    counts = dict.fromkeys(ports, 0)
    flows = 0
    for block in context.variables:
        name = block.path[0][0]
        if name in counts:
            counts[name] += {"flow": 1, "potential": -1}.get(block.kind, 0) * block.size
            flows += block.size if block.kind == "flow" else 0
    return None if any(counts.values()) else flows


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
