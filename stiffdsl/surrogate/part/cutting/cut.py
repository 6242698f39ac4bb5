"""Cuts a part out of a compiled model: in every direction that leaves models that can be solved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stiffdsl.diagnostics import ModelError
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.surrogate.part.cutting.changes import Alone, Replaced
from stiffdsl.surrogate.part.cutting.crossings import CutScalar, causalities, crossings_of
from stiffdsl.surrogate.part.cutting.place import PartPlace, kind_of, seen
from stiffdsl.surrogate.part.cutting.shell import Shell
from stiffdsl.surrogate.part.cutting.surroundings import surroundings

# Causalities that are compared at the most.
_DIRECTIONS = 4


@dataclass(frozen=True, eq=False)
class Cut:
    """The part `place`, the crossings that are inputs and outputs of it, and the part alone (not compiled).

    `free` are the inner names of its parameters that do not follow from others inside of it; `p` holds all parameters
    of the whole.
    """

    place: PartPlace
    signals: tuple[CutScalar, ...]
    outputs: tuple[CutScalar, ...]
    stay: Mapping[str, Any]
    alone: Alone
    free: tuple[str, ...]
    p: np.ndarray


def cuts_of(
    model: CompiledProgram, place: PartPlace, kept: Sequence[str], given: Mapping[str, Any]
) -> list[Cut]:
    """Cuts around a part, each with its causality: those that leave two models that can be solved; where there
    are none, those that leave a part that can.

    `kept` are inner names to keep, `given` parameters with other values than declared. Raises `ValueError` where
    there are none of these either."""
    assert model.origin is not None
    checked = model.origin(stop_after="check")
    flat = model.program.system.flat
    held = next((u for u in place.ports if u.cls.components), None)
    if held is not None:
        raise ValueError(
            f"`{place.name}.{held.name}` is a connector that holds connectors: "
            "a surrogate of the part around it is not made yet"
        )
    crossings, stay = crossings_of(place, flat.variables, flat.inputs, kept)
    if not crossings:
        raise ValueError(
            f"`{place.name}` has no connectors, inputs or outputs: nothing ties it to the rest of the model"
        )
    blocks = {b.name: b for b in (*flat.variables, *flat.parameters)}
    prefix = place.name + "."
    p = model.parameter_vector(given)
    parameters = {b.name: p[b.offset : b.offset + b.size].reshape(b.shape) for b in flat.parameters}
    starts = {
        b.name: model.start_values[b.offset : b.offset + b.size].reshape(b.shape) for b in flat.variables
    }
    modifiers, free = surroundings(
        checked, model.origin.constants, place, parameters, starts, {n.partition("[")[0] for n in given}
    )
    for inner in (*seen(place), *kept):
        block = blocks.get(prefix + inner)
        if block is not None and block.kind == "param":
            stay[inner] = block
    sizes = {}
    for use in place.ports:
        member = next(b for b in flat.variables if b.name.startswith(f"{prefix}{use.name}."))
        sizes[use.name] = member.path[len(place.path)][1]
    shape = Alone(place.name, modifiers, sizes, ())
    counts = model.origin(shape, {}, "flat").counts
    driven = {b.name for b in flat.inputs}
    bound = [c for c in crossings if c.kind == "input" and c.name.partition("[")[0] not in driven]
    imposed = [c for c in bound if kind_of(place.cls, c.inner.partition("[")[0]) != "input"]
    missing = counts["unknowns_before"] - counts["equations_before"] - len(imposed)
    good: list[Cut] = []
    others: list[Cut] = []
    for flags in causalities(crossings, missing):
        signals = tuple(c for c, f in zip(crossings, flags, strict=True) if f)
        outputs = tuple(c for c, f in zip(crossings, flags, strict=True) if not f)
        drives = tuple(c.inner for c in signals if c.pair >= 0 or c in imposed)
        alone = replace(shape, drives=drives)
        trial = Cut(place, signals, outputs, stay, alone, free, p)
        reached = index_of(model, alone, {})
        if reached is None:
            continue
        if reached <= 1 and index_of(model, _stub(model, trial), outer(model, place)) is not None:
            good.append(trial)
            if len(good) == _DIRECTIONS:
                break
        else:
            others.append(trial)
    if not good and not others:
        raise ValueError(
            f"`{place.name}` cannot be cut out of `{model.name}` at its connectors: with no choice of what is imposed "
            "there can it be solved by itself\n  a part that fixes what its neighbours fix too, or that leaves a "
            "quantity open, has to be replaced together with them"
        )
    return (good or others)[:_DIRECTIONS]


def index_of(model: CompiledProgram, change: Any, constants: dict[str, float]) -> int | None:
    """The index of the changed model; None where it cannot be solved."""
    assert model.origin is not None
    try:
        return int(model.origin(change, constants, "graph").blocks["index"])
    except ModelError:
        return None


def outer(model: CompiledProgram, place: PartPlace) -> dict[str, float]:
    """The constants that were given for what is not inside of the part."""
    assert model.origin is not None
    return {k: v for k, v in model.origin.constants.items() if not k.startswith(place.name + ".")}


def shell(model: CompiledProgram, found: Cut, stay: Mapping[str, Any], doc: str) -> Shell:
    place = found.place
    p, u = found.p, np.asarray(model.interpreted.input_defaults(found.p))
    defaults = {}
    for block in stay.values():
        if block.kind in ("param", "input"):
            vector = p if block.kind == "param" else u
            si = vector[block.offset : block.offset + block.size].reshape(block.shape)
            defaults[block.name] = (si - block.shift) / block.scale
    ports = tuple((use, found.alone.sizes[use.name]) for use in place.ports)
    taken = (*(v.name for v in place.cls.variables), *(u.name for u in place.cls.components))
    return Shell(f"{place.cls.name}Surrogate", doc, ports, stay, defaults, taken)


def _stub(model: CompiledProgram, found: Cut) -> Replaced:
    """The rest of the model, with what the part gives as inputs."""
    declared, equations = [], []
    for k, c in enumerate(found.outputs):
        declared.append(f"input given_{k + 1} = 0")
        equations.append(f"{c.inner} = given_{k + 1}")
    around = shell(model, found, found.stay, "what the part gives")
    return Replaced(found.place.name, around.text(declared, equations))
