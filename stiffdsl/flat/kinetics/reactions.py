"""Mass action: every reaction gets a hidden rate, every species the balance of the rates it takes part in.

`2*A + B -> C @ k` has the rate k*A^2*B; A changes by -2 and C by +1 times that rate (the convention of CHEMKIN
and of the IVP test set, without a division by factorials). Where the whole rate is given (`rate r`), A changes by
-2 times that.
"""

import numpy as np

from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.template import MINUS_ONE, Skeleton
from stiffdsl.syntax import tree


def add_reaction(expansion: StatementExpansion, reaction: tree.Reaction) -> None:
    """The rate equations of `reaction` in every member of the expansion's domain."""
    # Looked at first: a `Split` must come before anything is made.
    look = StatementExpansion(expansion.context, expansion.node, expansion.domain, auxiliary=False)
    for expr in (reaction.forward, reaction.reverse):
        if expr is not None:
            look.lift(look.expand(expr))
    sides = (reaction.reactants, reaction.products)
    if reaction.whole or reaction.into is not None:
        _as_one(expansion, reaction)
        return
    _one_way(expansion, reaction, sides[0], sides[1], reaction.forward)
    if reaction.reverse is not None:
        other = StatementExpansion(expansion.context, expansion.node, expansion.domain)
        _one_way(other, reaction, sides[1], sides[0], reaction.reverse)


def _as_one(expansion: StatementExpansion, reaction: tree.Reaction) -> None:
    """One rate for what goes forth and back: a whole one, or that of a label."""
    context, size = expansion.context, expansion.domain.size
    stoichiometry = context.stoichiometry
    if reaction.into is None:
        rate = context.hidden(size, "rate", reaction.span) + np.arange(size)
        slot = expansion.slot("var", rate)
    else:
        slot = expansion.expand(reaction.into)
        assert isinstance(slot, tuple), "the rate of a label is a variable"
        rate = expansion.columns[slot[1]]
        stoichiometry.labelled.append(rate)
    terms = [
        slot,
        ("mul", MINUS_ONE, _speed(expansion, reaction, reaction.reactants, reaction.forward)),
    ]
    if reaction.reverse is not None:
        terms.append(_speed(expansion, reaction, reaction.products, reaction.reverse))
    context.equations.add(expansion.rows(("add", *terms), reaction.span))
    look = StatementExpansion(context, expansion.node, expansion.domain)
    for sign, side in ((-1.0, reaction.reactants), (1.0, reaction.products)):
        for count, name in side:
            stoichiometry.enter(look.columns[_species(look, name)[1]], rate, sign * count)
    stoichiometry.span = stoichiometry.span or reaction.span


def _speed(expansion: StatementExpansion, reaction: tree.Reaction, before, constant: tree.Expr) -> Skeleton:
    """The rate in one direction: `constant` times the amounts in `before`, or `constant` as the whole rate."""
    factors = [expansion.lift(expansion.expand(constant))]
    for count, name in before if not reaction.whole else ():
        factor = _species(expansion, name)
        factors.append(factor if count == 1 else ("pow", factor, ("num", float(count))))
    return factors[0] if len(factors) == 1 else ("mul", *factors)


def _one_way(expansion: StatementExpansion, reaction: tree.Reaction, before, after, rate: tree.Expr) -> None:
    context, size = expansion.context, expansion.domain.size
    stoichiometry = context.stoichiometry
    hidden = context.hidden(size, "rate", reaction.span) + np.arange(size)
    slot = expansion.slot("var", hidden)
    factors: list[Skeleton] = []
    constant = expansion.lift(expansion.expand(rate))
    if constant != ("num", 1.0):
        factors.append(constant)
    consumed, made = [], []
    for count, name in before:
        factor = _species(expansion, name)
        consumed.append((count, expansion.columns[factor[1]]))
        factors.append(factor if count == 1 else ("pow", factor, ("num", float(count))))
    product: Skeleton = ("num", 1.0)
    if factors:
        product = factors[0] if len(factors) == 1 else ("mul", *factors)
    context.equations.add(expansion.rows(("add", slot, ("mul", MINUS_ONE, product)), reaction.span))
    look = StatementExpansion(context, expansion.node, expansion.domain)
    for count, name in after:
        made.append((count, look.columns[_species(look, name)[1]]))
    for sign, side in ((-1.0, consumed), (1.0, made)):
        for count, column in side:
            stoichiometry.enter(column, hidden, sign * count)
    stoichiometry.span = stoichiometry.span or reaction.span


def _species(expansion: StatementExpansion, name: tree.Name) -> Skeleton:
    slot = expansion.expand(name)
    assert isinstance(slot, tuple), "check lets no other species pass"
    return slot
