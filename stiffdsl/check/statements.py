"""Equations, connections, loops, reactions and the experiment of a class, each by its own rules."""

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

from stiffdsl.check import labels
from stiffdsl.check.choices import Unpaired, chosen
from stiffdsl.check.definitions import defined_by, definitions
from stiffdsl.check.events import Events
from stiffdsl.check.expressions import Walker
from stiffdsl.check.fields.conditions import Branch, Conditions
from stiffdsl.check.fields.members import has_fields
from stiffdsl.check.grouped_lines import check_grouped
from stiffdsl.check.model import ComponentUse
from stiffdsl.check.names import count_of, dotted, is_wrong, names_in
from stiffdsl.check.quantities import dimensions
from stiffdsl.check.quantities.units import NONE, Dimension, Unit, parse_unit
from stiffdsl.check.symbols import Entity, Instance, Quantity
from stiffdsl.check.typed import Level, Typed, as_condition
from stiffdsl.diagnostics import Span, did_you_mean, within
from stiffdsl.syntax import tree
from stiffdsl.syntax.rebuild import nodes_below
from stiffdsl.syntax.show import show_expression

# Settings of an `experiment` and their kinds: `span` two times, `number`, `time` a duration, `word`, `flag`.
EXPERIMENT_OPTIONS = {
    "time": "span",
    "rtol": "number",
    "atol": "number",
    "points": "number",
    "log": "flag",
    "method": "word",
    "include": "word",
    "max_steps": "number",
    "first_step": "time",
    "max_step": "time",
}

# Words of other tools for settings of a run, in small letters without underscores.
_OTHERS = {
    **dict.fromkeys(
        (
            "stoptime",
            "starttime",
            "stop",
            "start",
            "tstop",
            "tstart",
            "tend",
            "tfinal",
            "tspan",
            "end",
            "duration",
            "t",
        ),
        "the times of a run are `time 0..10`",
    ),
    **dict.fromkeys(("tolerance", "tol", "reltol", "rel"), "the relative tolerance is `rtol 1e-6`"),
    **dict.fromkeys(("abstol", "abs"), "the absolute tolerance is `atol 1e-9`"),
    **dict.fromkeys(
        ("dt", "step", "interval", "stepsize", "numberofintervals", "steps", "n", "saveat", "toutput"),
        "steps follow the tolerances, `points 201` is how many times are saved, `max_step 0.1` the longest step",
    ),
    **dict.fromkeys(("solver", "algorithm", "alg", "integrator"), "the solver is `method rodas5p`"),
}
WHOLE = "write `rate` in the place of `@` where this is the whole rate"
Species = tuple[tuple[int, tree.Name], ...]
_SECONDS = parse_unit("s")
_FORMS = {
    "span": "two times: `time 0..10`",
    "number": "a number",
    "time": "a time",
    "word": "a name",
    "flag": "nothing after its name",
}


