"""Random mass action of the size of a B cell receptor's network (Barua, Hlavacek, Lipniacki, J. Immunol. 189, 2012):
`benchmarks/texts.py` writes it out for stiffdsl, a reaction a line."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array

from benchmarks.problem import BenchmarkProblem
from benchmarks.texts import mass_action
from benchmarks.texts import network as drawn

SPECIES, REACTIONS = 1_122, 24_388


@dataclass(frozen=True)
class Arrays:
    """`y' = stoichiometry @ (rates * y[first] * y[second])`; `second` is one beyond the species, a one, where a
    reaction uses a single species."""

    stoichiometry: csr_array
    rates: np.ndarray
    first: np.ndarray
    second: np.ndarray


def equations(net: Arrays, t, y, m):
    joined = m.concatenate([y, m.constant(np.ones(1))])
    return m.product(
        net.stoichiometry, m.constant(net.rates) * m.take(joined, net.first) * m.take(joined, net.second)
    )


@dataclass(frozen=True)
class Slopes:
    """The Jacobian of a network: its entries are `sums @ slope`, of each reaction by each species that it uses."""

    net: Arrays
    sums: csr_array
    pattern: csc_array
    other: np.ndarray
    reaction: np.ndarray

    def __call__(self, t: float, y: np.ndarray) -> csc_array:
        slope = self.net.rates[self.reaction] * np.append(y, 1.0)[self.other]
        values = self.sums @ slope
        return csc_array((values, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape)


def slopes(net: Arrays) -> Slopes:
    r = len(net.rates)
    n = net.stoichiometry.indptr.size - 1
    pairs = net.second < n
    reaction = np.concatenate([np.arange(r), np.flatnonzero(pairs)])
    by = np.concatenate([net.first, net.second[pairs]])
    other = np.concatenate([net.second, net.first[pairs]])
    # One row of `chosen` for each slope: the column of the stoichiometry that it multiplies.
    chosen = csc_array(net.stoichiometry)[:, reaction].tocoo()
    columns = by[chosen.col]
    places, entry = np.unique(columns * n + chosen.row, return_inverse=True)
    sums = csr_array(coo_array((chosen.data, (entry, chosen.col)), shape=(len(places), len(reaction))))
    starts = np.searchsorted(places // n, np.arange(n + 1))
    pattern = csc_array((np.ones(len(places)), places % n, starts), shape=(n, n))
    return Slopes(net, sums, pattern, other, reaction)


def arrays(species: int, reactions: int) -> Arrays:
    net = drawn(species, reactions)
    columns = [
        (s, r, sign)
        for r, (used, made, *_) in enumerate(net.reactions)
        for sign, side in ((-1.0, used), (1.0, made))
        for s in side
    ]
    row, column, sign = map(np.array, zip(*columns, strict=True))
    matrix = csr_array(coo_array((sign, (row, column)), shape=(species, len(net.reactions))))
    first, second = (np.array([(*r.used, species)[k] for r in net.reactions]) for k in (0, 1))
    return Arrays(matrix, net.rates, first, second)


def network(species: int = SPECIES, reactions: int = REACTIONS) -> BenchmarkProblem:
    """Ten seconds of the network from its monomers; `checked` are four monomers and four complexes."""
    net = arrays(species, reactions)
    some = sorted({0, 1, 2, 3, species // 4, species // 2, 3 * species // 4, species - 1})
    return BenchmarkProblem(
        "network",
        "",
        partial(equations, net),
        drawn(species, reactions).total.astype(float),
        (0.0, 10.0),
        rtol=1e-6,
        atol=1e-8,
        checked={f"S{s + 1}": s for s in some},
        jacobian=slopes(net),
        text=mass_action(species, reactions),
    )
