"""Jumps of equations on conditions that unknowns decide: held in steps, and events where they change.

    der(x) = if x > 1 then 0.5 else 1      der(x) = if r then 0.5 else 1      r a hidden discrete variable
                                           events: x > 1 sets r, not x > 1 clears it; initially r says what holds

Only jumps are: where the equation has one value at the switch whatever branch it takes (`sign(x)*sqrt(abs(x))`,
`if v < 0 then g*v else G*v`), the condition is a kink, and stays as it is written. So does what `noevent` holds, and an
equation that nothing but outputs follow.

Whether an equation jumps is looked at in numbers: at random points of the surface where a condition changes, with its
value on either side.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from stiffdsl.flat.conditions.guards import ONE, ZERO, as_family, guard_of, truth_of
from stiffdsl.flat.context import Context
from stiffdsl.flat.families import Rows, single
from stiffdsl.flat.model import Action, Event
from stiffdsl.flat.numeric import FUNCTIONS
from stiffdsl.flat.template import MINUS_ONE, Skeleton

_COMPARED = {"<", "<=", ">", ">="}
_HALF = ("num", 0.5)
# Points at which an equation is looked at, tries until it has values there, and the difference that counts as a jump,
# relative to its terms.
POINTS, TRIES, JUMP = 4, 8, 1e-9
# Rounds in which what only outputs follow is left out.
ROUNDS = 50


def add_switches(context: Context) -> None:
    """Rewrites the equations gathered so far."""
    still = np.zeros(context.next["var"], dtype=bool)
    for block in context.variables:
        if block.kind == "discrete":
            still[block.offset : block.offset + block.size] = True
    rows = context.equations.rows
    found = {k: atoms for k, r in enumerate(rows) if (atoms := _moving(r, still))}
    if not found:
        return
    followed = _followed(rows, context.next["var"])
    shared: dict[tuple, np.ndarray] = {}
    for k, atoms in found.items():
        jumps = [a for a in atoms if _jumps(rows[k].skeleton, a)] if followed[k] else []
        if jumps:
            rows[k] = _switched(context, rows[k], jumps, shared)


def _moving(rows: Rows, still: np.ndarray) -> list[Skeleton]:
    """Conditions of the equations, and arguments of `sign`, that follow unknowns in a step."""
    moves = [
        kind == "der" or (kind == "var" and not np.all(still[column]))
        for kind, column in zip(rows.kinds, rows.columns, strict=True)
    ]
    if not any(moves):
        return []
    return [a for a in dict.fromkeys(_atoms(rows.skeleton)) if any(moves[s] for s in _slots(a))]


@lru_cache(maxsize=10_000)
def _atoms(skeleton: Skeleton) -> tuple[Skeleton, ...]:
    """Conditions of choices, and `("sign", argument)`, outermost first."""
    found: list[Skeleton] = []
    if skeleton[0] == "if" and not _literal(skeleton[1]):
        found.append(skeleton[1])
    elif skeleton[:2] == ("call", "sign"):
        found.append(("sign", skeleton[2]))
    elif skeleton[:2] == ("call", "noevent"):
        return ()
    for part in skeleton[1:]:
        if isinstance(part, tuple):
            found += _atoms(part)
    return tuple(found)


def _literal(skeleton: Skeleton) -> bool:
    """Whether `noevent` stands in a condition."""
    return skeleton[:2] == ("call", "noevent") or any(
        _literal(part) for part in skeleton[1:] if isinstance(part, tuple)
    )


@lru_cache(maxsize=10_000)
def _slots(skeleton: Skeleton) -> frozenset[int]:
    if skeleton[0] == "slot":
        return frozenset((skeleton[1],))
    return frozenset().union(*(_slots(part) for part in skeleton[1:] if isinstance(part, tuple)))


def _followed(rows: list[Rows], size: int) -> list[bool]:
    """Whether a state or another unknown than outputs may follow from an equation: an unknown that stands in no other
    equation is found by it alone, and nothing follows from that."""
    members, unknowns, derived = [], [], np.zeros(size, dtype=bool)
    first = np.cumsum([0, *(r.size for r in rows)])
    for k, r in enumerate(rows):
        own = first[k] + np.arange(r.size)
        for part, owner in ((r, own), *((terms, own[owner]) for terms, owner in r.sums)):
            for kind, column in zip(part.kinds, part.columns, strict=True):
                if kind == "der":
                    derived[column] = True
                if kind in ("var", "der"):
                    members.append(owner)
                    unknowns.append(column)
    member, unknown = (np.concatenate([np.zeros(0, dtype=np.int64), *x]) for x in (members, unknowns))
    pairs = np.unique(np.stack([member, unknown]), axis=1)
    member, unknown = pairs
    left = np.ones(first[-1], dtype=bool)
    for _ in range(ROUNDS):
        here = left[member]
        count = np.bincount(unknown[here], minlength=size)
        ends = here & (count[unknown] == 1) & ~derived[unknown]
        if not ends.any():
            break
        left[member[ends]] = False
    return [bool(np.any(left[first[k] : first[k + 1]])) for k in range(len(rows))]


# --- whether an equation jumps ---


@lru_cache(maxsize=10_000)
def _jumps(skeleton: Skeleton, atom: Skeleton) -> bool:
    """Whether an equation has two values where a condition changes; False where that is not seen."""
    sides = [("-", atom[1], ZERO)] if atom[0] == "sign" else list(_comparisons(atom))
    yes, no = (_held(skeleton, atom, side) for side in (True, False))
    return any(_differ(yes, no, ("add", a, ("mul", MINUS_ONE, b))) for _, a, b in sides)


def _comparisons(condition: Skeleton) -> Iterator[tuple[str, Skeleton, Skeleton]]:
    if condition[0] in _COMPARED:
        yield condition  # type: ignore[misc]
    elif condition[0] in ("and", "or", "not"):
        for part in condition[1:]:
            yield from _comparisons(part)


def _held(skeleton: Skeleton, atom: Skeleton, side: bool) -> Skeleton:
    """The equation with a condition as it is on one side."""
    if skeleton[0] == "if" and skeleton[1] == atom:
        return _held(skeleton[2 if side else 3], atom, side)
    if skeleton[:2] == ("call", "sign") and atom == ("sign", skeleton[2]):
        return ONE if side else MINUS_ONE
    return tuple(_held(part, atom, side) if isinstance(part, tuple) else part for part in skeleton)


def _differ(yes: Skeleton, no: Skeleton, switch: Skeleton) -> bool:
    """Whether two equations differ where `switch` is zero."""
    random = np.random.default_rng(0)
    leaves = sorted(_leaves(yes) | _leaves(no) | _leaves(switch), key=repr)
    for _ in range(TRIES):
        point = {leaf: random.uniform(0.3, 2.0, POINTS) for leaf in leaves}
        with np.errstate(all="ignore"):
            if not _onto(switch, point):
                return False
            a, b = _number(yes, point), _number(no, point)
            known = np.isfinite(a) & np.isfinite(b)
            if np.any(known):
                size = np.maximum(np.abs(a), np.abs(b)) + 1e-3
                return bool(np.any(known & (np.abs(a - b) > JUMP * size)))
    return False


def _onto(switch: Skeleton, point: dict[Skeleton, np.ndarray]) -> bool:
    """Moves the point to where `switch` is zero, along a leaf in which it is a straight line or, else, bisected."""
    for leaf in sorted(_leaves(switch), key=repr):
        start = point[leaf]

        def at(value, leaf=leaf) -> np.ndarray:
            return _number(switch, {**point, leaf: value})

        zero, one, two = (at(np.full(POINTS, float(k))) for k in range(3))
        slope = one - zero
        scale = np.abs(zero) + np.abs(one) + np.abs(two)
        straight = np.abs(two - one - slope) <= 1e-9 * scale
        if np.all(straight & (np.abs(slope) > 1e-12 * scale) & np.isfinite(slope)):
            point[leaf] = -zero / slope
            return True
        low, high = np.full(POINTS, 1e-3), np.full(POINTS, 10.0)
        before, after = at(low), at(high)
        if np.all(np.isfinite(before) & np.isfinite(after) & (before * after < 0)):
            for _ in range(60):
                middle = 0.5 * (low + high)
                same = at(middle) * before > 0
                low, high = np.where(same, middle, low), np.where(same, high, middle)
            point[leaf] = high
            return True
        point[leaf] = start
    return False


@lru_cache(maxsize=10_000)
def _leaves(skeleton: Skeleton) -> frozenset[Skeleton]:
    if skeleton[0] in ("slot", "total", "time"):
        return frozenset((skeleton,))
    return frozenset().union(*(_leaves(part) for part in skeleton[1:] if isinstance(part, tuple)))


def _number(skeleton: Skeleton, point: dict[Skeleton, np.ndarray]) -> np.ndarray:
    """The value of an expression, or 1 and 0 of a condition, at points."""
    head = skeleton[0]
    if head in ("slot", "total", "time"):
        return point[skeleton]
    if head in ("num", "bool"):
        return np.full(POINTS, float(skeleton[1]))
    if head == "call":
        values = [_number(part, point) for part in skeleton[2:]]
        return np.asarray(FUNCTIONS[skeleton[1]](*values), dtype=float)
    if head == "lookup":
        # Any function serves that is another for each table: what equal arguments give is equal.
        values = [_number(part, point) for part in skeleton[2:]]
        return sum(((k + 1) * (x + 0.1 * x * x) for k, x in enumerate(values)), 0.1 * skeleton[1][0] - 1.0)
    if head == "network":
        # As smooth as that, and another for each network and each entry of its result.
        output, site, *values = (_number(part, point) for part in skeleton[2:])
        weights = 1 + 0.3 * output + 0.7 * site + skeleton[1][0]
        return np.sum([weights * np.sin(x / (k + 1)) for k, x in enumerate(values)], axis=0) + 0.1 * weights
    args = [_number(part, point) for part in skeleton[1:]]
    match head:
        case "add":
            return np.sum(args, axis=0)
        case "mul":
            return np.prod(args, axis=0)
        case "div":
            return args[0] / args[1]
        case "pow":
            return args[0] ** args[1]
        case "if":
            return np.where(args[0] != 0, args[1], args[2])
        case "and":
            return np.all(args, axis=0).astype(float)
        case "or":
            return np.any(args, axis=0).astype(float)
        case "not":
            return (args[0] == 0).astype(float)
        case "<" | "<=":
            return (args[0] < args[1]).astype(float)
        case ">" | ">=":
            return (args[0] > args[1]).astype(float)
        case "==" | "!=":
            return ((args[0] == args[1]) == (head == "==")).astype(float)
    raise AssertionError(head)


# --- what takes their place ---


def _switched(context: Context, rows: Rows, jumps: list[Skeleton], shared: dict[tuple, np.ndarray]) -> Rows:
    """The equations with each of these conditions held by a discrete variable."""
    kinds, columns = list(rows.kinds), list(rows.columns)
    skeleton = rows.skeleton
    for atom in jumps:
        condition = (">", atom[1], ZERO) if atom[0] == "sign" else atom
        skeleton = _with(skeleton, atom, (">", ("slot", len(kinds)), _HALF))
        kinds.append("var")
        columns.append(_relation(context, replace(rows, skeleton=condition), shared))
    return replace(rows, skeleton=skeleton, kinds=tuple(kinds), columns=tuple(columns))


def _with(skeleton: Skeleton, atom: Skeleton, held: Skeleton) -> Skeleton:
    if skeleton[:2] == ("call", "sign") and atom == ("sign", skeleton[2]):
        return ("if", held, ONE, MINUS_ONE)
    parts = tuple(_with(part, atom, held) if isinstance(part, tuple) else part for part in skeleton)
    if parts[0] == "if" and skeleton[1] == atom:
        return ("if", held, *parts[2:])
    return parts


def _relation(context: Context, condition: Rows, shared: dict[tuple, np.ndarray]) -> np.ndarray:
    """The hidden discrete variables that say whether a condition holds, and the events that set them."""
    slots = sorted(_slots(condition.skeleton))
    named = {k: ("slot", j) for j, k in enumerate(slots)}
    condition = replace(
        condition,
        skeleton=_renamed(condition.skeleton, named),
        kinds=tuple(condition.kinds[k] for k in slots),
        columns=tuple(condition.columns[k] for k in slots),
    )
    key = (
        condition.skeleton,
        condition.kinds,
        tuple(c.tobytes() for c in condition.columns),
        id(condition.sums),
    )
    if key in shared:
        return shared[key]
    size, span = condition.size, condition.span
    column = context.hidden(size, "branch", span) + np.arange(size)
    context.held.append(column)
    context.equations.add(Rows(("slot", 0), ("der",), (column,), (), size, span))
    holds = truth_of(condition)
    own = ("slot", len(slots))
    context.initial.add(
        replace(
            holds,
            skeleton=("add", own, ("mul", MINUS_ONE, holds.skeleton)),
            kinds=(*holds.kinds, "var"),
            columns=(*holds.columns, column),
        )
    )
    for value, skeleton in ((ONE, condition.skeleton), (ZERO, ("not", condition.skeleton))):
        turns = replace(condition, skeleton=skeleton)
        action = Action(np.arange(size), column, single(Rows(value, (), (), (), size, span)))
        context.events.append(
            Event(
                holds=as_family(context, truth_of(turns)),
                guard=as_family(context, guard_of(turns)),
                at_start=False,
                from_start=False,
                periodic=False,
                chain=context.chains,
                actions=(action,),
                stop=0,
                size=size,
                span=span,
                branch=True,
            )
        )
        context.chains += 1
    shared[key] = column
    return column


def _renamed(skeleton: Skeleton, named: dict[int, Skeleton]) -> Skeleton:
    if skeleton[0] == "slot":
        return named[skeleton[1]]
    return tuple(_renamed(part, named) if isinstance(part, tuple) else part for part in skeleton)
