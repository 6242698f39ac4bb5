"""Walk an expression once: resolve its names, inline functions and constants, check dimensions, write it in
SI.

The result is a `Typed`. A part that does not change is kept as it is, so that 50,000 equations without
units cost a walk and no copies. Long sums are left-deep trees and are walked in a loop.
"""

import re
from dataclasses import replace

from stiffdsl.check.array_functions import ARRAY_FUNCTIONS, array_function
from stiffdsl.check.calls import bound_arguments, put_in_place
from stiffdsl.check.constants import Constants
from stiffdsl.check.enums import compared_labels, labelled, no_label
from stiffdsl.check.fields.operators import OPERATORS, FieldOperators
from stiffdsl.check.functions import BUILTINS, ELSEWHERE, OTHER_NAMES, Builtin
from stiffdsl.check.names import (
    Resolver,
    VisibleNames,
    count_of,
    dotted,
    expressions_in,
    is_wrong,
    names_in,
    wrong,
)
from stiffdsl.check.networks import declared_network, network_call
from stiffdsl.check.quantities import dimensions, offsets
from stiffdsl.check.quantities.dimension_rules import DimensionRules
from stiffdsl.check.quantities.si import in_unit, plain_number
from stiffdsl.check.quantities.units import (
    NONE,
    SECOND,
    SYMBOL_OF_NAME,
    Dimension,
    Unit,
    UnitError,
    is_unit,
    known_units,
    parse_unit,
)
from stiffdsl.check.report import Report
from stiffdsl.check.scope import LocatedDeclaration, Scope
from stiffdsl.check.symbols import FunctionMember, Instance, Member, NetworkMember, TableMember
from stiffdsl.check.tables import TableElaboration, Tabulated
from stiffdsl.check.typed import Level, Typed, as_condition, as_number
from stiffdsl.diagnostics import Span, did_you_mean, within
from stiffdsl.sources import load_data
from stiffdsl.syntax import tree
from stiffdsl.syntax.show import show_expression

# A function of functions of functions doubles at every level; past this the model would not fit in memory.
_MOST_INLINED = 20_000

_MATRIX_PRODUCT = "`*` multiplies element by element; a matrix times a vector is `matmul(K, x)`"


