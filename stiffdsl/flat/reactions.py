"""Mass action: every reaction gets a hidden rate, every species the balance of the rates it takes part in.

`2*A + B -> C @ k` has the rate k*A^2*B; A changes by -2 and C by +1 times that rate (the convention of CHEMKIN
and of the IVP test set, without a division by factorials). Where the whole rate is given (`rate r`), A changes by
-2 times that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from stiffdsl.diagnostics import Span
from stiffdsl.flat.expand import Expansion
from stiffdsl.flat.families import Rows
from stiffdsl.flat.model import Block
from stiffdsl.flat.template import MINUS_ONE, Skeleton
from stiffdsl.syntax import tree


@dataclass(eq=False)
class Network:
    """The stoichiometry gathered so far: species, rate and coefficient of every entry."""

    species: list[np.ndarray] = field(default_factory=list)
    rates: list[np.ndarray] = field(default_factory=list)
    coefficients: list[np.ndarray] = field(default_factory=list)
    # The rates that have a label and an equation.
    labelled: list[np.ndarray] = field(default_factory=list)
    span: Span | None = None

    def add(self, expansion: Expansion, reaction: tree.Reaction) -> None:
        """The rate equations of `reaction` in every member of the expansion's domain."""
        # Looked at first: a `Split` must come before anything is made.
        look = Expansion(expansion.builder, expansion.node, expansion.domain, auxiliary=False)
        for expr in (reaction.forward, reaction.reverse):
            if expr is not None:
                look.lift(look.expand(expr))
        sides = (reaction.reactants, reaction.products)
        if reaction.whole or reaction.into is not None:
            self._as_one(expansion, reaction)
            return
        self._one_way(expansion, reaction, sides[0], sides[1], reaction.forward)
        if reaction.reverse is not None:
            other = Expansion(expansion.builder, expansion.node, expansion.domain)
            self._one_way(other, reaction, sides[1], sides[0], reaction.reverse)

    def _as_one(self, expansion: Expansion, reaction: tree.Reaction) -> None:
        """One rate for what goes forth and back: a whole one, or that of a label."""
        builder, size = expansion.builder, expansion.domain.size
        if reaction.into is None:
            rate = builder.hidden(size, "rate", reaction.span) + np.arange(size)
            slot = expansion.slot("var", rate)
        else:
            slot = expansion.expand(reaction.into)
            assert isinstance(slot, tuple), "the rate of a label is a variable"
            rate = expansion.columns[slot[1]]
            self.labelled.append(rate)
        terms = [
            slot,
            ("mul", MINUS_ONE, self._speed(expansion, reaction, reaction.reactants, reaction.forward)),
        ]
        if reaction.reverse is not None:
            terms.append(self._speed(expansion, reaction, reaction.products, reaction.reverse))
        builder.equations.add(expansion.rows(("add", *terms), reaction.span))
        look = Expansion(builder, expansion.node, expansion.domain)
        for sign, side in ((-1.0, reaction.reactants), (1.0, reaction.products)):
            for count, name in side:
                self._enter(look.columns[self._species(look, name)[1]], rate, sign * count)
        self.span = self.span or reaction.span

    def _speed(self, expansion: Expansion, reaction: tree.Reaction, before, constant: tree.Expr) -> Skeleton:
        """How fast a reaction goes one way."""
        factors = [expansion.lift(expansion.expand(constant))]
        for count, name in before if not reaction.whole else ():
            factor = self._species(expansion, name)
            factors.append(factor if count == 1 else ("pow", factor, ("num", float(count))))
        return factors[0] if len(factors) == 1 else ("mul", *factors)

    def _enter(self, species: np.ndarray, rates: np.ndarray, coefficient: float) -> None:
        self.species.append(species)
        self.rates.append(rates)
        self.coefficients.append(np.full(len(species), coefficient))

    def still(self, blocks: Iterable[Block]) -> list[Rows]:
        """`rate = 0` for the elements of labels that no reaction has: those outside of its loop."""
        made = np.concatenate([np.zeros(0, dtype=np.int64), *self.labelled])
        found = []
        for block in blocks:
            free = np.setdiff1d(block.offset + np.arange(block.size), made)
            if len(free):
                found.append(Rows(("slot", 0), ("var",), (free,), (), len(free), block.span))
        return found

    def _one_way(self, expansion: Expansion, reaction: tree.Reaction, before, after, rate: tree.Expr) -> None:
        builder, size = expansion.builder, expansion.domain.size
        hidden = builder.hidden(size, "rate", reaction.span) + np.arange(size)
        slot = expansion.slot("var", hidden)
        factors: list[Skeleton] = []
        constant = expansion.lift(expansion.expand(rate))
        if constant != ("num", 1.0):
            factors.append(constant)
        consumed, made = [], []
        for count, name in before:
            factor = self._species(expansion, name)
            consumed.append((count, expansion.columns[factor[1]]))
            factors.append(factor if count == 1 else ("pow", factor, ("num", float(count))))
        product: Skeleton = ("num", 1.0)
        if factors:
            product = factors[0] if len(factors) == 1 else ("mul", *factors)
        builder.equations.add(expansion.rows(("add", slot, ("mul", MINUS_ONE, product)), reaction.span))
        look = Expansion(builder, expansion.node, expansion.domain)
        for count, name in after:
            made.append((count, look.columns[self._species(look, name)[1]]))
        for sign, side in ((-1.0, consumed), (1.0, made)):
            for count, column in side:
                self._enter(column, hidden, sign * count)
        self.span = self.span or reaction.span

    def _species(self, expansion: Expansion, name: tree.Name) -> Skeleton:
        slot = expansion.expand(name)
        assert isinstance(slot, tuple), "check lets no other species pass"
        return slot

    def balances(self, constant_ids) -> list[Rows]:
        """`der(species) = Σ coefficient * rate`, one row for each species."""
        if not self.species:
            return []
        assert self.span is not None
        species = np.concatenate(self.species)
        rates = np.concatenate(self.rates)
        coefficients = np.concatenate(self.coefficients)
        # A catalyst stands on both sides: its entries of one rate add up, often to zero.
        key = np.lexsort((rates, species))
        species, rates, coefficients = species[key], rates[key], coefficients[key]
        start = np.flatnonzero(np.r_[True, (np.diff(species) != 0) | (np.diff(rates) != 0)])
        net = np.add.reduceat(coefficients, start)
        every = np.unique(species)
        species, rates = species[start][net != 0], rates[start][net != 0]
        net = net[net != 0]
        owner = np.searchsorted(every, species)
        unit = bool(np.all(np.abs(net) == 1))
        if unit and bool(np.any(net > 0)) and bool(np.any(net < 0)):
            plus, minus = net > 0, net < 0
            sums = tuple(
                (Rows(("slot", 0), ("var",), (rates[c],), (), int(c.sum()), self.span), owner[c])
                for c in (plus, minus)
            )
            skeleton = ("add", ("slot", 0), ("mul", MINUS_ONE, ("total", 0)), ("total", 1))
        else:
            columns = (rates, constant_ids(net))
            terms = Rows(
                ("mul", ("slot", 1), ("slot", 0)), ("var", "const"), columns, (), len(net), self.span
            )
            sums = ((terms, owner),)
            skeleton = ("add", ("slot", 0), ("mul", MINUS_ONE, ("total", 0)))
        return [Rows(skeleton, ("der",), (every,), sums, len(every), self.span)]
