"""The initial system: entries of y that are free at the initial time, and conditions that determine them.

A state with a `start` is fixed. The others are free as far as there are conditions for them: `initial`
equations, and a `start` given to something that is not a state. Which condition determines what is decided
by structure: an augmenting path from each condition, through the equations of the model, to a state without
a start. A condition without a path is redundant (`C start 0` beside `A + B + C = 1`) and becomes a check; a
state without a condition begins at its guess, or at zero, with a warning. A start that is only the default of
a part's class gives way: it is not checked, and its state moves where a condition has no other path.
"""

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.graph.explicit import compact, expose
from stiffdsl.graph.incidence import Incidence, occurrences
from stiffdsl.graph.match import grow
from stiffdsl.graph.start_values import StartValues
from stiffdsl.graph.system import Initial

LABELS = 3
# A coefficient of an invariant that is below this at the start values is taken for zero.
WEAK = 1e-9


def initial_system(
    flat: FlatModel,
    inc: Incidence,
    pairing: np.ndarray,
    states: np.ndarray,
    implicit: int,
    invariants: tuple[Family, ...] = (),
    orders: tuple[int, ...] = (),
) -> tuple[Initial, tuple[Diagnostic, ...]]:
    """The initial problem for `y = [states, implicit unknowns]`, and what to warn of.

    `pairing[e]` is the unknown that equation e determines while all states are known; `orders[k]` says how
    often invariant k was differentiated.
    """
    started = np.zeros(flat.size, dtype=bool)
    for definition in flat.starts:
        started[definition.targets] = True
    default = flat.default_start if len(flat.default_start) else np.zeros(flat.size, dtype=bool)
    firm, yielding = _start_conditions(flat, ~default), _start_conditions(flat, default)
    families = invariants + flat.initial + firm + yielding
    # Behind the states that nothing is known of stand those that begin at a default: they move if they must.
    movable = np.concatenate([states[~started[states]], states[started[states] & default[states]]])
    open_count = int(np.sum(~started[states]))
    stay = sum(f.size for f in invariants + flat.initial + firm)
    chosen, determined = _determine(
        flat, inc, pairing, families, movable, open_count, stay, evaluated=len(invariants)
    )
    conditions, checks, check_orders, first = [], [], [], 0
    for k, family in enumerate(families):
        mine = chosen[first : first + family.size]
        left = ~mine & (first < stay)
        first += family.size
        if np.any(mine):
            conditions.append(compact(expose(family, np.flatnonzero(mine)).family))
        if np.any(left):
            checks.append(compact(expose(family, np.flatnonzero(left)).family))
            check_orders.append(orders[k] if k < len(orders) else 0)
    free = np.concatenate(
        [np.sort(np.searchsorted(states, movable[determined])), len(states) + np.arange(implicit)]
    ).astype(np.int64)
    undecided = movable[:open_count][~determined[:open_count]]
    found = Initial(free, tuple(conditions), tuple(checks), tuple(check_orders))
    return found, _undecided(flat, undecided)


def _start_conditions(flat: FlatModel, among: np.ndarray) -> tuple[Family, ...]:
    """`variable - start = 0` for every start that is not that of a state, for the variables `among`."""
    result = []
    for definition in flat.starts:
        rows = np.flatnonzero(~flat.is_state[definition.targets] & among[definition.targets])
        if len(rows):
            targets = definition.targets[rows]
            value = definition.value
            result.append(
                Family(
                    slot(0) - slot(1),
                    ("var", "start"),
                    np.column_stack([targets, targets]),
                    value.origins,
                    value.which[rows],
                )
            )
    return tuple(result)


