"""Tests of a file: the model of each, the values it sets, how it runs, and what it expects."""

from dataclasses import dataclass
from typing import Any

from stiffdsl.check.calculate import numbers_of, value_of
from stiffdsl.check.classes import Classes
from stiffdsl.check.expressions import Walker
from stiffdsl.check.modifiers import an
from stiffdsl.check.names import VisibleNames, count_of, dotted, is_wrong
from stiffdsl.check.quantities.units import Unit
from stiffdsl.check.report import Report
from stiffdsl.check.scope import LocatedDeclaration, Scope
from stiffdsl.check.statements import EXPERIMENT_OPTIONS, Statements
from stiffdsl.check.symbols import Entity, Instance, NetworkMember, Quantity
from stiffdsl.check.testing.expectations import CheckedExpectation, Expectations, indexed_name
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import Span, did_you_mean
from stiffdsl.syntax import tree

# Where a `set` puts a value, by the kind of what it names.
_PLACES = {"const": "constants", "param": "params", "input": "inputs"}


@dataclass(frozen=True)
class CheckedTest:
    """A test: `params`, `inputs` and `initial` in declared units, as a run takes them; `constants` in SI.

    `driven` are inputs that follow a checked expression of time, `options` what `simulate` is told. `arrays` are array
    constants of the file that expectations name.
    """

    name: str
    model: str
    constants: dict[str, float]
    params: dict[str, Any]
    inputs: dict[str, Any]
    initial: dict[str, Any]
    driven: dict[str, tree.Expr]
    options: dict[str, Any]
    expectations: tuple[CheckedExpectation, ...]
    arrays: tuple[tree.Variable, ...]
    span: Span


def check_tests(scope: Scope, classes: Classes, report: Report) -> list[CheckedTest]:
    """The tests of a file whose classes are checked; those with mistakes are left out."""
    found: list[CheckedTest] = []
    seen: dict[str, Span] = {}
    for declaration in scope.module.declarations:
        if not isinstance(declaration, tree.Test):
            continue
        name, span = declaration.name, declaration.name_span
        if name in seen:
            report.say(
                "E0270", f"two tests are called `{name}`", (span, "again"), (seen[name], "first here"),
                help="give each a name of its own",
            )  # fmt: skip
        seen.setdefault(name, span)
        if not declaration.expectations:
            report.say(
                "W0202", f"the test `{name}` expects nothing", (span, "passes whatever its model does"),
                help="write `expect x at 10 = 0.5 within 1e-4`",
            )  # fmt: skip
        model = _model(declaration, scope, report)
        if model is not None:
            test = _Reader(declaration, model, scope, classes).read()
            if test is not None:
                found.append(test)
    return found


def _model(test: tree.Test, scope: Scope, report: Report) -> LocatedDeclaration | None:
    """The model that a test is of: the one it names, else the main model of its file."""
    if test.model is None:
        models = [d for d in scope.module.declarations if isinstance(d, tree.Model) and not d.partial]
        if models:
            return LocatedDeclaration(scope, models[-1])
        report.say(
            "E0270", "there is no model in this file to test", (test.span, "of which model?"),
            help="import one, and write `test \"…\" of Model`",
        )  # fmt: skip
        return None
    found = scope.find(test.model)
    assert test.model_span is not None
    if found is None or not isinstance(found.declaration, tree.Model):
        if scope.complete:
            report.say(
                "E0270", f"there is no model `{test.model}` to test",
                (test.model_span, "not declared in this file or imported" if found is None else "is no model"),
                help=did_you_mean(test.model, scope.known(tree.Model)),
            )  # fmt: skip
        return None
    if found.declaration.partial:
        report.say(
            "E0212", f"`{test.model}` is partial: it is there to be extended",
            (test.model_span, "cannot be tested by itself"), help="test a model that extends it",
        )  # fmt: skip
        return None
    return found


