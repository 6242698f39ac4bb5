"""Models written out line by line, as generators and importers write them: no `for`, no arrays of parts."""

from typing import NamedTuple

import numpy as np

# Shares and counts as in egfr_net.net of BioNetGen: 38 constants, two of five reactions bind two species, as many
# part them again, one of five changes one species into another; a few monomers take part in a sixth of all reactions.
_CONSTANTS = 38
_BINDING = 0.4
_LARGEST = 12


class NetworkReaction(NamedTuple):
    """Indices of the species that it uses and makes; `k` is an index in `forward` where it uses two, else in
    `ReactionNetwork.backward`, and `factor` stands before that."""

    used: tuple[int, ...]
    made: tuple[int, ...]
    k: int
    factor: float = 1.0


class ReactionNetwork(NamedTuple):
    """Mass action: constants, start values `total` of the species, and the reactions in the order of the text."""

    forward: np.ndarray
    backward: np.ndarray
    total: np.ndarray
    reactions: list[NetworkReaction]

    @property
    def rates(self) -> np.ndarray:
        """The constant of each reaction, with its factor."""
        names = self.backward, self.forward
        return np.array([r.factor * names[len(r.used) == 2][r.k] for r in self.reactions])


def network(species: int, count: int, seed: int = 0) -> ReactionNetwork:
    """A random network of bounded solutions.

    Species are complexes of 1 to 12 monomers; a reaction keeps the number of monomers, and so does the sum of all
    species, each times its size (`sizes`). Constants are rounded to the digits that the text shows.
    """
    rng = np.random.default_rng(seed)
    size = sizes(species)
    of_size = [np.flatnonzero(size == n) for n in range(_LARGEST + 1)]
    forward = 10.0 ** rng.uniform(-4, -1, _CONSTANTS)
    backward = 10.0 ** rng.uniform(-2, 1, _CONSTANTS)
    total = np.where(size == 1, rng.integers(50, 500, species), 0)
    reactions: list[NetworkReaction] = []
    pairs = int(_BINDING * count)
    for _ in range(pairs):
        whole = rng.integers(2, _LARGEST + 1)
        # Mostly a monomer joins: monomers are few and so take part in many reactions.
        part = 1 if rng.random() < 0.7 else rng.integers(1, whole)
        a, b = int(rng.choice(of_size[part])), int(rng.choice(of_size[whole - part]))
        c, k = int(rng.choice(of_size[whole])), int(rng.integers(_CONSTANTS))
        reactions.append(NetworkReaction((a, b), (c,), k, 0.5 if a == b else 1.0))
        reactions.append(NetworkReaction((c,), (a, b), k, 2.0 if rng.random() < 0.1 else 1.0))
    for _ in range(count - 2 * pairs):
        own = of_size[rng.integers(2, _LARGEST + 1)]
        a, b = map(int, rng.choice(own, 2, replace=False))
        reactions.append(NetworkReaction((a,), (b,), int(rng.integers(_CONSTANTS))))
    shown = [np.array([float(f"{value:.4g}") for value in values]) for values in (forward, backward)]
    return ReactionNetwork(shown[0], shown[1], total, reactions)


def mass_action(species: int, reactions: int, seed: int = 0) -> str:
    """A `network` in the section `reactions`, one a line, with species `S1`, `S2`, …"""
    net = network(species, reactions, seed)
    lines = ['model Network "a random mass-action network"']
    lines += [f"  param kp{k + 1} = {value:.4g}" for k, value in enumerate(net.forward)]
    lines += [f"  param km{k + 1} = {value:.4g}" for k, value in enumerate(net.backward)]
    lines += [f"  var S{s + 1} start {total}" for s, total in enumerate(net.total)]
    lines.append("reactions")
    for used, made, k, factor in net.reactions:
        left, right = (" + ".join(f"S{s + 1}" for s in side) for side in (used, made))
        times = "" if factor == 1.0 else f"{factor:g}*"
        lines.append(f"  {left} -> {right} @ {times}{'kp' if len(used) == 2 else 'km'}{k + 1}")
    lines += ["experiment", "  time 0..10, rtol 1e-6, atol 1e-8", "end", ""]
    return "\n".join(lines)


def sizes(species: int) -> np.ndarray:
    """The number of monomers in every species of `network`: few species of one, more of many."""
    weight = np.sqrt(np.arange(1, _LARGEST + 1))
    bounds = np.cumsum(weight) / weight.sum() * species
    return 1 + np.searchsorted(bounds, np.arange(species), side="right")


def written_out_rod(n: int) -> str:
    """Heat conduction along a rod: every temperature a variable and an equation of its own, as a flat file has them."""
    lines = ['model Rod "heat conduction, written out"', "  param a = 1 in 0.5..2"]
    lines += [f"  var T{i} start {1 + i % 7}" for i in range(1, n + 1)]
    lines.append("equations")
    lines.append("  der(T1) = a*(T2 - T1)")
    lines += [f"  der(T{i}) = a*(T{i - 1} - 2*T{i} + T{i + 1})" for i in range(2, n)]
    lines.append(f"  der(T{n}) = a*(T{n - 1} - T{n})")
    lines += ["experiment", "  time 0..10, rtol 1e-6, atol 1e-8", "end", ""]
    return "\n".join(lines)
