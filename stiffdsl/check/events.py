"""Events: conditions, actions and assertions of a class."""

from dataclasses import replace

from stiffdsl.check.enums import labelled
from stiffdsl.check.expressions import Walker
from stiffdsl.check.names import dotted, is_wrong, names_in
from stiffdsl.check.quantities import dimensions
from stiffdsl.check.quantities.units import parse_unit
from stiffdsl.check.symbols import Instance, NetworkMember, Quantity, TableMember
from stiffdsl.check.typed import Level, Typed, as_condition
from stiffdsl.diagnostics import Span
from stiffdsl.syntax import tree

ASSIGNED = ("var", "output", "discrete", "potential", "flow")
_SECONDS, _NUMBER = parse_unit("s"), parse_unit("1")


class Events:
    """Elaborates the events of one class."""

    def __init__(self, walker: Walker):
        self.walker = walker
        self.report = walker.report

    def when(self, statement: tree.When) -> tree.When:
        branches = tuple([self._branch(b) for b in statement.branches])
        return tree.When(branches, statement.span)

    def asserted(self, statement: tree.Assert) -> tree.When:
        """`assert c` is a `when not c` that ends the run as a failure, at its start too."""
        walker, span = self.walker, statement.span
        walker.start_expression(span)
        value = as_condition(walker.walk(statement.condition))
        self._scalar(value, statement.condition.span)
        self._changes(value, statement.condition, "this can never turn false during a run")
        wrong = tree.Unary("not", value.expr, statement.condition.span)
        stop = tree.Stop(statement.text, span, fails=True)
        return tree.When((tree.WhenBranch(wrong, False, None, None, (stop,), span, from_start=True),), span)

    def _branch(self, branch: tree.WhenBranch) -> tree.WhenBranch:
        walker = self.walker
        walker.start_expression(branch.span)
        actions = tuple([a for action in branch.actions if (a := self._action(action)) is not None])
        self._set_once(branch.actions)
        if not branch.actions:
            help = 'write what is to happen, as in `on := false` or `stop "full"`'
            self.report.say("E0260", "this `when` does nothing", (branch.span, "has no actions"), help=help)
        timings = self._timings(branch)
        if branch.period is not None:
            period = self._time(branch.period, "the period of a `when every`")
            first = (
                None if branch.first is None else self._time(branch.first, "the first time of a `when every`")
            )
            return replace(branch, period=period, first=first, actions=actions, **timings)
        if branch.condition is None:
            return replace(branch, actions=actions, **timings)
        value = as_condition(walker.walk(branch.condition))
        self._scalar(value, branch.condition.span)
        self._changes(value, branch.condition, "this can never turn true during a run")
        self._equalities(branch.condition)
        return replace(branch, condition=value.expr, actions=actions, **timings)

    def _timings(self, branch: tree.WhenBranch) -> dict[str, tree.Expr]:
        """The delay and the priority of a branch."""
        walker, found = self.walker, {}
        if branch.after is not None:
            walker.start_expression(branch.after.span)
            what = "the delay of a `when`"
            found["after"] = walker.given(branch.after, _SECONDS, Level.UNKNOWN, what)
        if branch.priority is not None:
            walker.start_expression(branch.priority.span)
            found["priority"] = walker.given(branch.priority, _NUMBER, Level.UNKNOWN, "a priority")
        for name, value in found.items():
            self._scalar(value, getattr(branch, name).span)
        if branch.dropped and branch.condition is None:
            self.report.say(
                "E0266",
                "`while` needs a condition that may turn false",
                (
                    branch.span,
                    "waits for times alone" if branch.period is not None else "waits for the start",
                ),
                help="leave `while` out",
            )
        return {name: value.expr for name, value in found.items()}

    def _scalar(self, value: Typed, span: Span) -> None:
        if value.rank:
            help = "write a `for` around the `when`"
            self.report.say("E0226", "a condition is a scalar", (span, "this is an array"), help=help)

    def _changes(self, value: Typed, condition: tree.Expr, label: str) -> None:
        if (
            value.level < Level.SIGNAL
            and not is_wrong(value)
            and all(not is_wrong(self.walker.walk(name)) for name in names_in(condition))
        ):
            self.report.say(
                "E0261",
                "this condition is decided before the run begins",
                (condition.span, label),
                help="an event waits for a variable, an input or `time`; `when start` acts once at the beginning",
            )

    def _set_once(self, actions: tuple[tree.Assign | tree.Stop, ...]) -> None:
        """Say so where a branch sets one variable twice."""
        lines: dict[str, tree.Assign] = {}
        for action in actions:
            if not isinstance(action, tree.Assign) or any(p.indices for p in action.target.parts):
                continue
            name = dotted(action.target)
            if name in lines:
                self.report.say(
                    "E0267",
                    f"this event sets `{name}` twice",
                    (action.target.span, "a second time"),
                    (lines[name].target.span, "the first time"),
                    notes=("right sides see the values just before the event: its lines have no order",),
                    help=f"write one value, as in `{name} := if c then a else b`",
                )
            lines.setdefault(name, action)

    def _equalities(self, condition: tree.Expr) -> None:
        """Say so where a condition holds only while numbers that move are equal."""
        match condition:
            case tree.Unary("not"):
                return
            case tree.Binary("and" | "or"):
                self._equalities(condition.left)
                self._equalities(condition.right)
            case tree.Binary("=="):
                names = names_in(condition)
                if any(dotted(name) == "time" for name in names):
                    self.report.say(
                        "E0268",
                        "no step of a run need meet this moment",
                        (condition.span, "is not looked for"),
                        help="write `time >= …`: it acts at that time exactly; or `when every 10 [s] from 5 [s]`",
                    )
                elif any(self._moves(name) for name in names):
                    self.report.say(
                        "W0203",
                        "what moves passes a value without being equal to it",
                        (condition.span, "may hold in no step of a run"),
                        help="write `>=` or `<=`: an event acts when its condition turns true",
                    )

    def _moves(self, name: tree.Name) -> bool:
        """Whether a name is that of a quantity that changes between events, of no enumeration."""
        entity, member = self.walker.names.entity, None
        for part in name.parts:
            member = entity.members.get(part.name) if entity is not None else None
            entity = member.entity if isinstance(member, Instance) else None
        return (
            isinstance(member, Quantity)
            and member.variable.kind in ("var", "potential", "flow")
            and member.labels is None
        )

    def _time(self, expr: tree.Expr, what: str) -> tree.Expr:
        self.walker.start_expression(expr.span)
        value = self.walker.given(expr, _SECONDS, Level.PARAMETER, what)
        self._scalar(value, expr.span)
        return value.expr

    # --- actions -----------------------------------------------------------------------------------

    def _action(self, action: tree.Assign | tree.Stop) -> tree.Assign | tree.Stop | None:
        if isinstance(action, tree.Stop):
            return action
        walker = self.walker
        walker.start_expression(action.span)
        quantity = self._target(action.target)
        target = walker.resolver.resolve(action.target)
        labels = None if quantity is None else quantity.labels
        if labels is None:
            value = walker.number(action.value)
        else:
            value = labelled(walker, action.value, labels, f"what `{dotted(action.target)}` is set to")
        if quantity is None or is_wrong(target):
            return None
        if not dimensions.agree(target.dimension, value.dimension):
            a, b = dimensions.describe(target.dimension), dimensions.describe(value.dimension)
            walker.rules.mismatch(
                "E0502",
                f"`{dotted(action.target)}` is set to a value of another dimension",
                action.target.span,
                f"this is {a}",
                (action.value.span, f"this is {b}"),
            )
        else:
            walker.rules.unshown(target, value, action.value)
            walker.rules.offsets(target, value, action.target, action.value)
        if value.rank > target.rank or (value.rank and value.rank != target.rank):
            self.report.say(
                "E0226",
                "the two sides do not have the same number of indices",
                (action.span, f"{target.rank} on the left, {value.rank} on the right"),
            )
        assert isinstance(target.expr, tree.Name)
        return tree.Assign(target.expr, value.expr, action.span)

    def _target(self, name: tree.Name) -> Quantity | None:
        """The quantity that is assigned; says so where it cannot be."""
        names = self.walker.names
        entity, member = names.entity, None
        for part in name.parts:
            member = entity.members.get(part.name) if entity is not None else None
            if member is None:
                break
            entity = member.entity if isinstance(member, Instance) else None
        if isinstance(member, Quantity) and member.variable.kind in ASSIGNED:
            return member
        if (
            isinstance(member, Quantity | TableMember | NetworkMember)
            or dotted(name) in ("time", "pi", "true", "false")
            or (len(name.parts) == 1 and name.parts[0].name in names.iterators)
        ):
            kind = member.variable.kind if isinstance(member, Quantity) else "name"
            what = {"param": "a parameter", "input": "an input", "const": "a constant"}.get(
                kind, "no variable"
            )
            self.report.say(
                "E0262",
                f"`{dotted(name)}` cannot change at an event",
                (name.span, f"is {what}"),
                help=f"declare `discrete {dotted(name)}`: it keeps its value between events"
                if kind in ("param", "input")
                else None,
            )
        return None
