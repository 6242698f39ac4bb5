"""The compiler, read from top to bottom: text in, a compiled model out, every stage in its order.

`on_stage(name, representation, seconds)` is called after each stage: timing, printing and checking hang there.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.sources import load_data, load_import

STAGES = ("syntax", "check", "flat", "graph", "program", "runtime")

# Messages that unknowns and equations of the whole model do not fit.
_COUNTS = ("E0312", "E0313", "E0314")

Hook = Callable[[str, Any, float], None]
Change = Callable[[Any], Any]

# Expressions nest; Python's default limit would call a long formula an internal fault.
_RECURSION = 20_000


def compile_model(
    source: Source,
    model: str | None = None,
    constants: Mapping[str, float | str] | None = None,
    stop_after: str | None = None,
    on_stage: Hook | None = None,
    find: Callable[[str, Source], Source | None] | None = None,
    eliminate_conserved: bool = False,
    change: Change | None = None,
    by_shape: bool = True,
    find_data: Callable[[str, Source], Any] | None = None,
    tables: Mapping[str, Any] | None = None,
) -> Any:
    """Compiles the main model of `source` (or the one named `model`), with `const` values replaced by `constants`, and
    the figures of tables by those of `tables`.

    Returns the `CompiledModel`, or the representation of the stage `stop_after`. Raises `ModelError` with every
    independent mistake found. `find(module, importing)` is where imports are looked up, `find_data(name, importing)`
    where data files are. With
    `eliminate_conserved`, every conserved quantity gives a state (see `graph/conservation/eliminate.py`). `change`
    makes another model of the checked one (a part gives way to its surrogate); where the result is compiled again in
    another process it is pickled. Without `by_shape` lines of one shape are read one by one, which comes to the same.
    """
    assert stop_after is None or stop_after in STAGES, stop_after
    from stiffdsl.solve.base import arguments

    if model is not None:
        arguments.text(model, "`model`")
    constants = {
        name: value if isinstance(value, str) else arguments.number(value, f"the constant `{name}`")
        for name, value in arguments.mapping(constants, "`constants`").items()
    }
    # What is compiled again, here or in another process, is what was given, whatever becomes of it.
    tables = deepcopy(dict(arguments.mapping(tables, "`tables`")))
    if sys.getrecursionlimit() < _RECURSION:
        sys.setrecursionlimit(_RECURSION)
    from stiffdsl.check.grouped_lines import NotGrouped
    from stiffdsl.syntax.grouped_lines import parse_grouped
    from stiffdsl.syntax.parse import parse

    def parse_by_shape(source: Source) -> Any:
        nonlocal grouped
        module, grouped = parse_grouped(source)
        return module

    grouped = False
    found = find or load_import, find_data or load_data
    stages = partial(_stages, source, model, constants, *found, eliminate_conserved, change, tables)
    if stop_after in ("syntax", "check") or not by_shape:
        return _run(partial(stages, parse), source, stop_after, on_stage)
    try:
        return _run(partial(stages, parse_by_shape), source, stop_after, on_stage)
    except (ModelError, NotGrouped):
        if not grouped:
            raise
    # What is wrong with lines that were read by their shape is told by reading them one by one.
    return _run(partial(stages, parse), source, stop_after, on_stage)


def _run(
    stages: Callable[[dict[str, float]], Iterator[tuple[str, Callable[[Any], Any]]]],
    source: Source,
    stop_after: str | None,
    on_stage: Hook | None,
) -> Any:
    """The representation after `stop_after`, or after the last of the stages."""
    seconds: dict[str, float] = {}
    result: Any = source
    for name, stage in stages(seconds):
        start = time.perf_counter()
        result = stage(result)
        seconds[name] = time.perf_counter() - start
        if on_stage is not None:
            on_stage(name, result, seconds[name])
        if name == stop_after:
            break
    return result


def _stages(
    source: Source,
    model: str | None,
    constants: Mapping[str, float | str],
    find: Callable[[str, Source], Source | None],
    find_data: Callable[[str, Source], Any],
    eliminate_conserved: bool,
    change: Change | None,
    tables: Mapping[str, Any] | None,
    parse: Callable[[Source], Any],
    seconds: dict[str, float],
) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Every stage with its name; imports are here so that `stiffdsl check` never pays for JAX."""
    yield "syntax", parse

    from stiffdsl.check import check

    imported: dict[tuple[str, str], Source | None] = {}
    files: dict[tuple[str, str], Any] = {}

    def load_file(name: str, importing: Source) -> Any:
        found = files[name, importing.name] = find_data(name, importing)
        return found

    def load(module: str, importing: Source) -> Source | None:
        found = imported[module, importing.name] = find(module, importing)
        return found

    root: Any = None

    def checked(module: Any) -> Any:
        nonlocal root
        found = check(module, source, model=model, load=load, load_data=load_file)
        found = found if change is None else change(found)
        root = found.root
        return found

    yield "check", checked

    from stiffdsl.flat.flatten import flatten

    def flat(checked: Any) -> Any:
        if not tables:
            return flatten(checked, constants)
        from stiffdsl.runtime.lookup_tables import FiguresOfTables

        given = FiguresOfTables(tables)
        found = flatten(checked, constants, given)
        given.check_names()
        return found

    yield "flat", flat

    from stiffdsl.graph.sort import sort

    def sorted_(flat: Any) -> Any:
        try:
            return sort(flat)
        except ModelError as error:
            raise _at_components(error, root, source) from None

    if eliminate_conserved:
        from stiffdsl.graph.conservation.eliminate import eliminate_conserved as eliminate

        yield "graph", lambda flat: eliminate(sorted_(flat))
    else:
        yield "graph", sorted_

    from stiffdsl.program.lower import lower
    from stiffdsl.program.singular_defaults import regular_at_defaults

    yield "program", lambda system: regular_at_defaults(lower(system))

    from stiffdsl.model import CompiledModel

    origin = Origin(source, model, constants, imported, eliminate_conserved, change, files, tables)
    yield "runtime", lambda program: CompiledModel(program, seconds, origin)


