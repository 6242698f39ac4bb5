"""The stoichiometry of a model: which reaction rate enters the balance of which species, and how often."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from stiffdsl.diagnostics import Span
from stiffdsl.flat.families import Rows
from stiffdsl.flat.model import Block
from stiffdsl.flat.template import MINUS_ONE


@dataclass(eq=False)
class Stoichiometry:
    """Species, rate and coefficient of every entry gathered so far."""

    species: list[np.ndarray] = field(default_factory=list)
    rates: list[np.ndarray] = field(default_factory=list)
    coefficients: list[np.ndarray] = field(default_factory=list)
    # The rates that have a label and an equation.
    labelled: list[np.ndarray] = field(default_factory=list)
    span: Span | None = None

    def enter(self, species: np.ndarray, rates: np.ndarray, coefficient: float) -> None:
        """One entry for every member: `species` changes by `coefficient` times its rate."""
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

    def balances(self, constant_ids: Callable[[np.ndarray], np.ndarray]) -> list[Rows]:
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
