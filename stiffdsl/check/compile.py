"""The entry of this stage: check every class of a file, pick the main model, tell every mistake at once."""

from stiffdsl.check.array_functions import ARRAY_FUNCTIONS
from stiffdsl.check.classes import Classes
from stiffdsl.check.expressions import Walker
from stiffdsl.check.functions import BUILTINS
from stiffdsl.check.model import CheckedModel, Class
from stiffdsl.check.names import VisibleNames, count_of
from stiffdsl.check.report import Report
from stiffdsl.check.scope import (
    RESERVED,
    Load,
    LocatedDeclaration,
    Scope,
    SourceFiles,
    say_duplicate,
    say_reserved,
)
from stiffdsl.check.tables import LoadData, TableElaboration
from stiffdsl.check.testing.tests import CheckedTest, check_tests
from stiffdsl.check.typed import Level, Typed
from stiffdsl.diagnostics import Diagnostic, Label, ModelError, Source, Span, did_you_mean
from stiffdsl.sources import load_data
from stiffdsl.syntax import tree
from stiffdsl.syntax.large import large_trees


def check(
    module: tree.Module,
    source: Source,
    *,
    model: str | None = None,
    load: Load,
    load_data: LoadData = load_data,
) -> CheckedModel:
    """The main model of a parsed file: `model`, or the last model that is not partial.

    `load(dotted, importing_source)` finds the text of an import, or gives None, and `load_data(name, source)` a data
    file. Raises `ModelError` with every independent mistake of the file and of the classes it uses.
    """
    report = Report()
    scope, classes = _check_classes(module, source, load, report, load_data)
    main = _main(scope, model, report)
    report.raise_errors()
    assert main is not None, "no main model, and no word about it"
    assert isinstance(main.declaration, tree.Model)
    try:
        with large_trees():
            entity = classes.entity(main.scope, main.declaration)
            root = classes.finish(entity)
    except RecursionError:
        raise ModelError([_too_deep(report, module)]) from None
    _report_missing(report, root.name, classes.missing(entity))
    report.raise_errors()
    return CheckedModel(root, source, report.warnings)


def check_file(module: tree.Module, source: Source, *, load: Load) -> tuple[Diagnostic, ...]:
    """Check a file that need not hold a main model. Gives the warnings; raises `ModelError`."""
    return tests_of(module, source, load=load)[1]


def tests_of(
    module: tree.Module, source: Source, *, load: Load
) -> tuple[list[CheckedTest], tuple[Diagnostic, ...]]:
    """The tests of a checked file, and the warnings. Raises `ModelError` with all mistakes of the file."""
    report = Report()
    scope, classes = _check_classes(module, source, load, report)
    try:
        with large_trees():
            tests = check_tests(scope, classes, report)
    except RecursionError:
        raise ModelError([_too_deep(report, module)]) from None
    report.raise_errors()
    return tests, report.warnings


def classes_of(module: tree.Module, source: Source, *, load: Load) -> list[Class]:
    """The models of a checked file that are not partial, also those whose users give parameters their values."""
    report = Report()
    scope, classes = _check_classes(module, source, load, report)
    report.raise_errors()
    models = [d for d in module.declarations if isinstance(d, tree.Model) and not d.partial]
    return [classes.finish(classes.entity(scope, d)) for d in models]


def _check_classes(
    module: tree.Module, source: Source, load: Load, report: Report, load_data: LoadData = load_data
) -> tuple[Scope, Classes]:
    tables = TableElaboration(report, load_data)
    classes = Classes(report, tables)
    try:
        with large_trees():
            scope = SourceFiles(load, report).open(source, module)
            for declaration in module.declarations:
                if isinstance(declaration, tree.Model | tree.Connector):
                    classes.finish(classes.entity(scope, declaration))
            _check_constants_and_functions(scope, report, tables)
    except RecursionError:
        raise ModelError([_too_deep(report, module)]) from None
    return scope, classes


# Mistakes in the body of a function that do not depend on what it is called with.
_CALL_INDEPENDENT = frozenset({"E0220", "E0223", "E0230", "E0231", "E0232", "E0233", "E0501"})