class _Reader:
    """Reads one test over the names of its model, then of the file that the test stands in."""

    def __init__(self, test: tree.Test, model: LocatedDeclaration, scope: Scope, classes: Classes):
        assert isinstance(model.declaration, tree.Model)
        self.test = test
        self.report = classes.report
        self.entity = classes.entity(model.scope, model.declaration)
        classes.finish(self.entity)  # outputs have units then
        self.walker = Walker(self.report, VisibleNames(scope, self.entity), {})
        self.walker.in_test = True
        self.walker.constants.prefix = "_expected_"
        self.places: dict[str, dict[str, Any]] = {
            "constants": {}, "params": {}, "inputs": {}, "initial": {}, "driven": {},
        }  # fmt: skip
        self._set: dict[str, Span] = {}

    def read(self) -> CheckedTest | None:
        before = self.report.count
        test = self.test
        for setting in test.settings:
            self._setting(setting)
        run = Statements(self.walker).experiment(test.run, "simulate")
        reader = Expectations(self.walker, self.entity)
        expectations = [reader.read(e) for e in test.expectations]
        options = {} if run is None else {name: self._option(name, value) for name, value in run.options}
        if self.report.count > before or any(e is None for e in expectations):
            return None
        return CheckedTest(
            test.name,
            test.model or self.entity.name,
            options=options,
            expectations=tuple(e for e in expectations if e is not None),
            arrays=tuple(self.walker.constants.arrays.values()),
            span=test.span,
            **self.places,
        )

    def _option(self, name: str, value: tree.Expr | None) -> Any:
        if value is None:
            return True
        if EXPERIMENT_OPTIONS[name] == "word" and isinstance(value, tree.Name):
            return dotted(value)
        if isinstance(value, tree.Text):
            return value.value
        if isinstance(value, tree.Range):
            return tuple(self._number(e) for e in (value.first, value.last))
        return self._number(value)

    def _number(self, expr: tree.Expr) -> float | None:
        found = value_of(expr)
        if found is None:
            self.report.say("E0255", "`simulate` takes numbers in a test", (expr.span, "is none"))
        return found

    # --- settings --------------------------------------------------------------------------------

    def _setting(self, setting: tree.TestSetting) -> None:
        target, attribute = setting.target, setting.attribute
        text = indexed_name(target.parts)
        found = self._target(target)
        if found is None or text is None:
            if found is not None:
                self._refuse(setting, "an index is a whole number here", "is none", None)
            return
        quantity, rank = found
        place = "initial" if attribute != "value" else _PLACES.get(quantity.variable.kind)
        if place == "initial" and quantity.level != Level.UNKNOWN:
            title = f"`{text}` is {an(quantity.variable.kind)}, it has no {attribute} value"
            self._refuse(setting, title, "cannot be set", f"write `set {text} = …`")
            return
        if place is None:
            title = f"`{text}` is {an(quantity.variable.kind)}: it is computed"
            other = f"to begin elsewhere, write `set {text} start …`"
            self._refuse(setting, title, "cannot be set", other if quantity.variable.kind == "var" else None)
            return
        if text in self._set:
            self.report.say(
                "E0271", f"`{text}` is set twice", (setting.span, "again"), (self._set[text], "first here")
            )
            return
        self._set[text] = setting.span
        self._give(setting, text, quantity, rank, place)

    def _give(self, setting: tree.TestSetting, text: str, quantity: Quantity, rank: int, place: str) -> None:
        walker, given = self.walker, setting.value
        highest = Level.SIGNAL if place == "inputs" else Level.CONSTANT
        unknown = quantity.labels is None and is_wrong(walker.walk(given))
        value = walker.given(
            given, quantity.unit, highest, f"the value of `{text}` in a test", quantity.labels
        )
        if unknown or value.level > highest:
            return
        if value.rank > rank:
            self._refuse(setting, f"`{text}` is a single number", "is an array", None)
        elif place == "inputs" and value.level == Level.SIGNAL:
            if len(setting.target.parts) > 1 or rank:
                self._refuse(
                    setting, "an input of a part, or an array of inputs, takes numbers here", "changes over time",
                    "declare a model of the part and its surroundings for the test",
                )  # fmt: skip
            else:
                self.places["driven"][text] = value.expr
        else:
            self._give_numbers(setting, text, value, quantity.unit, place)

    def _give_numbers(
        self, setting: tree.TestSetting, text: str, value: Typed, unit: Unit | None, place: str
    ) -> None:
        numbers = numbers_of(value.expr)
        if numbers is None:
            names = "constants of the file may be used, those of the model may not"
            self._refuse(setting, f"`{text}` is set to what is no number here", "is known too late", names)
        elif place == "constants":
            if isinstance(numbers, list):
                self._refuse(setting, "a const takes one number in a test", "is an array", None)
            else:
                self.places[place][text] = numbers
        else:
            self.places[place][text] = _declared(numbers, setting.value, unit)

    def _target(self, name: tree.Name) -> tuple[Quantity, int] | None:
        """The target of a setting, and the number of its open indices."""
        entity: Entity | None = self.entity
        rank = 0
        for k, part in enumerate(name.parts):
            assert entity is not None
            member = entity.members.get(part.name)
            text = ".".join(p.name for p in name.parts[: k + 1])
            if member is None:
                if entity.complete:
                    self.report.suggest(
                        "E0271", f"`{entity.name}` has no `{part.name}`", name.span, "cannot be set",
                        part.name, list(entity.members),
                    )  # fmt: skip
                return None
            if part.indices and len(part.indices) != member.rank:
                self.report.say(
                    "E0222",
                    f"`{text}` has {count_of(member.rank, 'index', 'indices')}",
                    (name.span, f"{count_of(len(part.indices), 'is', 'are')} given"),
                )
                return None
            rank += 0 if part.indices else member.rank
            last = k == len(name.parts) - 1
            if isinstance(member, Quantity):
                if last:
                    return member, rank
                self.report.say("E0223", f"`{text}` has no parts", (name.span, "is a quantity"))
                return None
            if not isinstance(member, Instance):
                what = "network" if isinstance(member, NetworkMember) else "table"
                self.report.say(
                    "E0271", f"`{text}` is a {what}, it is not set in a test", (name.span, "cannot be set"),
                    help="declare a model for the test that extends this one with another table"
                    if what == "table"
                    else "weights are given from Python, or by `compile -o`",
                )  # fmt: skip
                return None
            if last:
                self.report.say(
                    "E0271", f"`{text}` is {an(member.component.kind)}, it has no value",
                    (name.span, "cannot be set"), help="set one of its quantities",
                )  # fmt: skip
                return None
            if member.entity is None:
                return None
            entity = member.entity
        return None

    def _refuse(self, setting: tree.TestSetting, title: str, label: str, help: str | None) -> None:
        self.report.say("E0271", title, (setting.span, label), help=help)


def _declared(numbers: float | list, written: tree.Expr, unit: Unit | None) -> Any:
    """Numbers in SI in the unit that is declared; one that was written without a unit as it was written."""
    if isinstance(numbers, list):
        items = written.items if isinstance(written, tree.ArrayLiteral) else (written,) * len(numbers)
        return [_declared(n, item, unit) for n, item in zip(numbers, items, strict=True)]
    if isinstance(written, tree.Number) and written.unit is None:
        return written.value
    return numbers if unit is None else (numbers - unit.shift) / unit.scale