class Statements:
    """Elaborates the statements of one class."""

    def __init__(self, walker: Walker):
        self.walker = walker
        self.report = walker.report
        self._events = Events(walker)
        self._connects = True
        self._around: tuple[tree.Iterator, ...] = ()
        self.conditions = Conditions(walker.fields, walker.resolver, self.report)
        self._has_fields = has_fields(walker.names.entity)
        # Components that hold the rates of labelled reactions.
        self.labels: list[ComponentUse] = []

    def equations(self, statements: Iterable[tree.Statement]) -> tuple[tree.Statement, ...]:
        """The section `equations`."""
        done = self._block(statements)
        self.conditions.close()
        return self._with_joins(done)

    def _with_joins(self, statements: Iterable[tree.Statement]) -> tuple[tree.Statement, ...]:
        """Statements with the equations of ends of the class's own fields that are connected: what flows there is known
        when all its equations have been read."""
        done: list[tree.Statement] = []
        for each in statements:
            match each:
                case tree.Connect() if _joins(each):
                    done += self.conditions.joined(each)
                case tree.For():
                    done.append(replace(each, body=self._with_joins(each.body)))
                case tree.IfEquation():
                    branches = tuple((c, self._with_joins(body)) for c, body in each.branches)
                    done.append(replace(each, branches=branches))
                case _:
                    done.append(each)
        return tuple(done)

    def initial(self, statements: Iterable[tree.Statement]) -> tuple[tree.Statement, ...]:
        """The section `initial`, where nothing can be connected."""
        self._connects = False
        done = self._block(statements)
        self._connects = True
        return done

    def _block(self, statements: Iterable[tree.Statement]) -> tuple[tree.Statement, ...]:
        given = tuple(statements)
        with self.report.unsaid():
            for definition in definitions(given, self.walker.names.entity):
                self._statement(definition)
        done: list[tree.Statement] = []
        for statement in given:
            if isinstance(statement, tree.GroupedLines):
                done += check_grouped(statement, self.walker, self._statement)
                continue
            if isinstance(statement, tree.IfEquation):
                done += self._choice(statement)
                continue
            if isinstance(statement, tree.Connect) and _joins(statement):
                done += self._joined(statement)
                continue
            kept = self._statement(statement)
            if kept is not None:
                done.append(kept)
        return tuple(done)

    def _joined(self, statement: tree.Connect) -> tuple[tree.Statement, ...]:
        """Ends of fields that are connected, as equations."""
        if not self._connects:
            self._connect(statement)
            return ()
        self.conditions.mention(statement)
        own = (
            isinstance(p, tree.At) and isinstance(p.value, tree.Name) and len(p.value.parts) == 1
            for p in statement.points
        )
        if any(own):
            return (statement,)
        return tuple(self.conditions.joined(statement))

    def _statement(self, statement: tree.Statement) -> tree.Statement | None:
        match statement:
            case tree.Equation():
                return self._equation(statement)
            case tree.Connect():
                return self._connect(statement)
            case tree.For():
                outer, iterators = self.walker.enter(statement.iterators)
                body = self._block(statement.body)
                self.walker.leave(outer)
                return tree.For(iterators, body, statement.span)
            case tree.When() | tree.Assert():
                return self._event(statement)

    def _choice(self, statement: tree.IfEquation) -> tuple[tree.Statement, ...]:
        """A block of equations under a condition: as it is where a constant decides, else one equation a place."""
        values = [None if c is None else self._condition(c) for c, _ in statement.branches]
        changes = any(value is not None and value.level > Level.CONSTANT for value in values)
        branches: list[tuple[tree.Expr | None, tuple[tree.Statement, ...]]] = []
        for k, (_, body) in enumerate(statement.branches):
            given = [None if v is None else v.expr for v in values[: k + 1]]
            holds = None if changes or self.walker.names.iterators else _alone(given)
            with self.conditions.in_branch(Branch(statement.span, k, holds)):
                branches.append((given[-1], self._block(body)))
        if not changes:
            return (tree.IfEquation(tuple(branches), statement.span),)
        for join in (s for _, body in branches for s in body if isinstance(s, tree.Connect) and _joins(s)):
            title = "ends of fields are connected in a block whose condition changes in a run"
            help = "let a `const` decide, or write what holds at each end: a value, a slope, or an equation of both"
            self.report.say("E0265", title, (join.span, "holds in one of its branches"), help=help)
            return ()
        conditions = [condition for condition, _ in branches if condition is not None]
        help = "every branch of a condition that changes in a run holds as many equations, `else` included"
        if len(conditions) == len(branches):
            title = "this block of equations has no `else`"
            self.report.say("E0265", title, (statement.span, "which equations hold otherwise?"), help=help)
            return ()
        try:
            return chosen(conditions, [body for _, body in branches], statement.span)
        except Unpaired as wrong:
            title = "the branches of this block do not hold as many equations"
            self.report.say(
                "E0265", title, (wrong.span, wrong.reason), (statement.span, "the block"), help=help
            )
            return ()

    def _condition(self, condition: tree.Expr) -> Typed:
        value = as_condition(self.walker.walk(condition))
        if value.rank:
            help = "write a `for` around the block"
            self.report.say("E0226", "a condition is a scalar", (condition.span, "is an array"), help=help)
        return value

    # --- equations -------------------------------------------------------------------------------

    def _equation(self, e: tree.Equation) -> tree.Equation | None:
        walker = self.walker
        walker.start_expression(e.span)
        walker.resolver.determines = isinstance(e.left, tree.Name | tree.Call)
        left = walker.number(e.left)
        walker.resolver.determines = False
        right = walker.number(e.right)
        if left.level < Level.SIGNAL and right.level < Level.SIGNAL and not self._mistaken(left, right):
            self.report.say(
                "E0250",
                "this equation mentions no variable",
                (e.span, "nothing here can change"),
                help=self._assignment_help(e, left),
            )
        elif not dimensions.agree(left.dimension, right.dimension):
            a, b = dimensions.describe(left.dimension), dimensions.describe(right.dimension)
            walker.rules.mismatch(
                "E0502",
                "the two sides of this equation have different dimensions",
                e.left.span,
                f"this is {a}",
                (e.right.span, f"this is {b}"),
                between=(left.dimension, right.dimension),
            )
        else:
            walker.rules.unshown(left, right, e.right)
            walker.rules.unshown(right, left, e.left)
            walker.rules.offsets(left, right, e.left, e.right)
        self._discrete(e)
        name = defined_by(e, walker.names.entity)
        if name is not None and left.offsets is None and right.offsets is not None:
            walker.resolver.learned[name] = right.offsets
        if left.rank and right.rank and left.rank != right.rank:
            self.report.say(
                "E0226",
                "the two sides do not have the same number of indices",
                (e.span, f"{count_of(left.rank, 'index', 'indices')} on the left, {right.rank} on the right"),
            )
        kept = e
        if left.expr is not e.left or right.expr is not e.right:
            kept = tree.Equation(left.expr, right.expr, e.span)
        return self.conditions.equation(e, kept) if self._has_fields and self._connects else kept

    def _discrete(self, e: tree.Equation) -> None:
        """An equation for a discrete variable is a slip: it would change in every instant."""
        entity, left = self.walker.names.entity, e.left
        if entity is None or not isinstance(left, tree.Name) or len(left.parts) != 1:
            return
        member = entity.members.get(left.parts[0].name)
        if isinstance(member, Quantity) and member.variable.kind == "discrete":
            name = dotted(left)
            self.report.say(
                "E0264",
                f"the discrete variable `{name}` has an equation",
                (e.span, "would determine it in every instant"),
                (member.span, "changes only in `when`"),
                help=f"declare it as `var {name}`, or set it in a `when`: `{name} := …`",
            )

    def _mistaken(self, *sides: Typed) -> bool:
        """True where a side holds a mistake that has been reported: then its level means nothing."""
        return any(not s.bare and s.level == Level.CONSTANT and s.dimension is None for s in sides)

    def _assignment_help(self, e: tree.Equation, left: Typed) -> str | None:
        if isinstance(e.left, tree.Name) and left.level <= Level.PARAMETER:
            return f"set it where it is declared; to solve for `{dotted(e.left)}`, declare it as a `var`"
        return None

    def _event(self, statement: tree.When | tree.Assert) -> tree.When | None:
        if not self._connects:
            title = "an event has no place among equations for the initial time"
            help = "`when start` acts once at the beginning, in `equations`"
            self.report.say("E0263", title, (statement.span, "move it to `equations`"), help=help)
            return None
        if isinstance(statement, tree.Assert):
            return self._events.asserted(statement)
        return self._events.when(statement)

    # --- connections -----------------------------------------------------------------------------

    def _connect(self, e: tree.Connect) -> tree.Connect | None:
        if not self._connects:
            self.report.say(
                "E0251",
                "nothing can be connected for the initial time only",
                (e.span, "move it to `equations`"),
            )
            return None
        points, first = [], None
        for point in e.points:
            assert isinstance(point, tree.Name), "ends of fields are joined"
            found = self._port(point)
            if found is None:
                continue
            name, port, rank = found
            points.append(name)
            if first is None:
                first = point, port, rank
                continue
            at, other, other_rank = first
            if port is not other:
                self.report.say(
                    "E0252",
                    f"a `{port.name}` cannot be connected to a `{other.name}`",
                    (point.span, f"this is a `{port.name}`"),
                    (at.span, f"this is a `{other.name}`"),
                )
            elif rank and other_rank and rank != other_rank:
                self.report.say(
                    "E0226",
                    "these ports do not have the same number of indices",
                    (point.span, count_of(rank, "index", "indices")),
                    (at.span, count_of(other_rank, "index", "indices")),
                )
        return tree.Connect(tuple(points), e.span) if len(points) == len(e.points) else None

    def _port(self, name: tree.Name) -> tuple[tree.Name, Entity, int] | None:
        """The connector class that `name` is an instance of, and the number of its open indices."""
        names, report = self.walker.names, self.report
        entity, rank, parts = names.entity, 0, []
        bundle = False
        assert entity is not None
        for k, part in enumerate(name.parts):
            member = entity.members.get(part.name)
            text = ".".join(p.name for p in name.parts[: k + 1])
            if member is None:
                if entity.complete:
                    known = [n for n, m in entity.members.items() if isinstance(m, Instance)]
                    title = f"unknown name `{text}`" if k == 0 else f"`{entity.name}` has no `{part.name}`"
                    code = "E0220" if k == 0 else "E0221"
                    report.suggest(code, title, name.span, "a port is expected here", part.name, known)
                return None
            if not isinstance(member, Instance):
                report.say("E0251", f"`{text}` is not a port", (name.span, "only ports can be connected"))
                return None
            bundle = member.component.kind == "input"
            indices = part.indices
            if indices:
                checked = self.walker.resolver.indices(name, part, member.rank, f"`{text}`")
                if checked is None:
                    return None
                indices, opened, _ = checked
                rank += opened
            else:
                rank += member.rank
            parts.append(tree.Part(part.name, indices))
            if member.entity is None:
                return None
            entity = member.entity
        if bundle or not entity.is_connector:
            ports = [
                n for n, m in entity.members.items() if isinstance(m, Instance) and m.component.kind == "port"
            ]
            text = dotted(name)
            help = (
                f"connect one of its ports: {', '.join(f'`{text}.{p}`' for p in ports[:4])}"
                if ports
                else None
            )
            report.say(
                "E0251",
                f"`{text}` is a {'bundle of inputs' if bundle else 'part'}, not a port",
                (name.span, "only ports can be connected"),
                help=help,
            )
            return None
        return replace(name, parts=tuple(parts)), entity, rank

    # --- reactions -------------------------------------------------------------------------------

    def reactions(
        self, items: Iterable[tree.Reaction | tree.For | tree.GroupedLines]
    ) -> tuple[tree.Reaction | tree.For | tree.GroupedLines, ...]:
        """The section `reactions`: species are scalar variables, rates are any expression."""
        done: list[tree.Reaction | tree.For | tree.GroupedLines] = []
        for item in items:
            if isinstance(item, tree.For):
                outer, iterators = self.walker.enter(item.iterators)
                around, self._around = self._around, (*self._around, *iterators)
                body = self.reactions(item.body)  # type: ignore[arg-type]
                self._around = around
                self.walker.leave(outer)
                done.append(tree.For(iterators, body, item.span))  # type: ignore[arg-type]
            elif isinstance(item, tree.GroupedLines):
                done += check_grouped(item, self.walker, self._reaction)
            else:
                done.append(self._reaction(item))
        return tuple(done)

    def _reaction(self, r: tree.Reaction) -> tree.Reaction:
        walker = self.walker
        walker.start_expression(r.span)
        kept, produced = [], None
        amounts: list[Dimension | None] = []
        for side in (r.reactants, r.products):
            species = [(count, self._species(name)) for count, name in side]
            kept.append(tuple([(count, value.expr) for count, value in species]))
            amount: Dimension | None = NONE
            for count, value in species:
                amount = dimensions.product(amount, dimensions.raised(value.dimension, count))
                produced = value.dimension if produced is None else produced
            amounts.append(amount)
        rates = []
        sides = ((r.forward, r.reactants, r.products), (r.reverse, r.products, r.reactants))
        for (rate, before, after), amount in zip(sides, amounts, strict=True):
            if rate is None:
                rates.append(None)
                continue
            value = walker.number(rate)
            rates.append(value.expr)
            if value.rank:
                what = "a rate" if r.whole else "a rate constant"
                self.report.say("E0226", f"{what} is a scalar", (rate.span, "this is an array"))
            order = None if r.whole else sum(count for count, _ in before)
            self._rate(rate, value, NONE if r.whole else amount, produced, order)
            if not r.whole:
                self._reactant_in_constant(rate, before, after)
        return replace(
            r, reactants=kept[0], products=kept[1], forward=rates[0], reverse=rates[1], into=self._into(r)
        )

    def _rate(
        self,
        rate: tree.Expr,
        value: Typed,
        amount: Dimension | None,
        produced: Dimension | None,
        order: int | None,
    ) -> None:
        """A rate, or with an `order` a constant of mass action, has the dimension that its species ask for."""
        wanted = dimensions.rate(produced)
        what = "rate" if order is None else "rate constant"
        if not dimensions.agree(dimensions.product(value.dimension, amount), wanted):
            assert wanted is not None
            needed = dimensions.quotient(wanted, amount)
            self.walker.rules.mismatch(
                "E0507",
                f"this {what} has the wrong dimension",
                rate.span,
                f"this is {dimensions.describe(value.dimension)}",
                between=(value.dimension, needed),
                notes=(f"for these species it must be {dimensions.describe(needed)}",),
                help=None if order is None or value.dimension != wanted else WHOLE,
            )
            return
        if wanted is None or order == 1 or value.dimension is not None or value.level > Level.PARAMETER:
            return
        if amount is None or is_wrong(value) or not self._given_in_numbers(rate):
            return
        symbol = dimensions.symbol_of(dimensions.quotient(wanted, amount) or NONE)
        of = "" if order is None else f" for a reaction of order {order}"
        names = [dotted(n) for n in names_in(rate)]
        subject = f"`{names[0]}`" if isinstance(rate, tree.Name) and names else f"this {what}"
        self.report.say(
            "E0509",
            f"{subject} has no unit, and its species have",
            (rate.span, f"counts in [{symbol}]{of}"),
            help=f"give it a unit such as [{symbol}]"
            if names
            else f"write the unit after the number, such as `[{symbol}]`",
        )

    def _given_in_numbers(self, rate: tree.Expr) -> bool:
        """Whether nothing in `rate` has a unit: what is made of quantities with and without is not known."""
        entity = self.walker.names.entity
        if entity is None:
            return False
        for name in names_in(rate):
            member = entity.members.get(name.parts[0].name)
            if isinstance(member, Instance) or (isinstance(member, Quantity) and member.unit is not None):
                return False
        return not _has_unit(rate)

    def _reactant_in_constant(self, rate: tree.Expr, before: Species, after: Species) -> None:
        """Warn of `A -> B @ Vmax*A/(Km + A)`; what a reaction does not use up is a catalyst, and may stand there."""
        made = {show_expression(name): count for count, name in after}
        used = {show_expression(name): count for count, name in before}
        for name in names_in(rate):
            text = show_expression(name)
            if text in used and made.get(text, 0) < used[text]:
                self.report.say(
                    "W0503",
                    f"`{text}` is a reactant, and mass action multiplies by it already",
                    (rate.span, f"`{text}` stands in the constant too"),
                    help=WHOLE,
                )
                return

    def _into(self, r: tree.Reaction) -> tree.Name | None:
        """The variable that holds the rate of a reaction with a label."""
        entity = self.walker.names.entity
        instance = entity.own.get(r.label) if entity is not None and r.label is not None else None
        if not isinstance(instance, Instance) or instance.span != r.label_span:
            return None
        label, span = instance.component.name, instance.span
        labels.check_indices(self._around, r, self.report)
        dims = tuple([i.range.last if isinstance(i.range, tree.Range) else i.range for i in self._around])
        self.labels.append(labels.used(instance, dims))
        indices = tuple([tree.Name((tree.Part(i.name),), span) for i in self._around])
        return tree.Name((tree.Part(label, indices), tree.Part("rate")), span)

    def _species(self, name: tree.Name) -> Typed:
        value = self.walker.walk(name)
        if value.level != Level.UNKNOWN:
            entity = self.walker.names.entity
            if entity is not None and name.parts[0].name in entity.members:
                self.report.say(
                    "E0253",
                    f"`{dotted(name)}` is not a variable",
                    (name.span, "a species must be a `var`"),
                    help="to keep an amount fixed, put it into the rate constant",
                    key=("E0253", dotted(name)),
                )
        elif value.rank:
            self.report.say(
                "E0222",
                f"`{dotted(name)}` is an array",
                (name.span, "a species is one element of it"),
                help="give its index",
            )
        return value

    # --- experiment ------------------------------------------------------------------------------

    def experiment(
        self, experiment: tree.Experiment | None, section: str = "experiment"
    ) -> tree.Experiment | None:
        """The section `experiment`, or the line `simulate` of a test, with times in seconds."""
        if experiment is None:
            return None
        options: dict[str, tree.Expr | None] = {}
        for name, value in experiment.options:
            form = EXPERIMENT_OPTIONS.get(name)
            span = value.span if value is not None else experiment.span
            if form is None:
                self.report.say(
                    "E0254",
                    f"`{section}` has no option `{name}`",
                    (within(experiment.span, name), "cannot be set"),
                    help=_OTHERS.get(name.lower().replace("_", ""))
                    or did_you_mean(name, EXPERIMENT_OPTIONS)
                    or f"it has {', '.join(f'`{o}`' for o in EXPERIMENT_OPTIONS)}",
                )
            elif name in options:
                self.report.say(
                    "E0255", f"`{name}` is set twice", (span, "set again"), help="keep one of them"
                )
            else:
                options[name] = self._option(name, form, value, span)
        return tree.Experiment(tuple(options.items()), experiment.span)

    def _option(self, name: str, form: str, value: tree.Expr | None, span: Span) -> tree.Expr | None:
        fits = {
            "span": isinstance(value, tree.Range),
            "word": isinstance(value, tree.Text | tree.Name),
            "flag": value is None,
        }.get(form, value is not None and not isinstance(value, tree.Range | tree.Text))
        if not fits:
            self.report.say("E0255", f"`{name}` takes {_FORMS[form]}", (span, "does not fit"))
            return value
        if name == "include" and (not isinstance(value, tree.Name) or dotted(value) != "quadratures"):
            self.report.say(
                "E0255",
                "`include` takes `quadratures`",
                (span, "does not fit"),
                help="write `include quadratures`",
            )
        if value is None or form == "word":
            return value
        if isinstance(value, tree.Range):
            first, last = value.first, value.last
            # `0..10 [h]`: the unit of the end counts for the beginning too.
            if isinstance(first, tree.Number) and isinstance(last, tree.Number) and first.unit is None:
                first = replace(first, unit=last.unit)
            ends = [self._number(e, name, _SECONDS) for e in (first, last)]
            numbers = [e.value for e in ends if isinstance(e, tree.Number)]
            if len(numbers) == 2 and numbers[0] >= numbers[1]:
                self.report.say("E0255", "the time span is empty", (span, "ends before it begins"))
            return replace(value, first=ends[0], last=ends[1])
        done = self._number(value, name, _SECONDS if form == "time" else None)
        if isinstance(done, tree.Number) and done.value <= 0:
            self.report.say("E0255", f"`{name}` must be positive", (span, "is not"))
        return done

    def _number(self, expr: tree.Expr, name: str, unit: Unit | None) -> tree.Expr:
        return self.walker.given(expr, unit, Level.CONSTANT, f"`{name}` of the experiment").expr


def _joins(statement: tree.Connect) -> bool:
    """Whether ends of fields are connected."""
    return any(isinstance(point, tree.At) for point in statement.points)


def _alone(conditions: list[tree.Expr | None]) -> tree.Expr:
    """The condition that the last of these conditions is the first that holds; None always does."""
    *before, own = conditions
    parts = [tree.Unary("not", c, c.span) for c in before if c is not None]
    parts += [] if own is None else [own]
    return reduce(lambda a, b: tree.Binary("and", a, b, b.span), parts)


def _has_unit(expr: object) -> bool:
    """Whether a number in `expr` is written with a unit."""
    return any(isinstance(node, tree.Number) and node.unit is not None for node in nodes_below(expr))