class Walker:
    """Elaborates the expressions of one class (or of one file's constants); `names` says where it is."""

    def __init__(
        self,
        report: Report,
        names: VisibleNames,
        array_names: dict[int, str],
        tables: TableElaboration | None = None,
    ):
        self.report = report
        self.tables = tables or TableElaboration(report, load_data)
        self.rules = DimensionRules(report)
        self.constants = Constants(self, array_names)
        self.resolver = Resolver(report, names, self.walk, self.constants.resolve)
        self.fields = FieldOperators(self)
        self.in_test = False  # there `x at 10` is a value at a time
        self.calls_functions = False  # whether a long function was put in place
        self._inlined = 0
        self._act = {
            tree.Number: self._number,
            tree.Text: self._text,
            tree.Name: self.resolver.resolve,
            tree.Unary: self._unary,
            tree.Binary: self._binary,
            tree.If: self._if,
            tree.Call: self._call,
            tree.Range: self._range,
            tree.ArrayLiteral: self._array,
            tree.Comprehension: self._comprehension,
            tree.Element: self._element,
            tree.At: self._at,
            tree.Over: self._in_time,
            tree.Pair: self._pair,
        }

    @property
    def names(self) -> VisibleNames:
        return self.resolver.names

    def walk(self, expr: tree.Expr) -> Typed:
        """The elaborated `expr`: in SI, with its dimension, rank and level."""
        return self._act[type(expr)](expr)  # type: ignore[operator]

    def number(self, expr: tree.Expr) -> Typed:
        """`walk` where a number is needed."""
        value = self._act[type(expr)](expr)  # type: ignore[operator]
        if value.labels is not None:
            value = no_label(value, expr, self.report)
        return as_number(value) if value.condition else value

    def condition(self, expr: tree.Expr) -> Typed:
        """`walk` where a condition is needed."""
        value = self.walk(expr)
        return as_condition(value if value.labels is None else no_label(value, expr, self.report))

    def given(
        self, expr: tree.Expr, unit: Unit | None, highest: Level, what: str, labels: tree.Enum | None = None
    ) -> Typed:
        """`walk` for a value that is given to something declared in `unit`, which bare numbers take, or a value of the
        enumeration `labels`."""
        self.start_expression(expr.span)
        if labels is not None:
            value = labelled(self, expr, labels, what)
            self.resolver.require(value, expr, highest, what)
            return value
        if isinstance(expr, tree.ArrayLiteral) and unit is not None and not unit.is_si:
            items = [self.given(item, unit, highest, what) for item in expr.items]
            rank = 1 + max((i.rank for i in items), default=0)
            level = max((i.level for i in items), default=Level.CONSTANT)
            kept = replace(expr, items=tuple([i.expr for i in items]))
            return Typed(kept, unit.dimension, rank, level, False)
        value = self.number(expr)
        self.resolver.require(value, expr, highest, what)
        if unit is None:
            return value
        if not unit.is_si and not value.bare:
            self.rules.bare_terms(expr, unit)
            wanted = Typed(expr, unit.dimension, 0, Level.CONSTANT, False, unit, False, offsets.of_unit(unit))
            self.rules.unshown(wanted, value, expr)
            self.rules.offsets(wanted, value, None, expr, what)
        if not dimensions.agree(value.dimension, unit.dimension) and not value.bare:
            self.rules.mismatch(
                "E0506",
                f"{what} has the wrong dimension",
                expr.span,
                f"this is {dimensions.describe(value.dimension)}",
                between=(value.dimension, unit.dimension),
                notes=(f"{dimensions.describe(unit.dimension)} is wanted",),
            )
        return Typed(in_unit(value, unit), value.dimension, value.rank, value.level, False)

    def start_expression(self, span: Span) -> None:
        """Begin another expression: the limit on inlined functions counts from zero."""
        self._inlined = 0
        self.report.place = span

    def unit(self, text: str | None, span: Span) -> Unit | None:
        """The unit that is written in brackets; a mistake in it is reported and gives None."""
        if text is None:
            return None
        try:
            return parse_unit(text)
        except UnitError as error:
            title, place = f"unknown unit `[{text}]`", within(span, f"[{text}]")
            help = _range_help(text) or _unit_help(error)
            self.report.say("E0501", title, (place, str(error)), help=help, key=("E0501", text))
            return None

    # --- leaves ----------------------------------------------------------------------------------

    def _number(self, e: tree.Number) -> Typed:
        if e.unit is None:
            return Typed(e, None, 0, Level.CONSTANT, True)
        unit = self.unit(e.unit, e.span)
        if unit is None:
            return Typed(e, None, 0, Level.CONSTANT, False)
        number = tree.Number(unit.to_si(e.value), None, e.span)
        return Typed(number, unit.dimension, 0, Level.CONSTANT, False, None, False, offsets.of_unit(unit))

    def _text(self, e: tree.Text) -> Typed:
        self.report.say("E0257", "a text is not a number", (e.span, "a number is expected here"))
        return Typed(e, None, 0, Level.CONSTANT, False)

    def _at(self, e: tree.At) -> Typed:
        of_field = self.fields.grid_in(e.value) is not None
        if of_field or (self.names.entity is not None and not self.in_test):
            return self.fields.at_end(e)
        return self._in_time(e)

    def _in_time(self, e: tree.At | tree.Over) -> Typed:
        title = "`at` and `over` belong into the expectations of a test"
        self.report.say("E0273", title, (e.span, "a value that does not change is expected here"))
        return wrong(tree.Name((tree.Part("at"),), e.span))

    def _pair(self, e: tree.Pair) -> Typed:
        self.report.say(
            "E0293",
            "values in parentheses with commas are rows of a `table`",
            (e.span, "a number is expected here"),
            help="an array is written `{1, 2}`",
        )
        return Typed(e, None, 0, Level.CONSTANT, False)

    # --- operators -------------------------------------------------------------------------------

    def _unary(self, e: tree.Unary) -> Typed:
        negation = e.operator == "not"
        value = self.condition(e.operand) if negation else self.number(e.operand)
        expr = e if value.expr is e.operand else tree.Unary(e.operator, value.expr, e.span)
        if negation:
            return Typed(expr, None, value.rank, value.level, value.bare, None, True)
        turned = offsets.scaled(value.offsets, -1.0)
        return Typed(expr, value.dimension, value.rank, value.level, value.bare, value.shown, False, turned)

    def _binary(self, e: tree.Binary) -> Typed:
        spine: list[tree.Binary] = []
        left: tree.Expr = e
        value: Typed | None = None
        while value is None and type(left) is tree.Binary:
            if left.operator in ("==", "!="):
                value = compared_labels(self, left)
            if value is None:
                spine.append(left)
                left = left.left
        if value is None:
            value = self.walk(left)
        witness = left  # the term of a sum that said what its dimension is
        for node in reversed(spine):
            right = self.walk(node.right)
            operator = node.operator
            if operator == "+" or operator == "-":
                if value.dimension is None and right.dimension is not None:
                    witness = node.right
                value = self._sum(node, value, right, witness)
            else:
                value = self._combine(node, value, right)
                witness = node
        return value

    def _sum(self, e: tree.Binary, left: Typed, right: Typed, witness: tree.Expr) -> Typed:
        if left.labels is not None or right.labels is not None:
            left, right = no_label(left, e.left, self.report), no_label(right, e.right, self.report)
        if left.condition or right.condition:
            left, right = as_number(left), as_number(right)
        # A difference of 5 degC is one of 5 K; a difference of 5 bar is not one of 5 Pa.
        if left.shown is not None and left.shown.scale != 1.0:
            self.rules.unshown(left, right, e.right)
        if right.shown is not None and right.shown.scale != 1.0:
            self.rules.unshown(right, left, e.left)
        self.rules.alike(e, left, right, witness, "added" if e.operator == "+" else "subtracted")
        expr = e
        if left.expr is not e.left or right.expr is not e.right:
            expr = tree.Binary(e.operator, left.expr, right.expr, e.span)
        dimension = right.dimension if left.dimension is None else left.dimension
        rank = self._rank(e.span, left.rank, right.rank)
        return Typed(
            expr,
            dimension,
            rank,
            max(left.level, right.level),
            left.bare and right.bare,
            left.shown or right.shown,
            False,
            offsets.added(left.offsets, right.offsets, 1.0 if e.operator == "+" else -1.0),
        )

    def _combine(self, e: tree.Binary, left: Typed, right: Typed) -> Typed:
        operator = e.operator
        logical = operator in ("and", "or")
        if left.labels is not None or right.labels is not None:
            left, right = no_label(left, e.left, self.report), no_label(right, e.right, self.report)
        if logical:
            left, right = as_condition(left), as_condition(right)
        elif left.condition or right.condition:
            left, right = as_number(left), as_number(right)
        expr = e
        if left.expr is not e.left or right.expr is not e.right:
            expr = tree.Binary(operator, left.expr, right.expr, e.span)
        dimension: Dimension | None = None
        if operator == "*":
            dimension = dimensions.product(left.dimension, right.dimension)
        elif operator == "/":
            dimension = dimensions.quotient(left.dimension, right.dimension)
        elif operator == "^":
            dimension = self.rules.power(e, left, right)
        elif not logical:
            self.rules.alike(e, left, right, e.left, "compared")
            self.rules.unshown(left, right, e.right)
            self.rules.unshown(right, left, e.left)
            self.rules.offsets(left, right, e.left, e.right)
        product = operator == "*" and {left.rank, right.rank} == {1, 2}
        rank = self._rank(e.span, left.rank, right.rank, _MATRIX_PRODUCT if product else None)
        level = max(left.level, right.level)
        condition = operator not in ("*", "/", "^")
        kept = None
        if left.offsets is not None or right.offsets is not None:
            kept = _product_offsets(operator, left, right)
        return Typed(expr, dimension, rank, level, left.bare and right.bare, None, condition, kept)

    def _rank(self, span: Span, left: int, right: int, help: str | None = None) -> int:
        if left and right and left != right:
            self.report.say(
                "E0226",
                "these arrays do not have the same number of indices",
                (span, f"one has {count_of(left, 'index', 'indices')}, the other has {right}"),
                help=help,
            )
        return max(left, right)

    def _if(self, e: tree.If) -> Typed:
        condition, yes, no = self.condition(e.condition), self.walk(e.yes), self.walk(e.no)
        if yes.labels is not no.labels:
            yes, no = no_label(yes, e.yes, self.report), no_label(no, e.no, self.report)
        if yes.condition and no.condition:
            return self._chosen_condition(e, condition, yes, no)
        yes, no = as_number(yes), as_number(no)
        if not dimensions.agree(yes.dimension, no.dimension):
            a, b = dimensions.describe(yes.dimension), dimensions.describe(no.dimension)
            self.rules.mismatch(
                "E0503",
                f"one branch is {a} and the other {b}",
                e.no.span,
                f"this is {b}",
                (e.yes.span, f"this is {a}"),
                between=(yes.dimension, no.dimension),
            )
        expr = e
        if condition.expr is not e.condition or yes.expr is not e.yes or no.expr is not e.no:
            expr = tree.If(condition.expr, yes.expr, no.expr, e.span)
        rank = self._rank(e.span, self._rank(e.span, yes.rank, no.rank), condition.rank)
        level = max(condition.level, yes.level, no.level)
        dimension = no.dimension if yes.dimension is None else yes.dimension
        bare = condition.bare and yes.bare and no.bare
        self.rules.offsets(yes, no, e.yes, e.no)
        kept = yes.offsets if yes.offsets == no.offsets else None
        return Typed(expr, dimension, rank, level, bare, yes.shown or no.shown, False, kept, yes.labels)

    def _chosen_condition(self, e: tree.If, condition: Typed, yes: Typed, no: Typed) -> Typed:
        """`if c then a else b` of conditions is `c and a or not c and b`."""
        span = e.span
        first = tree.Binary("and", condition.expr, yes.expr, span)
        second = tree.Binary("and", tree.Unary("not", condition.expr, span), no.expr, span)
        rank = self._rank(span, self._rank(span, yes.rank, no.rank), condition.rank)
        level = max(condition.level, yes.level, no.level)
        bare = condition.bare and yes.bare and no.bare
        return Typed(tree.Binary("or", first, second, span), None, rank, level, bare, None, True)

    # --- calls -----------------------------------------------------------------------------------

    def _call(self, e: tree.Call) -> Typed:
        if e.function == "der":
            return self._derivative(e)
        called = self._called(e.function)
        if isinstance(called, FunctionMember):
            function = called.function.declaration
            assert isinstance(function, tree.FunctionDeclaration)
            return self._inline(e, called.function, function)
        table = self.table_of(e.function)
        if table is not None:
            return self._lookup(e, *table)
        network = self.network_of(e.function)
        if network is not None:
            return self._network(e, *network)
        if e.function in ARRAY_FUNCTIONS:
            return self._array_function(e)
        builtin = BUILTINS.get(e.function)
        if builtin is not None:
            return self._builtin(e, builtin)
        if e.function in OPERATORS and self.fields.meant(e):
            return self.fields.operator(e)
        if e.function in ELSEWHERE:
            self.report.say(
                "E0230",
                f"`{e.function}` belongs in {ELSEWHERE[e.function]}",
                (e.span, "cannot be used in an expression"),
            )
            return wrong(tree.Name((tree.Part(e.function),), e.span))
        found = self.names.scope.find(e.function)
        if found is not None and isinstance(found.declaration, tree.FunctionDeclaration):
            return self._inline(e, found, found.declaration)
        self._unknown_function(e)
        for argument in e.arguments:
            self.walk(argument)
        return Typed(e, None, 0, Level.CONSTANT, False)

    def table_of(self, name: str) -> tuple[tree.TableDeclaration, bool] | None:
        """The table that is called by a name, and whether it is a member of the class, or of a part of it."""
        found = self._called(name)
        if isinstance(found, TableMember):
            return found.table, True
        if isinstance(found, LocatedDeclaration) and isinstance(found.declaration, tree.TableDeclaration):
            return found.declaration, False
        return None

    def is_function_of_part(self, name: str) -> bool:
        """Whether a name leads to a table of a part in whose place a function stands."""
        return isinstance(self._called(name), FunctionMember)

    def network_of(self, name: str) -> tuple[tree.NetworkDeclaration, tree.NetworkDeclaration | None] | None:
        """The network that is called by a name; one of a file also as it is elaborated."""
        found = self._called(name)
        if isinstance(found, NetworkMember):
            return found.network, None
        if isinstance(found, LocatedDeclaration) and isinstance(found.declaration, tree.NetworkDeclaration):
            return found.declaration, self.file_network(found)
        return None

    def file_network(self, found: LocatedDeclaration) -> tree.NetworkDeclaration:
        """A network of a file, elaborated once for all that use it."""
        declaration, known = found.declaration, self.tables.networks
        assert isinstance(declaration, tree.NetworkDeclaration)
        if id(declaration) not in known:
            own = Walker(self.report, VisibleNames(found.scope, None), {}, self.tables)
            made = declared_network(declaration, own, Level.CONSTANT)
            arrays = {v.name: v.value for v in own.constants.arrays.values() if v.value is not None}
            known[id(declaration)] = replace(
                made, scale=tuple([(name, _replaced(scale, arrays)) for name, scale in made.scale])
            )
        return known[id(declaration)]

    def _called(self, name: str) -> Member | LocatedDeclaration | None:
        """The member of the class, or of a part of it, or the declaration of a file, that is called by a name."""
        entity = self.names.entity
        first, *rest = name.split(".")
        if entity is not None and first in entity.members:
            member = entity.members[first]
            for part in rest:
                entity = member.entity if isinstance(member, Instance) else None
                if entity is None or part not in entity.members:
                    return None
                member = entity.members[part]
            return member
        return self.names.scope.find(name)

    def _network(
        self, e: tree.Call, network: tree.NetworkDeclaration, static: tree.NetworkDeclaration | None
    ) -> Typed:
        wanted = len(network.arguments)
        if not self._counted(e, len(e.arguments) == wanted, str(wanted)):
            for argument in e.arguments:
                self.walk(argument)
            return Typed(e, None, len(network.result.dimensions), Level.PARAMETER, False)
        return network_call(e, network, static, self, self._rank)

    def _lookup(self, e: tree.Call, table: tree.TableDeclaration, member: bool) -> Typed:
        """A table at its arguments; one that no modifier can replace brings its figures along."""
        data = self.tables.of(table)
        wanted = self.tables.arity(table)
        units = [self.unit(u, table.span) for _, u in table.arguments] or [None] * wanted
        counted = self._counted(e, len(e.arguments) == wanted, str(wanted))
        if not counted:
            for argument in e.arguments:
                self.walk(argument)
            return Typed(e, None, 0, Level.PARAMETER, False)
        names = [name for name, _ in table.arguments] or [f"argument {k + 1}" for k in range(wanted)]
        arguments = [
            self.given(a, u, Level.UNKNOWN, f"`{name}` of `{e.function}`")
            for a, u, name in zip(e.arguments, units, names, strict=True)
        ]
        known = data.dimensions if data is not None else [None] * wanted
        for argument, unit, dimension, written in zip(arguments, units, known, e.arguments, strict=True):
            bare = argument.bare or plain_number(argument.expr) is not None
            if unit is None and not bare and not dimensions.agree(argument.dimension, dimension):
                self.rules.mismatch(
                    "E0506",
                    f"the argument of `{e.function}` has the wrong dimension",
                    written.span,
                    f"this is {dimensions.describe(argument.dimension)}",
                    notes=(f"its column is {dimensions.describe(dimension)}",),
                )
        rank = 0
        for argument in arguments:
            rank = self._rank(e.span, rank, argument.rank)
        unit = self.unit(table.unit, table.span)
        dimension = unit.dimension if unit is not None else data.dimension if data is not None else None
        static = Tabulated(data, e.span) if data is not None and not member else None
        expr = tree.TableCall(e.function, tuple(a.expr for a in arguments), (), e.span, static)
        level = max([Level.PARAMETER, *(a.level for a in arguments)])
        shown = unit if unit is not None and not unit.is_si else None
        return Typed(expr, dimension, rank, level, False, shown, False, offsets.of_unit(unit))

    def _unknown_function(self, e: tree.Call) -> None:
        names = self.names
        name = e.function
        if names.entity is not None and name in names.entity.members:
            help = f"an index is written in brackets: `{name}[...]`; a product needs `*`"
            if [plain_number(a) for a in e.arguments] == [0]:
                help = f"a start value is declared (`var {name} start 1`), or stands in `initial`"
            self.report.say("E0230", f"`{name}` is not a function", (e.span, "is called here"), help=help)
        elif names.complete:
            known = [
                *BUILTINS,
                *ARRAY_FUNCTIONS,
                "der",
                *names.scope.known(tree.FunctionDeclaration, tree.TableDeclaration, tree.NetworkDeclaration),
            ]
            self.report.say(
                "E0230",
                f"unknown function `{name}`",
                (e.span, "is called here"),
                help=OTHER_NAMES.get(name.lower()) or _without_module(name) or did_you_mean(name, known),
                key=("E0230", name, id(names.entity or names.scope)),
            )

    def _counted(self, e: tree.Call, accepted: bool, wants: str) -> bool:
        if e.named:
            name, value = e.named[0]
            self.report.say(
                "E0232",
                f"`{e.function}` takes no named arguments",
                (value.span, f"`{name} =` cannot be given here"),
            )
            return False
        if not accepted:
            plural = "argument" if wants in ("1", "at least 1") else "arguments"
            given = "none is given" if not e.arguments else f"{count_of(len(e.arguments), 'is', 'are')} given"
            rate = e.function == "dot" and len(e.arguments) == 1
            help = "a derivative by time is `der(x)`" if rate else None
            self.report.say("E0231", f"`{e.function}` takes {wants} {plural}", (e.span, given), help=help)
        return accepted

    def _derivative(self, e: tree.Call) -> Typed:
        if not self._counted(e, len(e.arguments) == 1, "1"):
            return Typed(e, None, 0, Level.UNKNOWN, False)
        argument = e.arguments[0]
        value = self.walk(argument)
        # An input may be differentiated: where its surroundings determine it, it is a variable.
        is_time = isinstance(value.expr, tree.Name) and value.expr.parts[0].name == "time"
        if value.level < Level.SIGNAL or is_time or not isinstance(value.expr, tree.Name):
            if not self.fields.in_cells:
                return self.fields.rate_in_flux(e)
            if isinstance(argument, tree.Name):
                if is_wrong(value):
                    return Typed(e, None, 0, Level.UNKNOWN, False)
                label, help = f"`{dotted(argument)}` is not a variable", "declare it as a `var`"
            else:
                label, help = (
                    "this is an expression",
                    "declare a `var` that equals it, and take `der` of that",
                )
            self.rules.mismatch("E0234", "`der` takes a variable", argument.span, label, help=help)
            return Typed(e, None, value.rank, Level.UNKNOWN, False)
        expr = e if value.expr is argument else replace(e, arguments=(value.expr,))
        rate = offsets.NOTHING if value.offsets is not None else None
        return Typed(
            expr, dimensions.rate(value.dimension), value.rank, Level.UNKNOWN, False, None, False, rate
        )

    def _builtin(self, e: tree.Call, builtin: Builtin) -> Typed:
        alone = e.function in ("min", "max") and len(e.arguments) == 1
        if builtin.rule in ("reduce", "product") or alone:
            with self.fields.at(None, None):  # of all cells, also in a flux
                arguments = [self.number(a) for a in e.arguments]
        else:
            arguments = [self.number(a) for a in e.arguments]
        if not self._counted(e, builtin.accepts(len(arguments)), builtin.wants):
            return Typed(e, None, 0, max([a.level for a in arguments], default=Level.CONSTANT), False)
        expr = e
        if any(a.expr is not b for a, b in zip(arguments, e.arguments, strict=True)):
            expr = replace(e, arguments=tuple([a.expr for a in arguments]))
        if builtin.rule == "delay":
            return self._delayed(e, expr, arguments)
        level = max([a.level for a in arguments])
        bare = all(a.bare for a in arguments)
        first = arguments[0]
        rank = 0
        for a in arguments:
            rank = self._rank(e.span, rank, a.rank)
        if builtin.rule in ("reduce", "product") or (e.function in ("min", "max") and len(arguments) == 1):
            if first.rank == 0 and not is_wrong(first):
                help = f"write `{e.function}(... for i in 1..n)`"
                self.report.say(
                    "E0226",
                    f"`{e.function}` takes an array",
                    (e.arguments[0].span, "this is a scalar"),
                    help=help,
                )
            rank = 0
        dimension = self.rules.function(e, builtin, arguments)
        kept = self._function_offsets(e, builtin, arguments)
        return Typed(expr, dimension, rank, level, bare, None, False, kept)

    def _delayed(self, e: tree.Call, expr: tree.Call, arguments: list[Typed]) -> Typed:
        """`delay(x, tau)`: what x was, a time tau ago that is known before the run."""
        first, lag = arguments[:2]
        if len(arguments) > 2:
            self.report.say(
                "E0295",
                "a delay that changes in a run is not compiled yet",
                (e.arguments[2].span, "the bound of a lag"),
                help="write `delay(x, tau)` with a lag of parameters",
            )
            return first._replace(expr=e, level=Level.UNKNOWN)
        slopes = (
            p for p in expressions_in(e.arguments[0]) if isinstance(p, tree.Call) and p.function == "der"
        )
        slope = next(slopes, None)
        if slope is not None:
            # A neutral equation: its kinks do not become smoother.
            self.report.say(
                "E0295",
                "a derivative is not delayed: nothing says what it was before the run",
                (slope.span, "what changes, and not how fast"),
                help="delay a variable; one that is declared for the derivative was what it is at its beginning",
            )
        self.resolver.require(lag, e.arguments[1], Level.PARAMETER, "the lag of a `delay`")
        if lag.dimension is not None and lag.dimension != SECOND:
            here = dimensions.describe(lag.dimension)
            title = f"the lag of a `delay` is a time, not {here}"
            self.report.say("E0295", title, (e.arguments[1].span, f"this is {here}"))
        rank = self._rank(e.span, first.rank, lag.rank)
        return first._replace(expr=expr, rank=rank, level=Level.UNKNOWN, bare=False)

    def _array_function(self, e: tree.Call) -> Typed:
        with self.fields.at(None, None):
            value = self._of_arrays(e)
        return self.fields.cellwise(value, e.span)

    def _of_arrays(self, e: tree.Call) -> Typed:
        arguments = [self.number(a) for a in e.arguments]
        wanted = Builtin(*ARRAY_FUNCTIONS[e.function], "keep")
        if not self._counted(e, wanted.accepts(len(arguments)), wanted.wants):
            return Typed(e, None, 0, max([a.level for a in arguments], default=Level.CONSTANT), False)

        def mismatch(first: tree.Expr, other: tree.Expr, one: Typed, another: Typed) -> None:
            here, there = dimensions.describe(another.dimension), dimensions.describe(one.dimension)
            title = f"the arguments of `{e.function}` are {there} and {here}"
            self.rules.mismatch(
                "E0503", title, other.span, f"this is {here}", (first.span, f"this is {there}")
            )

        return array_function(e, arguments, self.report, mismatch)

    def _function_offsets(
        self, e: tree.Call, builtin: Builtin, arguments: list[Typed]
    ) -> offsets.Offsets | None:
        """`min` and `max` give one of their arguments, a sum of differences is a difference, and so is `abs` of one."""
        first = arguments[0]
        if first.offsets is None and all(a.offsets is None for a in arguments):
            return None
        for argument, other in zip(arguments[1:], e.arguments[1:], strict=True):
            if builtin.rule in ("keep", "sign"):
                self.rules.offsets(first, argument, e.arguments[0], other)
        alike = all(a.offsets == first.offsets for a in arguments)
        if e.function in ("min", "max"):
            return first.offsets if alike else None
        return offsets.without(first.offsets) if alike and builtin.rule in ("keep", "reduce") else None

    def _inline(self, e: tree.Call, found: LocatedDeclaration, function: tree.FunctionDeclaration) -> Typed:
        given = bound_arguments(e, function, self.report)
        if given is None:
            for argument in (*e.arguments, *(value for _, value in e.named)):
                self.walk(argument)
            return Typed(e, None, 0, Level.CONSTANT, False)
        arguments = {name: self.walk(argument) for name, argument in given.items()}
        if any(f is function for f, _ in self.rules.calls):
            names = [f.name for f, _ in self.rules.calls]
            around = [*names[names.index(function.name) :], function.name]
            key = ("E0233", frozenset(around))
            title = f"`{function.name}` calls itself"
            notes = (" calls ".join(f"`{n}`" for n in around),) if len(around) > 2 else ()
            notes = (*notes, "a function is replaced by its text, which would never end")
            if not self.report.has(key):
                self.report.say("E0233", title, (e.span, "closes the circle"), notes=notes, key=key)
            return Typed(e, None, 0, Level.CONSTANT, False)
        self._inlined += 1
        if self._inlined > _MOST_INLINED:
            self.report.say(
                "E0236",
                f"this expression calls functions more than {_MOST_INLINED} times once they are inlined",
                (self.rules.calls[0][1] if self.rules.calls else e.span, "grows here"),
                help="give intermediate results a `var` of their own",
                key=("E0236", id(self.names.entity)),
            )
            return Typed(e, None, 0, Level.CONSTANT, False)
        outer = self.names
        self.rules.calls.append((function, e.span))
        value = self._result(function, found.scope, arguments)
        self.resolver.names = outer
        self.rules.calls.pop()
        placed = put_in_place(value, arguments, function.name, e.span)
        self.calls_functions |= isinstance(placed.expr, tree.Inlined)
        return placed

    def _result(self, function: tree.FunctionDeclaration, scope: Scope, arguments: dict[str, Typed]) -> Typed:
        """The body of a function for `arguments`, its lines walked in order, each once."""
        for formal in function.formals:
            if formal.name not in arguments and formal.default is not None:
                self.resolver.names = VisibleNames(scope, None, arguments, function=function)
                arguments[formal.name] = self.walk(formal.default)
        for local in function.locals:
            self.resolver.names = VisibleNames(scope, None, arguments, function=function)
            arguments = {**arguments, local.name: self.walk(local.value)}
        self.resolver.names = VisibleNames(scope, None, arguments, function=function)
        return self.walk(function.body)

    def walk_function(self, function: tree.FunctionDeclaration, any_value: dict[str, Typed]) -> Typed:
        """Walk a function by itself, with the values `any_value` for its parameters."""
        scope = self.names.scope
        self.rules.calls.append((function, function.name_span))
        for formal in function.formals:
            if formal.default is not None:
                self.resolver.names = VisibleNames(scope, None, any_value, function=function)
                self.walk(formal.default)
        value = self._result(function, scope, any_value)
        self.rules.calls.pop()
        return value

    # --- arrays and loops ------------------------------------------------------------------------

    def _range(self, e: tree.Range) -> Typed:
        first, last = self.number(e.first), self.number(e.last)
        if not dimensions.agree(first.dimension, last.dimension):
            a, b = dimensions.describe(first.dimension), dimensions.describe(last.dimension)
            self.rules.mismatch(
                "E0503",
                f"a range from {a} to {b}",
                e.last.span,
                f"this is {b}",
                (e.first.span, f"this is {a}"),
            )
        expr = e
        if first.expr is not e.first or last.expr is not e.last:
            expr = tree.Range(first.expr, last.expr, e.span)
        dimension = last.dimension if first.dimension is None else first.dimension
        return Typed(expr, dimension, 1, max(first.level, last.level), first.bare and last.bare)

    def _array(self, e: tree.ArrayLiteral) -> Typed:
        with self.fields.at(None, None):
            value = self._literal(e)
        return self.fields.cellwise(value, e.span)

    def _literal(self, e: tree.ArrayLiteral) -> Typed:
        items = [self.number(i) for i in e.items]
        if not items:
            return Typed(e, None, 1, Level.CONSTANT, True)
        known: Dimension | None = None
        for item, value in zip(e.items, items, strict=True):
            if not dimensions.agree(known, value.dimension):
                a, b = dimensions.describe(known), dimensions.describe(value.dimension)
                self.rules.mismatch(
                    "E0503",
                    f"{a} and {b} cannot stand in one array",
                    item.span,
                    f"this is {b}",
                    between=(known, value.dimension),
                )
            known = value.dimension if known is None else known
            if value.rank != items[0].rank:
                self.report.say(
                    "E0226",
                    "the items of an array must be alike",
                    (item.span, "has another number of indices"),
                )
        expr = e
        if any(a.expr is not b for a, b in zip(items, e.items, strict=True)):
            expr = replace(e, items=tuple([i.expr for i in items]))
        return Typed(
            expr, known, 1 + items[0].rank, max([i.level for i in items]), all(i.bare for i in items)
        )

    def _element(self, e: tree.Element) -> Typed:
        value = self.number(e.array)
        part = tree.Part("this", e.indices)
        found = self.resolver.indices(tree.Name((part,), e.span), part, value.rank, "this")
        if found is None:
            return wrong(tree.Name((part,), e.span))
        indices, opened, bare = found
        expr = (
            e if value.expr is e.array and indices is e.indices else tree.Element(value.expr, indices, e.span)
        )
        return value._replace(expr=expr, rank=opened, bare=value.bare and bare)

    def enter(self, iterators: tuple[tree.Iterator, ...]) -> tuple[VisibleNames, tuple[tree.Iterator, ...]]:
        """Make loop indices visible. Returns the names to go back to, and the iterators as kept."""
        outer = self.names
        kept = []
        for iterator in iterators:
            kept.append(self._enter(iterator))
        return outer, tuple(kept)

    def leave(self, outer: VisibleNames) -> None:
        """Forget the loop indices of the matching `enter`."""
        self.resolver.names = outer

    def _enter(self, iterator: tree.Iterator) -> tree.Iterator:
        report, names, name = self.report, self.names, iterator.name
        value = self.walk(iterator.range)
        self.resolver.require(value, iterator.range, Level.CONSTANT, "the range of a loop")
        bounds = value.expr
        if value.rank and not isinstance(bounds, tree.Range):
            report.say(
                "E0256",
                "a loop runs over a range",
                (iterator.range.span, "is not a range"),
                help="write `1..N`",
            )
        if name in names.iterators or name in ("time", "pi", "true", "false", "der"):
            label = "another loop around this one uses it" if name in names.iterators else "is reserved"
            report.say(
                "E0225",
                f"`{name}` cannot be a loop index here",
                (iterator.span, label),
                help="choose another name",
            )
        elif names.entity is not None and name in names.entity.members:
            report.say(
                "W0201",
                f"the loop index `{name}` hides a member of `{names.entity.name}`",
                (iterator.span, f"inside this loop `{name}` is the index"),
                (names.entity.members[name].span, "hidden"),
            )
        kept = name
        if names.arguments:
            # An argument may mention an index of the same name that belongs to a loop around the call.
            taken = {n.parts[0].name for a in names.arguments.values() for n in names_in(a.expr)}
            count = 0
            while kept in taken:
                count += 1
                kept = f"{name}_{count}"
        self.resolver.names = replace(names, iterators={**names.iterators, name: kept})
        if bounds is iterator.range and kept == name:
            return iterator
        return tree.Iterator(kept, bounds, iterator.span)

    def _comprehension(self, e: tree.Comprehension) -> Typed:
        with self.fields.at(None, None):
            value = self._gathered(e)
        return self.fields.cellwise(value, e.span)

    def _gathered(self, e: tree.Comprehension) -> Typed:
        outer, iterators = self.enter(e.iterators)
        body = self.number(e.body)
        self.leave(outer)
        expr = e
        if body.expr is not e.body or any(a is not b for a, b in zip(iterators, e.iterators, strict=True)):
            expr = tree.Comprehension(e.function, body.expr, iterators, e.span)
        if e.function is None:
            return body._replace(expr=expr, rank=body.rank + len(iterators), shown=None)
        dimension, kept = body.dimension, body.offsets
        if e.function == "prod":
            kept = None
            dimension = dimension if dimension == NONE else None
        elif e.function == "sum":
            kept = offsets.without(kept)
        return body._replace(expr=expr, dimension=dimension, shown=None, offsets=kept)


