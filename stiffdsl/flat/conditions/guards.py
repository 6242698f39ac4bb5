"""Conditions of events as values: 1 where they hold, and a number by whose zeros they are located.

T > Tset + 0.5 and on      truth   if T > Tset + 0.5 and on != 0 then 1 else 0
                           guard   min(T - (Tset + 0.5), if on != 0 then 1e100 else -1e100)
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from stiffdsl.flat.context import Context
from stiffdsl.flat.families import Rows, single
from stiffdsl.flat.model import Family
from stiffdsl.flat.template import MINUS_ONE, Skeleton, mentions_time

# The guard of what is decided by discrete variables or parameters: beyond all that is compared with it.
CERTAIN = 1e100
ONE, ZERO, TIME = ("num", 1.0), ("num", 0.0), ("time",)


def truth_of(condition: Rows) -> Rows:
    """1 where a condition holds, else 0."""
    return replace(condition, skeleton=("if", condition.skeleton, ONE, ZERO))


def guard_of(condition: Rows) -> Rows:
    """A number, continuous where it can be: positive where a condition holds, negative where it does not."""
    return replace(condition, skeleton=_guard(condition.skeleton))


def _guard(condition: Skeleton) -> Skeleton:
    head = condition[0]
    if head in ("and", "or"):
        return ("call", "min" if head == "and" else "max", *map(_guard, _joined(head, condition)))
    if head == "not":
        return ("mul", MINUS_ONE, _guard(condition[1]))
    if head in ("<", "<="):
        return ("add", condition[2], ("mul", MINUS_ONE, condition[1]))
    if head in (">", ">="):
        return ("add", condition[1], ("mul", MINUS_ONE, condition[2]))
    return ("if", condition, ("num", CERTAIN), ("num", -CERTAIN))


def _joined(head: str, condition: Skeleton) -> Iterator[Skeleton]:
    """The parts of `a and b and …`, or of `a or b or …`."""
    for part in condition[1:]:
        if part[0] == head:
            yield from _joined(head, part)
        else:
            yield part


def is_met_by_time(condition: Rows) -> bool:
    """Whether a condition compares time with parameters and numbers alone, as `time >= dose_at[k]`: steps end where it
    turns true, and nothing is to be located."""
    return all(kind == "param" for kind in condition.kinds) and _compares_time(condition.skeleton)


def _compares_time(condition: Skeleton) -> bool:
    head = condition[0]
    if head in ("and", "or", "not"):
        return all(_compares_time(part) for part in condition[1:])
    sides = condition[1:]
    return head in ("<", "<=", ">", ">=") and TIME in sides and not all(mentions_time(side) for side in sides)


def without_rates(context: Context, rows: Rows) -> Rows:
    """`rows` with a hidden variable for each derivative that it mentions: `hidden = der(x)`."""
    kinds, columns = list(rows.kinds), list(rows.columns)
    for k, kind in enumerate(kinds):
        if kind == "der":
            hidden = context.hidden(rows.size, "rate", rows.span) + np.arange(rows.size)
            difference = ("add", ("slot", 0), ("mul", MINUS_ONE, ("slot", 1)))
            both = (hidden, columns[k])
            context.equations.add(Rows(difference, ("var", "der"), both, (), rows.size, rows.span))
            kinds[k], columns[k] = "var", hidden
    return replace(rows, kinds=tuple(kinds), columns=tuple(columns))


def as_family(context: Context, rows: Rows) -> Family:
    """The family of `rows`, without derivatives."""
    return single(without_rates(context, rows))