def _at_components(error: ModelError, root: Any, source: Source) -> ModelError:
    """The error, or where unknowns and equations do not fit because components are out of balance, that of these."""
    from stiffdsl.flat.connections.balance import unbalanced

    rest = [d for d in error.diagnostics if d.code not in _COUNTS]
    if len(rest) == len(error.diagnostics):
        return error
    found = unbalanced(root, source)
    return ModelError([*found, *rest]) if found else error


@dataclass(frozen=True, eq=False)
class Origin:
    """Compiles a model once more, also in a process that may not have the files: `imported` are the texts that imports
    found the first time."""

    source: Source
    model: str | None
    constants: Mapping[str, float | str]
    imported: dict[tuple[str, str], Source | None]
    eliminate_conserved: bool
    change: Change | None
    # The data files that tables and inputs name, as they were read.
    files: dict[tuple[str, str], Any] = field(default_factory=dict)
    # Figures that tables have in the place of those in the text.
    tables: Mapping[str, Any] | None = None

    def __call__(
        self,
        change: Change | None = None,
        constants: Mapping[str, float | str] | None = None,
        stop_after: str | None = None,
    ) -> Any:
        """The model, or what it is after a stage; with a further `change`, or with other `constants` than it had."""
        if change is None or self.change is None:
            change = change or self.change
        else:
            change = Both(self.change, change)
        return compile_model(
            self.source,
            self.model,
            self.constants if constants is None else constants,
            stop_after=stop_after,
            find=self.found,
            find_data=self.found_data,
            eliminate_conserved=self.eliminate_conserved,
            change=change,
            tables=self.tables,
        )

    def found_data(self, name: str, importing: Source) -> Any:
        """The data file that a name gave."""
        return self.files.get((name, importing.name))

    def found(self, module: str, importing: Source) -> Source | None:
        """The text that an import gave."""
        return self.imported.get((module, importing.name))


@dataclass(frozen=True)
class Both:
    """Two changes of a model, one after the other."""

    first: Change
    second: Change

    def __call__(self, checked: Any) -> Any:
        return self.second(self.first(checked))
