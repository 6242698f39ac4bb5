"""Models written out line by line, as generators and importers write them: no `for`, no arrays of parts."""

import numpy as np

# Shares and counts as in egfr_net.net of BioNetGen: 38 constants, two of five reactions bind two species, as many
# part them again, one of five changes one species into another; a few monomers take part in a sixth of all reactions.
_CONSTANTS = 38
_BINDING = 0.4
_LARGEST = 12


def mass_action(species: int, reactions: int, seed: int = 0) -> str:
    """A random network in the section `reactions`, one a line, of bounded solutions.

    Species `S1`, `S2`, … are complexes of 1 to 12 monomers; a reaction keeps the number of monomers, and so does
    the sum of all species, each times its size (`sizes`).
    """
    rng = np.random.default_rng(seed)
    size = sizes(species)
    of_size = [np.flatnonzero(size == n) for n in range(_LARGEST + 1)]
    forward = 10.0 ** rng.uniform(-4, -1, _CONSTANTS)
    backward = 10.0 ** rng.uniform(-2, 1, _CONSTANTS)
    lines = ['model Network "a random mass-action network"']
    lines += [f"  param kp{k + 1} = {value:.4g}" for k, value in enumerate(forward)]
    lines += [f"  param km{k + 1} = {value:.4g}" for k, value in enumerate(backward)]
    total = np.where(size == 1, rng.integers(50, 500, species), 0)
    lines += [f"  var S{s + 1} start {total[s]}" for s in range(species)]
    lines.append("reactions")
    pairs = int(_BINDING * reactions)
    for _ in range(pairs):
        whole = rng.integers(2, _LARGEST + 1)
        # Mostly a monomer joins: monomers are few and so take part in many reactions.
        part = 1 if rng.random() < 0.7 else rng.integers(1, whole)
        a, b = rng.choice(of_size[part]) + 1, rng.choice(of_size[whole - part]) + 1
        c, k = rng.choice(of_size[whole]) + 1, rng.integers(_CONSTANTS) + 1
        factor = "0.5*" if a == b else ""
        lines.append(f"  S{a} + S{b} -> S{c} @ {factor}kp{k}")
        lines.append(f"  S{c} -> S{a} + S{b} @ {'2*' if rng.random() < 0.1 else ''}km{k}")
    for _ in range(reactions - 2 * pairs):
        own = of_size[rng.integers(2, _LARGEST + 1)]
        a, b = rng.choice(own, 2, replace=False) + 1
        lines.append(f"  S{a} -> S{b} @ km{rng.integers(_CONSTANTS) + 1}")
    lines += ["experiment", "  time 0..10, rtol 1e-6, atol 1e-8", "end", ""]
    return "\n".join(lines)


def sizes(species: int) -> np.ndarray:
    """How many monomers every species of `mass_action` holds: few of one, more of many."""
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
