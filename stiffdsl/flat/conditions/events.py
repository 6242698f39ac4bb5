"""Events: what each `when` waits for and does, as families over its members, and discrete variables.

    when T > Tset + 0.5 and on        holds   if T > Tset + 0.5 and on != 0 then 1 else 0
      on := false                     guard   min(T - (Tset + 0.5), if on != 0 then 1e100 else -1e100)
    end

A discrete variable is a state whose derivative is zero: it keeps its value between events. An event has one member for
each repetition (`for`, arrays of parts), so that a thousand thermostats are one event.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from stiffdsl.check.quantities.si import plain_number
from stiffdsl.diagnostics import Span
from stiffdsl.flat.aliases import Aliases, with_signs
from stiffdsl.flat.arrays.shapes import shape_of, text
from stiffdsl.flat.conditions.guards import as_family, guard_of, is_met_by_time, truth_of
from stiffdsl.flat.conditions.pending import ExpandedAction, Trigger, add_pending
from stiffdsl.flat.context import Context
from stiffdsl.flat.domain import IterationDomain, split_rows
from stiffdsl.flat.expand import StatementExpansion
from stiffdsl.flat.families import Rows
from stiffdsl.flat.instance import Fault, Node
from stiffdsl.flat.model import Block, Event, Family, RunEnd
from stiffdsl.flat.template import MINUS_ONE, Skeleton
from stiffdsl.syntax import tree


def add_discrete(context: Context, block: Block, span: Span) -> None:
    """`der(x) = 0` for the scalars of a discrete variable."""
    own = block.offset + np.arange(block.size)
    context.equations.add(Rows(("slot", 0), ("der",), (own,), (), block.size, span))


def add_when(context: Context, node: Node, statement: tree.When, domain: IterationDomain) -> None:
    """The events of a `when` for the members of `domain`."""
    if not domain.size:
        return
    done: list[list[_Branch]] = []

    def expand(rows: np.ndarray) -> None:
        here = domain.take(rows)
        done.append([_Branch.of(context, node, b, here) for b in statement.branches])

    list(split_rows(domain.size, expand))
    for branches in done:
        chain = context.chains
        context.chains += 1
        for branch in branches:
            branch.add(context, chain)


@dataclass(frozen=True, eq=False)
class _Branch:
    """One branch of a `when`, expanded: rows over its members."""

    branch: tree.WhenBranch
    holds: Rows
    guard: Rows | None
    actions: tuple[ExpandedAction, ...]
    condition: Rows | None = None
    after: Rows | None = None
    priority: Rows | None = None

    @classmethod
    def of(cls, context: Context, node: Node, branch: tree.WhenBranch, domain: IterationDomain) -> "_Branch":
        def rows(expr: tree.Expr, of: IterationDomain = domain) -> Rows:
            context.divide(expr)
            expansion = StatementExpansion(context, node, of, auxiliary=False, reducing=True)
            return expansion.rows(expansion.lift(expansion.expand(expr)), expr.span)

        assigned = (a for a in branch.actions if isinstance(a, tree.Assign))
        actions = tuple(part for a in assigned for part in _actions(context, node, a, domain, rows))
        timings = [None if e is None else rows(e) for e in (_delay(branch), branch.priority)]
        if branch.condition is None:
            times = rows(_times(branch))
            if branch.period is not None and branch.first is None:
                times = _since_the_beginning(times, context.beginning(branch.span))
            return cls(branch, times, None, actions, None, *timings)
        condition = rows(branch.condition)
        guard = None if is_met_by_time(condition) else guard_of(condition)
        return cls(branch, truth_of(condition), guard, actions, condition, *timings)

    def add(self, context: Context, chain: int) -> None:
        """Its events: one, or those that make its actions wait."""
        stopped, branch = self._stop(context), self.branch
        if not branch.waits:
            context.events.append(self._event(context, chain, stopped))
            return
        count = self.holds if branch.period is not None else None
        parts = (branch, self.condition, count, self.after, self.priority, self.actions)
        add_pending(context, Trigger(*parts, stopped, self.holds.size, chain))

    def _stop(self, context: Context) -> int:
        """The number of what ends the run, 0: nothing."""
        stopped = 0
        for action in self.branch.actions:
            if isinstance(action, tree.Stop):
                context.stops.append(RunEnd(action.text, action.fails, self.branch.span))
                stopped = len(context.stops)
        return stopped

    def _event(self, context: Context, chain: int, stopped: int) -> Event:
        branch, size = self.branch, self.holds.size
        return Event(
            holds=as_family(context, self.holds),
            guard=None if self.guard is None else as_family(context, self.guard),
            at_start=branch.at_start,
            from_start=branch.from_start,
            periodic=branch.period is not None,
            chain=chain,
            actions=tuple(a.action(context) for a in self.actions),
            stop=stopped,
            size=size,
            span=branch.span,
        )


def _delay(branch: tree.WhenBranch) -> tree.Expr | None:
    """The delay of a branch. Raises `Fault` where it is a negative number."""
    number = None if branch.after is None else plain_number(branch.after)
    if number is not None and not number >= 0:
        assert branch.after is not None
        raise Fault("E0308", "the delay of a `when` is negative", branch.after.span)
    return branch.after


def _since_the_beginning(rows: Rows, beginning: int) -> Rows:
    """`rows` with what has passed of a run in the place of time."""
    own = ("slot", len(rows.kinds))

    def of(skeleton: Skeleton) -> Skeleton:
        if skeleton == ("time",):
            return ("add", skeleton, ("mul", MINUS_ONE, own))
        return tuple(of(part) if isinstance(part, tuple) else part for part in skeleton)

    columns = (*rows.columns, np.full(rows.size, beginning))
    return replace(rows, skeleton=of(rows.skeleton), kinds=(*rows.kinds, "param"), columns=columns)


def _times(branch: tree.WhenBranch) -> tree.Expr:
    """The number of times that `every` has fired; of `start` alone, zero."""
    span = branch.span
    one, zero = tree.Number(1.0, None, span), tree.Number(0.0, None, span)
    if branch.period is None:
        return zero
    number = plain_number(branch.period)
    if number is not None and not number > 0:
        raise Fault("E0308", "the period of a `when every` is not positive", branch.period.span)
    first = branch.period if branch.first is None else branch.first
    since = tree.Binary("-", tree.Name((tree.Part("time"),), span), first, span)
    passed = tree.Call("floor", (tree.Binary("/", since, branch.period, span),), (), span)
    return tree.Call("max", (tree.Binary("+", passed, one, span), zero), (), span)


def _actions(
    context: Context, node: Node, action: tree.Assign, domain: IterationDomain, rows: Callable[..., Rows]
) -> list[ExpandedAction]:
    """An assignment for its members: in parts, where conditions on indices choose among the values."""
    context.divide(action.value)
    look = StatementExpansion(context, node, domain)
    shape = shape_of(look, action.target)
    given = shape_of(look, action.value)
    if given and given != shape:
        raise Fault("E0305", f"`{text(action.target)}` is set to an array of another shape", action.span)
    of = domain.product(shape) if shape else domain
    owner = np.repeat(np.arange(domain.size), of.size // domain.size)
    expansion = StatementExpansion(context, node, of, auxiliary=False)
    slot = expansion.expand(action.target)
    assert isinstance(slot, tuple), "check lets nothing but variables be assigned"
    assert expansion.kinds[slot[1]] == "var", "check lets nothing but variables be assigned"
    targets = expansion.columns[slot[1]]
    adds = action.target in _terms(action.value)
    parts: list[ExpandedAction] = []

    def expand(part: np.ndarray) -> None:
        parts.append(ExpandedAction(owner[part], targets[part], rows(action.value, of.take(part)), adds))

    list(split_rows(of.size, expand))
    return parts


def _terms(expr: tree.Expr) -> list[tree.Expr]:
    """The terms of a sum that are not subtracted, as it is written."""
    if not isinstance(expr, tree.Binary) or expr.operator not in ("+", "-"):
        return [expr]
    return _terms(expr.left) + (_terms(expr.right) if expr.operator == "+" else [])


def on_representatives(event: Event, aliases: Aliases) -> Event:
    """The event after alias elimination."""
    return replace(
        event,
        holds=with_signs(event.holds, aliases),
        guard=None if event.guard is None else with_signs(event.guard, aliases),
        actions=tuple(replace(a, value=with_signs(a.value, aliases)) for a in event.actions),
    )


def families_of(events: tuple[Event, ...]) -> Iterator[Family]:
    """All families that events evaluate."""
    for event in events:
        yield event.holds
        if event.guard is not None:
            yield event.guard
        yield from (a.value for a in event.actions)
