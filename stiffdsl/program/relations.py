"""Relations: conditions in the equations that change while they are solved, and f with all of them held.

    relations(t, y, p, u)      what each one is there: 1 or 0 of a comparison, the side of zero of `abs`, the value of
                               `sign`, `floor` and `ceil`; then what each compares with zero
    held(t, y, p, u, m)        f, with each relation as `m` says

An exponential of time and unknowns (a diode at a source) may rise from nothing and vanish again within a step. It is a
relation too: its value is its exponent, and held it rises by no more than a few powers of e.

`max` and `min` are comparisons with a choice. What is decided by parameters alone never changes, and steps end where
conditions on straight lines of time do (`time/time_events.py`): these are no relations. Equality holds at single
points.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stiffdsl.program.builder import Builder
from stiffdsl.program.operations import ORDERED, ROUNDED
from stiffdsl.program.ops import GATHERS, gathered

RELATIONS = (*ORDERED, *ROUNDED, "abs")
# The largest rise of the exponent of a held exponential function.
RISE = 2.0


@dataclass(frozen=True)
class HeldRelations:
    """Both results in their builder, and how far each entry of `m` may rise before it is another: 0 of conditions,
    where any change counts."""

    values: int
    held: int
    rises: np.ndarray


def relations(
    builder: Builder, f: int, ends_steps: Callable[[int], bool], still: frozenset[int] = frozenset()
) -> HeldRelations | None:
    """The relations of the result `f`; None where it has none. `ends_steps`: whether steps end where an operation
    jumps; `still`: the entries of y that do not change in steps."""
    asked, folded = builder.asked, builder.folded
    used = np.flatnonzero(builder.used(f)).tolist()
    watched = _watched(builder, used, ends_steps, still)
    found = _relations(builder, f, used, watched) if watched else None
    builder.asked, builder.folded = asked, folded
    return found


def _watched(
    builder: Builder, used: list[int], ends_steps: Callable[[int], bool], still: frozenset[int]
) -> list[int]:
    driven, follows = _reading(builder, used, ("t", "u")), _reading(builder, used, ("y",), still)

    def is_relation(k: int) -> bool:
        if builder.ops[k].name == "exp":
            return driven[k] and follows[k]
        return (driven[k] or follows[k]) and builder.ops[k].name in RELATIONS and not ends_steps(k)

    return [k for k in used if is_relation(k)]


def _reading(
    builder: Builder, used: list[int], inputs: tuple[str, ...], still: frozenset[int] = frozenset()
) -> dict[int, bool]:
    """Flags of the operations that depend on one of the inputs, by more than entries that are `still`."""
    reads: dict[int, bool] = {}
    for k in used:
        op = builder.ops[k]
        if op.name == "input":
            reads[k] = op.data in inputs
        elif still and op.name in GATHERS and builder.ops[op.args[0]].name == "input":
            reads[k] = reads[op.args[0]] and not still.issuperset(gathered(op, builder.tables.arrays))
        else:
            reads[k] = any(reads[a] for a in op.args)
    return reads


def _relations(b: Builder, f: int, used: list[int], watched: list[int]) -> HeldRelations:
    numbers = [k for k in watched if b.ops[k].size is None]
    vectors = [k for k in watched if b.ops[k].size is not None]

    def all_of(one: Callable[[Builder, int], int]) -> list[int]:
        parts = [b.stack([one(b, k) for k in numbers])] if numbers else []
        return [*parts, *(b.full(one(b, k), b.size(k)) for k in vectors)]

    if vectors:
        values = b.concatenate([*all_of(_value), *all_of(_compared)])
    else:
        # One list of numbers, which `pack.py` packs.
        values = b.stack([*(_value(b, k) for k in numbers), *(_compared(b, k) for k in numbers)])
    sizes = [1] * len(numbers) + [b.size(k) for k in vectors]
    rises = [RISE if b.ops[k].name == "exp" else 0.0 for k in (*numbers, *vectors)]
    count = sum(sizes)
    m = b.input("m", count)
    held = {k: b.element(m, place) for place, k in enumerate(numbers)}
    place = len(numbers)
    for k in vectors:
        held[k] = b.take(m, place + np.arange(b.size(k)))
        place += b.size(k)
    return HeldRelations(values, _held(b, f, used, held), np.repeat(rises, sizes))


def _value(b: Builder, k: int) -> int:
    """Relation k as a number."""
    op = b.ops[k]
    if op.name in ("sign", "floor", "ceil"):
        return k
    if op.name == "exp":
        return op.args[0]
    one = b.number(1.0)
    if op.name == "abs":
        return b.apply("select", b.apply("lt", op.args[0], b.number(0.0)), b.number(-1.0), one)
    return b.apply("select", k, one, b.number(0.0))


def _compared(b: Builder, k: int) -> int:
    """The switching function of relation k: its difference of sides, or its exponent; one where it rounds."""
    op = b.ops[k]
    if op.name in ("floor", "ceil"):
        return b.number(1.0)
    return op.args[0] if len(op.args) == 1 else b.apply("sub", *op.args)


def _held(b: Builder, f: int, used: list[int], held: dict[int, int]) -> int:
    """f, with relations as they are `held`."""
    written: dict[int, int] = {}
    for k in used:
        op = b.ops[k]
        args = tuple(written[a] for a in op.args)
        if k not in held:
            written[k] = k if args == op.args else b.put(op.name, args, op.data, op.size)
        elif op.name == "abs":
            written[k] = b.apply("mul", args[0], held[k])
        elif op.name == "exp":
            most = b.apply("add", held[k], b.number(RISE))
            exponent = b.apply("select", b.apply("lt", args[0], most), args[0], most)
            written[k] = b.apply("exp", exponent)
        elif op.name in ("sign", "floor", "ceil"):
            written[k] = held[k]
        else:
            written[k] = b.apply("gt", held[k], b.number(0.5))
    return written[f]
