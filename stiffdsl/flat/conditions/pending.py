"""Events whose actions wait (`after`, `holding`, `while`, `priority`), made of events that act at once.

    when x > 1 after 2 holding       x > 1                              due := time + 2, held := z; noted := 1
      y := z                         not x > 1                          noted := 0
    end                              time >= due, x > 1 is noted        y := held, due := never

`due` and `held` are hidden discrete variables, a place for each action that may wait at once, in the order of their
times. `noted` is the condition as it was when last looked at: while it is not what the condition is, nothing that waits
acts, so that what turns true at an instant is put in its place before anything acts there. Of what is due and has a
priority, the highest acts alone, then, on the values that it leaves, the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from stiffdsl.check.quantities.si import plain_number
from stiffdsl.diagnostics import Span
from stiffdsl.flat.conditions.guards import as_family, guard_of, truth_of, without_rates
from stiffdsl.flat.context import Context
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Fault
from stiffdsl.flat.model import Action, Event, RunEnd
from stiffdsl.flat.template import Skeleton
from stiffdsl.syntax import tree

# Actions of one member that may wait at once: behind a delay, and for those of higher priority.
DELAYED, BEHIND_OTHERS = 8, 2
# A time that never comes, and one between it and all others.
NEVER, LATER = 1e100, 1e99
# A delay that is negative by less than this part of the time is none.
ROUNDING = 1e-9
# Members with a priority in a model: each is compared with all others, and acts in a round of its own.
MOST_PRIORITIES = 24
_HALF = ("num", 0.5)


@dataclass(frozen=True, eq=False)
class ExpandedAction:
    """An `Action` whose values are rows yet."""

    owner: np.ndarray
    targets: np.ndarray
    value: Rows
    adds: bool

    def action(self, context: Context) -> Action:
        return Action(self.owner, self.targets, as_family(context, self.value), self.adds)


@dataclass(frozen=True, eq=False)
class Trigger:
    """A branch of a `when`, expanded, whose actions wait: its `condition`, or the `count` of times that have passed."""

    branch: tree.WhenBranch
    condition: Rows | None
    count: Rows | None
    after: Rows | None
    priority: Rows | None
    actions: tuple[ExpandedAction, ...]
    stop: int
    size: int
    chain: int

    @property
    def span(self) -> Span:
        return self.branch.span


class _Combined:
    """Values over the same members in one expression."""

    def __init__(self, size: int, span: Span):
        self.size, self.span = size, span
        self.kinds: list[str] = []
        self.columns: list[np.ndarray] = []
        self.sums: list[tuple[Rows, np.ndarray]] = []

    def of(self, rows: Rows) -> Skeleton:
        first = {"slot": len(self.kinds), "total": len(self.sums)}
        self.kinds += rows.kinds
        self.columns += rows.columns
        self.sums += rows.sums

        def moved(skeleton: Skeleton) -> Skeleton:
            if skeleton[0] in first:
                return (skeleton[0], skeleton[1] + first[skeleton[0]])
            return tuple(moved(part) if isinstance(part, tuple) else part for part in skeleton)

        return moved(rows.skeleton)

    def slot(self, kind: str, column: np.ndarray) -> Skeleton:
        self.kinds.append(kind)
        self.columns.append(column)
        return ("slot", len(self.kinds) - 1)

    def rows(self, skeleton: Skeleton) -> Rows:
        return Rows(skeleton, tuple(self.kinds), tuple(self.columns), tuple(self.sums), self.size, self.span)


def _picked(rows: Rows, at: np.ndarray) -> Rows:
    """The members `at` of rows."""
    sums = []
    for terms, owner in rows.sums:
        order = np.argsort(owner, kind="stable")
        first, last = (np.searchsorted(owner[order], at, side) for side in ("left", "right"))
        own = [order[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        chosen = np.concatenate([np.zeros(0, dtype=np.int64), *own])
        sums.append((_picked(terms, chosen), np.repeat(np.arange(len(at)), last - first)))
    columns = tuple(c[at] for c in rows.columns)
    return replace(rows, columns=columns, sums=tuple(sums), size=len(at), lines=None)


@dataclass(eq=False)
class _Queue:
    """The places of a trigger: when actions are due, what is held for them, and the condition as it was noted."""

    context: Context
    trigger: Trigger
    due: list[np.ndarray] = field(default_factory=list)
    held: list[list[np.ndarray]] = field(default_factory=list)
    noted: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        trigger, branch = self.trigger, self.trigger.branch
        places = 1 if branch.dropped else DELAYED if branch.after is not None else BEHIND_OTHERS
        self.due = [self._discrete(trigger.size, "due", NEVER) for _ in range(places)]
        if branch.holding:
            self.held = [
                [self._discrete(a.value.size, "held", 0.0) for _ in range(places)] for a in trigger.actions
            ]
        self.noted = self._discrete(trigger.size, "noted", 0.0)

    def _discrete(self, size: int, label: str, start: float) -> np.ndarray:
        context, span = self.context, self.trigger.span
        column = context.hidden(size, label, span) + np.arange(size)
        context.held.append(column)
        context.equations.add(Rows(("slot", 0), ("der",), (column,), (), size, span))
        context.starts.append((column, Rows(("num", start), (), (), (), size, span)))
        return column

    def level(self, c: _Combined) -> Skeleton:
        """The level that a trigger rises by: 1 where its condition holds, else 0, or the number of times passed."""
        trigger = self.trigger
        if trigger.condition is not None:
            return ("if", c.of(trigger.condition), ("num", 1.0), ("num", 0.0))
        return ("num", 0.0) if trigger.count is None else c.of(trigger.count)

    def fresh(self, c: _Combined, at: np.ndarray) -> Skeleton | None:
        """Whether the trigger of members `at` has risen and is not noted; None where that is never."""
        trigger, noted = self.trigger, c.slot("var", self.noted[at])
        if trigger.condition is not None:
            return ("and", c.of(_picked(trigger.condition, at)), ("<", noted, _HALF))
        if trigger.count is None:
            return None
        return (">", c.of(_picked(trigger.count, at)), ("add", noted, _HALF))

    def ready(self, c: _Combined, at: np.ndarray) -> Skeleton:
        """Whether an action of members `at` is due."""
        trigger = self.trigger
        parts: list[Skeleton] = [(">=", ("time",), c.slot("var", self.due[0][at]))]
        if trigger.branch.dropped:
            assert trigger.condition is not None
            parts.append(c.of(_picked(trigger.condition, at)))
            parts.append((">", c.slot("var", self.noted[at]), _HALF))
        else:
            fresh = self.fresh(c, at)
            parts += [] if fresh is None else [("not", fresh)]
        return ("and", *parts) if len(parts) > 1 else parts[0]

    # --- events ---

    def add_events(self) -> None:
        """The events that put actions in their places."""
        trigger, context = self.trigger, self.context
        every = np.arange(trigger.size)
        rise, never = trigger.condition, self._rows(lambda c: ("bool", False))
        notes = Action(every, self.noted, as_family(context, self._rows(self.level)))
        # What holds at the start has not turned true.
        context.events.append(replace(_event(context, trigger, never, [notes], None), at_start=True))
        actions = [*self._inserted(), notes]
        if rise is not None:
            event = _event(context, trigger, rise, actions, rise)
        else:
            holds = as_family(context, self._rows(self.level))
            event = _event(context, trigger, never, actions, None)
            event = replace(event, holds=holds, periodic=trigger.count is not None)
        context.events.append(replace(event, chain=trigger.chain, at_start=trigger.branch.at_start))
        if rise is not None:
            falls = replace(rise, skeleton=("not", rise.skeleton))
            forgets = [(self.noted, 0.0), *([(self.due[0], NEVER)] if trigger.branch.dropped else [])]
            actions = [Action(every, column, self._number(value)) for column, value in forgets]
            context.events.append(_event(context, trigger, falls, actions, falls))
        self._add_limits()

    def _rows(self, make) -> Rows:
        c = _Combined(self.trigger.size, self.trigger.span)
        return c.rows(make(c))

    def _number(self, value: float):
        return as_family(self.context, self._rows(lambda c: ("num", value)))

    def _when_due(self, c: _Combined, at: np.ndarray) -> Skeleton:
        after = self.trigger.after
        return ("time",) if after is None else ("add", ("time",), c.of(_picked(after, at)))

    def _inserted(self) -> list[Action]:
        """Places with another action in the order of their times, behind those of the same time."""
        every, found = np.arange(self.trigger.size), []
        for k, column in enumerate(self.due):

            def place(c: _Combined, k=k, column=column) -> Skeleton:
                mine: Skeleton = ("call", "min", c.slot("var", column), self._when_due(c, every))
                return mine if k == 0 else ("call", "max", c.slot("var", self.due[k - 1]), mine)

            found.append(Action(every, column, as_family(self.context, self._rows(place))))
        for action, held in zip(self.trigger.actions, self.held, strict=False):
            owner, value = action.owner, action.value
            for k, column in enumerate(held):
                c = _Combined(value.size, value.span)
                new, mine = self._when_due(c, owner), c.slot("var", column)
                other = c.of(value)
                if k:
                    before = c.slot("var", self.due[k - 1][owner])
                    other = ("if", (">=", new, before), other, c.slot("var", held[k - 1]))
                chosen = ("if", (">=", new, c.slot("var", self.due[k][owner])), mine, other)
                family = as_family(self.context, c.rows(chosen))
                found.append(Action(owner, column, family))
        return found

    def _add_limits(self) -> None:
        """Ends of the run where a trigger has no place left, or a delay is negative."""
        trigger, every = self.trigger, np.arange(self.trigger.size)
        wrong: list[tuple[str, Rows]] = []
        full, late = (_Combined(trigger.size, trigger.span) for _ in range(2))
        fresh = self.fresh(full, every)
        if fresh is not None and not trigger.branch.dropped:
            taken = ("<", full.slot("var", self.due[-1]), ("num", LATER))
            text = f"more than {len(self.due)} actions of this `when` wait at once"
            wrong.append((text, full.rows(("and", fresh, taken))))
        fresh, after = self.fresh(late, every), trigger.branch.after
        if (
            fresh is not None
            and trigger.after is not None
            and after is not None
            and plain_number(after) is None
        ):
            delay = late.of(trigger.after)
            # Squares: the size of time would be a condition on time alone.
            rounding = ("mul", ("num", ROUNDING**2), ("time",), ("time",))
            negative = ("and", ("<", delay, ("num", 0.0)), (">", ("mul", delay, delay), rounding))
            wrong.append(("the delay of this `when` is negative", late.rows(("and", fresh, negative))))
        for text, rows in wrong:
            self.context.stops.append(RunEnd(text, True, trigger.span, "an event cannot be kept"))
            event = _event(self.context, trigger, rows, [], trigger.condition)
            self.context.events.append(replace(event, stop=len(self.context.stops)))

    def add_acts(self, rows: Rows) -> None:
        """The event that acts where `rows` hold, and frees the first place."""
        trigger, context, span = self.trigger, self.context, self.trigger.span

        def of(column: np.ndarray) -> Rows:
            return Rows(("slot", 0), ("var",), (column,), (), len(column), span)

        actions, every = [], np.arange(trigger.size)
        for k, action in enumerate(trigger.actions):
            # What was held is what the right side was, whatever the variable is now.
            given = replace(action, value=of(self.held[k][0]), adds=False) if self.held else action
            actions.append(given.action(context))
        queues = [
            (every, self.due),
            *((a.owner, h) for a, h in zip(trigger.actions, self.held, strict=False)),
        ]
        for owner, places in queues:
            for column, later in pairwise(places):
                actions.append(Action(owner, column, as_family(context, of(later))))
        actions.append(Action(every, self.due[-1], self._number(NEVER)))
        # The time at which it is due, whatever else is asked for: that is what it is located by.
        due = self._rows(lambda c: (">=", ("time",), c.slot("var", self.due[0])))
        event = _event(context, trigger, rows, actions, due)
        context.events.append(replace(event, stop=trigger.stop, quiet=False))


def _event(
    context: Context, trigger: Trigger, condition: Rows, actions: Iterable[Action], located: Rows | None
) -> Event:
    """An event that waits for a condition, located by where another turns true, if by any, and that is not told."""
    context.chains += 1
    return Event(
        holds=as_family(context, truth_of(condition)),
        guard=None if located is None else as_family(context, guard_of(located)),
        at_start=False,
        from_start=False,
        periodic=False,
        chain=context.chains - 1,
        actions=tuple(actions),
        stop=0,
        size=trigger.size,
        span=trigger.span,
        quiet=True,
    )


def add_pending(context: Context, trigger: Trigger) -> None:
    """The events of a trigger; those with a priority act when all others are known (`add_prioritized`)."""
    parts = (trigger.condition, trigger.after, trigger.priority)
    condition, after, priority = (None if r is None else without_rates(context, r) for r in parts)
    trigger = replace(trigger, condition=condition, after=after, priority=priority)
    queue = _Queue(context, trigger)
    queue.add_events()
    if trigger.priority is not None:
        context.prioritized.append(queue)
        return
    c = _Combined(trigger.size, trigger.span)
    queue.add_acts(c.rows(queue.ready(c, np.arange(trigger.size))))


def add_prioritized(context: Context) -> None:
    """The actions by priority: the highest of what is due, of equal ones the first as they are written."""
    queues: list[_Queue] = context.prioritized
    members = [(queue, m) for queue in queues for m in range(queue.trigger.size)]
    if len(members) > MOST_PRIORITIES:
        raise Fault(
            "E0306",
            f"{len(members)} events have a priority",
            queues[-1].trigger.span,
            f"at most {MOST_PRIORITIES} can be ordered",
        )
    first = 0
    for queue in queues:
        size = queue.trigger.size
        every, c = np.arange(size), _Combined(size, queue.trigger.span)
        assert queue.trigger.priority is not None
        own = c.of(queue.trigger.priority)
        place = c.slot("const", context.constant_ids(first + every))
        parts = [queue.ready(c, every)]
        for k, (other, m) in enumerate(members):
            at = np.full(size, m)
            assert other.trigger.priority is not None
            theirs = c.of(_picked(other.trigger.priority, at))
            if other is not queue or size > 1:
                equal = ("and", (">=", theirs, own), (">", place, ("num", float(k))))
                sooner = ("or", (">", theirs, own), equal)
                parts.append(("not", ("and", other.ready(c, at), sooner)))
            if other is not queue:
                fresh = other.fresh(c, at)
                parts += [] if fresh is None else [("not", fresh)]
        queue.add_acts(c.rows(("and", *parts)))
        first += size
