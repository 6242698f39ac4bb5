"""Files and what they declare: imports are found, parsed once, and looked up; cycles are reported.

`load(dotted, importing_source)` finds the text: beside the importing file, in the project's root, in the library. Names
are resolved where they are written: a base class sees the imports of its own file.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from stiffdsl.check.report import Report
from stiffdsl.diagnostics import ModelError, Source, Span, within, written
from stiffdsl.syntax import tree
from stiffdsl.syntax.lexer import canonical
from stiffdsl.syntax.parse import parse

Load = Callable[[str, Source], Source | None]
Declared = (
    tree.Model
    | tree.Connector
    | tree.FunctionDeclaration
    | tree.Enum
    | tree.Variable
    | tree.TableDeclaration
    | tree.NetworkDeclaration
)

RESERVED = frozenset({"time", "pi", "true", "false", "der"})


@dataclass(frozen=True, slots=True, eq=False)
class LocatedDeclaration:
    """A declaration and the file it is written in."""

    scope: "Scope"
    declaration: Declared


@dataclass(eq=False)
class Scope:
    """One file: its own declarations, names brought in by `from`, and files made visible by `import`."""

    source: Source
    module: tree.Module
    names: dict[str, LocatedDeclaration] = field(default_factory=dict)
    modules: dict[str, "Scope"] = field(default_factory=dict)
    complete: bool = True  # False where an import failed: a name that is not found may be a consequence of it

    def find(self, dotted: str) -> LocatedDeclaration | None:
        """The declaration that `Resistor` or `electrical.Resistor` stands for in this file, if any."""
        if dotted in self.names:
            return self.names[dotted]
        prefix, _, last = dotted.rpartition(".")
        if prefix in self.modules:
            return self.modules[prefix].names.get(last)
        return None

    def known(self, *kinds: type) -> list[str]:
        """Every name that `find` accepts for a declaration of one of `kinds`."""
        own = [n for n, f in self.names.items() if isinstance(f.declaration, kinds)]
        for prefix, scope in self.modules.items():
            own.extend(f"{prefix}.{n}" for n, f in scope.names.items() if isinstance(f.declaration, kinds))
        return own


class SourceFiles:
    """Every file of this run, parsed once."""

    def __init__(self, load: Load, report: Report):
        self._load = load
        self._report = report
        self._scopes: dict[str, Scope | None] = {}
        self._open: list[Source] = []

    def open(self, source: Source, module: tree.Module) -> Scope:
        """The scope of a parsed file, with its imports read."""
        scope = Scope(source, module)
        self._scopes[_file(source)] = scope
        self._open.append(source)
        for statement in module.imports:
            self._import(scope, statement)
        self._open.pop()
        self._declare(scope)
        return scope

    def _import(self, scope: Scope, statement: tree.Import) -> None:
        report = self._report
        source = self._load(statement.module, scope.source)
        if source is None:
            path = statement.module.replace(".", "/")
            scope.complete = False
            report.say(
                "E0201",
                f"there is no file for `{statement.module}`",
                (statement.span, "cannot be found"),
                notes=(
                    f"looked for `{path}.sml` beside this file, in the project's root and in the library",
                ),
                help="the root is the nearest folder above with a file `stiffdsl.toml`; "
                "`stiffdsl library` lists what ships with the package",
            )
            return
        file = _file(source)
        being_read = [_file(s) for s in self._open]
        if file in being_read:
            scope.complete = False
            around = [s.name for s in self._open[being_read.index(file) :]]
            around.append(around[0])
            report.say(
                "E0202",
                "these files import each other in a circle",
                (statement.span, "closes the circle"),
                notes=(" imports ".join(f"`{name}`" for name in around),),
                help="move what both need into a third file",
            )
            return
        if file not in self._scopes:
            self._scopes[file] = None
            try:
                self.open(source, parse(source))
            except ModelError as error:
                for diagnostic in error.diagnostics:
                    report.add(diagnostic)
        target = self._scopes[file]
        if target is None:
            scope.complete = False
            return
        if statement.names is None:
            scope.modules[statement.module] = target
            return
        for name in statement.names:
            found = target.names.get(name)
            if found is None:
                title = f"`{statement.module}` has no `{name}`"
                if target.complete:
                    known = list(target.names)
                    report.suggest("E0203", title, within(statement.span, name), "asks for it", name, known)
                scope.complete = False
            else:
                self._add(scope, name, found, statement.span)

    def _declare(self, scope: Scope) -> None:
        for declaration in scope.module.declarations:
            if isinstance(declaration, tree.Test):
                continue
            self._add(scope, declaration.name, LocatedDeclaration(scope, declaration), declaration.name_span)

    def _add(self, scope: Scope, name: str, found: LocatedDeclaration, span: Span) -> None:
        if name in RESERVED:
            say_reserved(self._report, name, span)
        earlier = scope.names.get(name)
        if earlier is not None and earlier.declaration is not found.declaration:
            say_duplicate(self._report, name, span, earlier.declaration.name_span)
            return
        scope.names[name] = found


def _file(source: Source) -> str:
    """The file of a source: two names of one (`cell.sml`, `../battery/cell.sml`) are one file."""
    return os.path.realpath(source.name)


def say_reserved(report: Report, name: str, span: Span) -> None:
    """Report a declaration whose name the language keeps."""
    report.say("E0205", f"`{name}` is reserved", (span, "cannot be declared"), help="choose another name")


def say_duplicate(report: Report, name: str, span: Span, earlier: Span) -> None:
    """Report a second declaration of a name in one scope; two spellings of it are told apart."""
    again, first = written(span), written(earlier)
    same = f"`{again}` and `{first}` are one name: Unicode gives both the same plain form, `{name}`"
    spelled = again != first and name in (canonical(again), canonical(first))
    report.say(
        "E0204",
        f"`{again if spelled else name}` is declared twice",
        (span, "declared again"),
        (earlier, "first declared here"),
        notes=(same,) if spelled else (),
        help="rename one of them",
    )
