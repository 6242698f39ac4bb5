"""What holds at the initial time only: which entries of y are free then, and which conditions determine them.

A state with a `start` is fixed. The others are free as far as there are conditions for them: `initial`
equations, and a `start` given to something that is not a state. Which condition determines what is decided
by structure: an augmenting path from each condition, through the equations of the model, to a state without
a start. A condition without a path is redundant (`C start 0` beside `A + B + C = 1`) and becomes a check; a
state without a condition begins at its guess, or at zero, with a warning.
"""

import numpy as np

from stiffdsl.diagnostics import Diagnostic, Label
from stiffdsl.flat.model import Family, FlatModel, slot
from stiffdsl.graph.begin import Beginning
from stiffdsl.graph.explicit import compact, expose
from stiffdsl.graph.incidence import Incidence, occurrences
from stiffdsl.graph.match import grow
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
) -> tuple[Initial, tuple[Diagnostic, ...]]:
    """The initial problem for `y = [states, implicit unknowns]`, and what to warn of.

    `pairing[e]` is the unknown that equation e determines while all states are known.
    """
    started = np.zeros(flat.size, dtype=bool)
    for definition in flat.starts:
        started[definition.targets] = True
    open_states = states[~started[states]]
    families = invariants + flat.initial + tuple(_start_conditions(flat))
    chosen, determined = _determine(flat, inc, pairing, families, open_states, len(invariants))
    conditions, checks, first = [], [], 0
    for family in families:
        mine = chosen[first : first + family.size]
        first += family.size
        for members, place in ((np.flatnonzero(mine), conditions), (np.flatnonzero(~mine), checks)):
            if len(members):
                place.append(compact(expose(family, members).family))
    free = np.concatenate(
        [np.searchsorted(states, open_states[determined]), len(states) + np.arange(implicit)]
    ).astype(np.int64)
    return Initial(free, tuple(conditions), tuple(checks)), _undecided(flat, open_states[~determined])


def _start_conditions(flat: FlatModel) -> list[Family]:
    """`variable - start = 0` for every start that is not that of a state."""
    result = []
    for definition in flat.starts:
        rows = np.flatnonzero(~flat.is_state[definition.targets])
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
    return result


def _determine(
    flat: FlatModel,
    inc: Incidence,
    pairing: np.ndarray,
    families: tuple[Family, ...],
    open_states: np.ndarray,
    evaluated: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Which members of `families` determine something, and which of `open_states` are determined by them.

    In the first `evaluated` families, what has no influence at the start values does not count as mentioned.
    """
    count = sum(f.size for f in families)
    if not count or not len(open_states):
        return np.zeros(count, dtype=bool), np.zeros(len(open_states), dtype=bool)
    unknowns = inc.unknowns
    of_var = unknowns.of_var.copy()
    of_var[open_states] = unknowns.size + np.arange(len(open_states))
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
    of_column = [-1] * (unknowns.size + len(open_states))
    for r, c in enumerate(pairing.tolist()):
        of_column[c] = r
    visited = [False] * len(of_column)
    for r in range(inc.equations, rows):
        trail: list[int] = []
        if grow(r, start, neighbours, of_row, of_column, visited, trail):
            for c in trail:
                visited[c] = False
    return np.array(of_row[inc.equations :]) >= 0, np.array(of_column[unknowns.size :]) >= 0


def _without_influence(
    flat: FlatModel, families: tuple[Family, ...], of_var: np.ndarray, of_der: np.ndarray, width: int
) -> np.ndarray:
    """`row * width + column` where the derivative of an equation by what it mentions is zero at the start."""
    beginning = Beginning(flat)
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
