"""The message that something without a derivative would have to be differentiated."""

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.model import FlatModel
from stiffdsl.graph.incidence import Incidence
from stiffdsl.graph.reduction.differentiate import Jet, Unknowable


def underivable(flat: FlatModel, of: Jet, reason: Unknowable) -> Diagnostic:
    """`reason` arose where the family `of` was differentiated."""
    family = of.family
    member, number = 0, -1
    if reason.sum >= 0 and reason.slot >= 0:
        part = family.sums[reason.sum]
        member, number = int(part.owner[0]), int(part.table[0, reason.slot])
    elif reason.slot >= 0:
        number = int(family.table[0, reason.slot])
    span = family.origin_of(member)
    if number < 0:
        return Diagnostic(
            code="E0313",
            title="this equation ties variables that have derivatives, and cannot be differentiated",
            labels=(Label(span, "holds a function that has no derivative"),),
            notes=("their derivatives have to agree, so that the derivative of this equation is needed",),
            help="let a small resistance or compliance join what it ties",
        )
    block = next(b for b in flat.inputs if b.offset <= number < b.offset + b.size)
    name = block.scalar_name(number - block.offset)
    tied = _tied(flat, of, member)
    return Diagnostic(
        code="E0313",
        title=f"the derivative of the input `{name}` would be needed",
        labels=(
            Label(span, f"this ties {tied} to `{name}`"),
            Label(block.span, "nobody knows its derivative"),
        ),
        notes=(f"{tied} has a derivative in another equation, so that the derivative of this one is needed",),
        help=f"put a small resistance or compliance between, or let `{name}` drive a first-order lag",
    )


def irreducible(flat: FlatModel, inc: Incidence, pairing: np.ndarray) -> Diagnostic:
    """Derivatives of the equations do not determine what they should: terms cancel, or have no slope
    (`floor`).
    """
    f, member = inc.locate(int(np.flatnonzero(pairing < 0)[0]))
    return Diagnostic(
        code="E0313",
        title="the derivative of an equation says nothing of what it should determine",
        labels=(Label(flat.equations[f].origin_of(member), "this equation has to be differentiated"),),
        notes=("it ties variables that have derivatives, but terms cancel in its own, or have no slope",),
        help="write the equation without terms that cancel, and without `floor` or `ceil` of what it ties",
    )


def _tied(flat: FlatModel, of: Jet, member: int) -> str:
    """The variable of the equation to name: one that has a derivative where there is one."""
    found = [int(of.family.table[member, k]) for k, order in enumerate(of.orders) if order >= 0]
    for j, part in enumerate(of.family.sums):
        row = part.table[int(np.searchsorted(part.owner, member))]
        found += [int(row[k]) for k, order in enumerate(of.sums[j]) if order >= 0]
    found = sorted(found, key=lambda v: not flat.is_state[v])
    return f"`{flat.variable_name(found[0])}`" if found else "a variable"