def _determine(
    flat: FlatModel,
    inc: Incidence,
    pairing: np.ndarray,
    families: tuple[Family, ...],
    movable: np.ndarray,
    open_count: int,
    stay: int,
    evaluated: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Masks: the members of `families` that determine a state, and the states `movable` that they determine.

    All may determine the first `open_count` states; the others are only for what the first `stay` members
    leave. In the first `evaluated` families, what has no influence at the start values does not count as
    mentioned.
    """
    count = sum(f.size for f in families)
    if not count or not len(movable):
        return np.zeros(count, dtype=bool), np.zeros(len(movable), dtype=bool)
    unknowns = inc.unknowns
    of_var = unknowns.of_var.copy()
    of_var[movable] = unknowns.size + np.arange(len(movable))
    row, column = occurrences(flat.equations + families, of_var, unknowns.of_der)
    if evaluated:
        numbers = of_var, unknowns.of_der
        weak = _without_influence(flat, families[:evaluated], *numbers, max(1, len(of_var) + unknowns.size))
        kept = ~np.isin((row - inc.equations) * max(1, len(of_var) + unknowns.size) + column, weak)
        row, column = row[kept], column[kept]
    # States first: the shortest way for a condition is a state of its own.
    order = np.lexsort((column < unknowns.size, row))
    rows = inc.equations + count
    start = np.searchsorted(row[order], np.arange(rows + 1)).tolist()
    neighbours = column[order].tolist()
    of_row = [*pairing.tolist(), *([-1] * count)]
    of_column = [-1] * (unknowns.size + len(movable))
    for r, c in enumerate(pairing.tolist()):
        of_column[c] = r
    for last, closed in ((rows, len(movable) - open_count), (inc.equations + stay, 0)):
        # A default state looks occupied while it must not move: by equation 0, which leads nowhere new.
        visited = [False] * len(of_column)
        for c in range(len(of_column) - closed, len(of_column)):
            visited[c], of_column[c] = True, 0
        for r in range(inc.equations, last):
            trail: list[int] = []
            if of_row[r] < 0 and grow(r, start, neighbours, of_row, of_column, visited, trail):
                for c in trail:
                    visited[c] = False
        for c in range(len(of_column) - closed, len(of_column)):
            of_column[c] = -1
    return np.array(of_row[inc.equations :]) >= 0, np.array(of_column[unknowns.size :]) >= 0


def _without_influence(
    flat: FlatModel, families: tuple[Family, ...], of_var: np.ndarray, of_der: np.ndarray, width: int
) -> np.ndarray:
    """`row * width + column` where the derivative of an equation by what it mentions is zero at the start."""
    beginning = StartValues(flat)
    result, first = [np.zeros(0, dtype=np.int64)], 0
    for family in families:
        for k, kind in enumerate(family.kinds):
            if kind in ("var", "der"):
                number = (of_var if kind == "var" else of_der)[family.table[:, k]]
                weak = np.flatnonzero((np.abs(beginning.partial(family, k)) < WEAK) & (number >= 0))
                result.append((first + weak) * width + number[weak])
        first += family.size
    return np.concatenate(result)


def _undecided(flat: FlatModel, states: np.ndarray) -> tuple[Diagnostic, ...]:
    """The warning that `states` have no start value."""
    if not len(states):
        return ()
    guessed = np.zeros(flat.size, dtype=bool)
    for definition in flat.guesses:
        guessed[definition.targets] = True
    names = [f"`{flat.variable_name(int(v))}`" for v in states[:LABELS]]
    more = f" and {len(states) - LABELS} more" if len(states) > LABELS else ""
    where = (
        "at 0" if not np.any(guessed[states]) else "at its guess" if len(states) == 1 else "at guesses or 0"
    )
    verb = "has no start value and begins" if len(states) == 1 else "have no start value and begin"
    labels = []
    for block in flat.variables:
        inside = states[(states >= block.offset) & (states < block.offset + block.size)]
        if len(inside) and len(labels) < LABELS:
            labels.append(Label(block.span, "no `start`"))
    return (
        Diagnostic(
            code="W0401",
            title=f"{', '.join(names)}{more} {verb} {where}",
            labels=tuple(labels),
            help="write `start` at the declaration, or an equation in `initial`",
        ),
    )