def _product_offsets(operator: str, left: Typed, right: Typed) -> offsets.Offsets | None:
    """Offsets of a product or quotient of which one factor holds no offsets (a divisor never does)."""
    if operator == "*" and left.offsets is None:
        left, right = right, left
    if operator not in ("*", "/") or right.offsets is not None:
        return None
    number = plain_number(right.expr)
    if number is not None and (operator == "*" or number):
        return offsets.scaled(left.offsets, number if operator == "*" else 1.0 / number)
    factor = show_expression(right.expr)
    return offsets.multiplied(left.offsets, factor if operator == "*" else f"1/({factor})")


def _without_module(name: str) -> str | None:
    """The help for a function that another language keeps in a module: `math.exp`, `np.maximum`."""
    module, _, last = name.rpartition(".")
    if not module:
        return None
    return f"write `{last}`" if last in BUILTINS else OTHER_NAMES.get(last.lower())


def _range_help(text: str) -> str | None:
    """The help on `[0, 5]` behind a value, which is a range in other languages."""
    ends = re.fullmatch(r"\s*([-+]?[\d.eE+-]+)\s*[,:;]\s*([-+]?[\d.eE+-]+)\s*", text)
    return f"a unit stands in brackets; a range is written `in {ends[1]}..{ends[2]}`" if ends else None


def _unit_help(error: UnitError) -> str | None:
    """The unit that was meant: the symbol of a name such as `metre`, or the nearest symbol."""
    if error.near is None:
        return None
    symbol = SYMBOL_OF_NAME.get(error.near.lower().removesuffix("s"))
    if symbol is None and error.near.startswith("K") and is_unit("k" + error.near[1:]):
        symbol = "k" + error.near[1:]
    return f"write `{symbol}`" if symbol else did_you_mean(error.near, known_units())


def _replaced(expr: tree.Expr, arrays: dict[str, tree.Expr]) -> tree.Expr:
    """`expr`, or the array constant of a file that it names."""
    if isinstance(expr, tree.Name) and len(expr.parts) == 1 and not expr.parts[0].indices:
        return arrays.get(expr.parts[0].name, expr)
    return expr
