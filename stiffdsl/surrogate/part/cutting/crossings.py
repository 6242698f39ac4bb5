"""Quantities that cross the cut around a part, and the causalities that they may have.

In the part alone one quantity of each pair at a connector (the potential, or the flow) is driven from outside, and the
part gives the other: the causality of the cut.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from stiffdsl.flat.model import Block
from stiffdsl.surrogate.part.cutting.place import PartPlace, imposed, seen

# So many causalities are tried at the most, of so many that are looked at.
_TRIES, _LOOKED_AT = 256, 1 << 14


@dataclass(frozen=True)
class CutScalar:
    """One scalar at the cut, by its name in the whole and inside of the part.

    `kind`: potential, flow, input (driven from outside of the part in any case), or var (seen from outside).
    `scale`, `shift`: from its declared unit to SI. `pair`: a potential and its flow share a number.
    """

    name: str
    inner: str
    kind: str
    unit: str | None
    scale: float
    shift: float
    pair: int = -1


def crossings_of(
    place: PartPlace, variables: Iterable[Block], inputs: Iterable[Block], kept: Iterable[str]
) -> tuple[tuple[CutScalar, ...], dict[str, Block]]:
    """Every scalar that crosses, and the blocks that stay (by inner name): outputs, what is seen from outside, inputs.

    `variables` and `inputs` are the blocks of the whole; `kept` are inner names of variables to keep besides.
    """
    prefix = place.name + "."
    inside = {b.name[len(prefix) :]: b for b in variables if b.name.startswith(prefix) and b.kind != "hidden"}
    driven = {b.name[len(prefix) :]: b for b in inputs if b.name.startswith(prefix)}
    ports = {u.name: u for u in place.ports}
    found: list[CutScalar] = []
    pair = 0
    for name, use in ports.items():
        potentials, flows = [], []
        for member in use.cls.variables:
            (potentials if member.kind == "potential" else flows).append(inside[f"{name}.{member.name}"])
        scalars = [[(b, k) for b in blocks for k in range(b.size)] for blocks in (potentials, flows)]
        for members in scalars:
            for k, (block, at) in enumerate(members):
                found.append(crossing(prefix, block, at, pair + k))
        pair += max(len(s) for s in scalars)
    stay: dict[str, Block] = {}
    bound = imposed(place)
    for inner, block in driven.items():
        stay[inner] = block
        found += [crossing(prefix, block, k, -1, "input") for k in range(block.size)]
    own = {v.name for v in place.cls.variables if v.kind == "output"}
    for inner in (*bound, *seen(place), *(n for n in inside if n in own), *kept):
        if inner in stay or inner not in inside or inner.partition(".")[0] in ports:
            continue
        block = inside[inner]
        stay[inner] = block
        kind = "input" if inner in bound else "var"
        found += [crossing(prefix, block, k, -1, kind) for k in range(block.size)]
    return tuple(found), stay


def crossing(prefix: str, block: Block, k: int, pair: int, kind: str | None = None) -> CutScalar:
    name = block.scalar_name(k)
    return CutScalar(
        name, name[len(prefix) :], kind or block.kind, block.unit, block.scale, block.shift, pair
    )


def causalities(crossings: tuple[CutScalar, ...], wanted: int) -> Iterator[tuple[bool, ...]]:
    """Choices of the part's inputs among the crossings, `wanted` at connectors; imposed potentials come first.

    Of a pair, the potential or the flow; a potential or a flow without the other, either way.
    """
    pairs: dict[int, list[int]] = {}
    for k, c in enumerate(crossings):
        if c.pair >= 0:
            pairs.setdefault(c.pair, []).append(k)
    options: list[list[tuple[int, ...]]] = []
    for members in pairs.values():
        options.append([(k,) for k in members] if len(members) == 2 else [(), (members[0],)])
    choices: list[tuple[int, frozenset[int]]] = []
    for count, choice in enumerate(product(*options)):
        if count >= _LOOKED_AT:
            break
        chosen = frozenset(k for one in choice for k in one)
        if len(chosen) == wanted:
            flows = sum(crossings[k].kind == "flow" for k in chosen)
            choices.append((flows, chosen))
    choices.sort(key=lambda c: c[0])
    for _, chosen in choices[:_TRIES]:
        yield tuple(c.kind == "input" or k in chosen for k, c in enumerate(crossings))