def _check_constants_and_functions(scope: Scope, report: Report, tables: TableElaboration) -> None:
    """Check what no class may have used yet."""
    names = VisibleNames(scope, None)
    for declaration in scope.module.declarations:
        walker = Walker(report, names, {}, tables)
        if isinstance(declaration, tree.Variable):
            place = tree.Name((tree.Part(declaration.name),), declaration.name_span)
            walker.constants.resolve(LocatedDeclaration(scope, declaration), place)
        elif isinstance(declaration, tree.FunctionDeclaration):
            _check_function(scope, declaration, report, tables)
        elif isinstance(declaration, tree.TableDeclaration):
            if declaration.value is None:
                report.say(
                    "E0228",
                    f"`{declaration.name}` has no value",
                    (declaration.name_span, "a table of a file needs one"),
                )
            tables.of(declaration)
        elif isinstance(declaration, tree.NetworkDeclaration):
            walker.file_network(LocatedDeclaration(scope, declaration))


def _check_function(
    scope: Scope, function: tree.FunctionDeclaration, report: Report, tables: TableElaboration
) -> None:
    name, span = function.name, function.name_span
    if name in BUILTINS or name in ARRAY_FUNCTIONS:
        report.say(
            "E0205", f"`{name}` is reserved", (span, "is a built-in function"), help="choose another name"
        )
    known: dict[str, tree.Formal | tree.Local] = {}
    for item in (*function.formals, *function.locals):
        if item.name in RESERVED:
            say_reserved(report, item.name, item.name_span)
        if item.name in known:
            say_duplicate(report, item.name, item.name_span, known[item.name].name_span)
        known.setdefault(item.name, item)
    any_value = {
        f.name: Typed(tree.Name((tree.Part(f.name),), span), None, 0, Level.CONSTANT, False)
        for f in function.formals
    }
    found = Report()
    Walker(found, VisibleNames(scope, None), {}, tables).walk_function(function, any_value)
    report.take(found, _CALL_INDEPENDENT)


def _too_deep(report: Report, module: tree.Module) -> Diagnostic:
    label = Label(report.place or module.span, "in here")
    return Diagnostic(
        "E0258", "an expression is nested too deeply", (label,), help="split it into several `var`"
    )


def _main(scope: Scope, name: str | None, report: Report) -> LocatedDeclaration | None:
    models = {d.name: d for d in scope.module.declarations if isinstance(d, tree.Model)}
    start = scope.module.span
    if name is not None:
        found = scope.find(name)
        if found is None or not isinstance(found.declaration, tree.Model):
            report.say(
                "E0206",
                f"there is no model `{name}` in this file",
                (_first_line(start), f"has {', '.join(f'`{m}`' for m in models) or 'no models'}"),
                help=did_you_mean(name, models),
            )
            return None
        if found.declaration.partial:
            _say_partial(report, found.declaration)
        return found
    whole = [m for m in models.values() if not m.partial]
    if whole:
        return LocatedDeclaration(scope, whole[-1])
    if models:
        _say_partial(report, list(models.values())[-1])
    else:
        report.say("E0206", "there is no model in this file", (_first_line(start), "nothing to simulate"))
    return None


def _say_partial(report: Report, model: tree.Model) -> None:
    report.say(
        "E0212",
        f"`{model.name}` is partial: it is there to be extended",
        (model.name_span, "cannot be the main model"),
        help="name a model that is complete, or take `partial` away",
    )


def _first_line(span: Span) -> Span:
    length = max(1, len(span.source.line(1)))
    return Span(span.source, 1, 1, 1, length + 1)


def _report_missing(report: Report, model: str, missing: dict[str, Span]) -> None:
    for name, span in missing.items():
        report.say(
            "E0228",
            f"`{name}` has no value",
            (span, "needs one"),
            notes=(f"`{model}` is the main model, so nobody else can give it",),
            help=f"write `{name} = ...`"
            if "." not in name
            else f"set it as a modifier: `{name.partition('.')[2]} = ...`",
        )
        if len(missing) > 20:
            more = count_of(len(missing) - 1, "parameter has", "parameters have")
            report.say("E0228", f"{more} no value either", (span, "the first of them"))
            return
