"""From a file and the words of the command line to a compiled model and the values it is run with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from stiffdsl.cli.files import read_source
from stiffdsl.cli.options import Setting, Sweep
from stiffdsl.cli.terminal import progress
from stiffdsl.diagnostics import Source, did_you_mean

if TYPE_CHECKING:
    from stiffdsl.runtime.names import NamedScalars

# Work in progress after the end of each stage.
NEXT = {
    "syntax": "checking",
    "check": "flattening",
    "flat": "sorting",
    "graph": "generating",
    "program": "preparing",
}


@dataclass
class Loaded:
    """A compiled model and the values given for it: `params`, `inputs` by scalar name, in declared units."""

    model: Any
    source: Source
    params: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, float] = field(default_factory=dict)


def load(
    file: str, model: str | None, settings: Iterable[Setting] = (), *, eliminate: bool = False
) -> Loaded:
    """Compiles `file`; settings of a `const` take part in that, the others are returned as params and inputs.

    Raises ModelError for a wrong model, Failure for an unreadable file, UsageError for a name that cannot be
    set.
    """
    source = read_source(file)
    settings = list(settings)
    with progress("reading") as tell:
        constants, values = split_constants(source, model, settings)
        compiled = compile_source(source, model, constants, tell=tell, eliminate=eliminate)
    loaded = Loaded(compiled, source)
    for setting in values:
        assign(loaded, setting)
    return loaded


def compile_source(
    source: Source,
    model: str | None,
    constants: dict[str, float],
    *,
    stop_after: str | None = None,
    tell: Callable[[str], None] | None = None,
    eliminate: bool = False,
) -> Any:
    from stiffdsl.pipeline import compile_model

    def on_stage(stage: str, *_: object) -> None:
        if tell is not None:
            tell(NEXT.get(stage, stage))

    return compile_model(
        source, model, constants, stop_after=stop_after, on_stage=on_stage, eliminate_conserved=eliminate
    )


def part_for(model: Any, outputs: tuple[str, ...] | None) -> Any:
    """The compiled model pruned to `outputs`; raises UsageError for a name that is no variable."""
    if outputs is None:
        return model
    from stiffdsl.runtime.output_slice import output_slice

    try:
        return output_slice(model, outputs).model
    except KeyError as error:
        raise click.UsageError(f"--outputs: {error.args[0]}") from None


def split_constants(
    source: Source, model: str | None, settings: list[Setting]
) -> tuple[dict[str, float], list[Setting]]:
    """Settings of structural constants, in SI, and the remaining settings."""
    if not settings:
        return {}, []
    from stiffdsl.check.quantities.units import parse_unit

    root = compile_source(source, model, {}, stop_after="check").root
    constants: dict[str, float] = {}
    rest: list[Setting] = []
    for setting in settings:
        const = find_const(root, setting.name)
        if const is None:
            rest.append(setting)
        else:
            value = in_declared_unit(setting, const.unit, const.labels)
            if not isinstance(value, float):
                raise click.UsageError(f"--set {setting.name}: a const takes a number here, not an array")
            constants[setting.name] = parse_unit(const.unit).to_si(value) if const.unit else value
    return constants, rest


def find_const(root: Any, name: str) -> Any:
    """The declaration of the `const` that a dotted name means, from class `root` down, or None."""
    *path, last = name.split(".")
    cls = root
    for segment in path:
        inside = [c.cls for c in cls.components if c.name == segment]
        if not inside:
            return None
        cls = inside[0]
    return next((v for v in cls.variables if v.kind == "const" and v.name == last), None)


def rows_of(table: Iterable[Any]) -> dict[str, Any]:
    return {row.name: row for row in table}


def assign(loaded: Loaded, setting: Setting) -> None:
    """Puts a setting among the params or inputs; the name of an array, or of an array's part, means all elements."""
    model = loaded.model
    for names, target in ((model.parameter_names, loaded.params), (model.input_names, loaded.inputs)):
        if setting.name in names:
            target.update(scalars(names.find(setting.name), setting))
            return
    tables = {"params": rows_of(model.parameters), "inputs": rows_of(model.inputs)}
    raise click.UsageError(unknown_name(setting.name, model, tables))


def starting(model: Any, settings: Iterable[Setting]) -> dict[str, float]:
    """Start values by the names of scalars; raises UsageError for a name that is no variable."""
    found: dict[str, float] = {}
    for setting in settings:
        if setting.name not in model.variable_names:
            hint = did_you_mean(setting.name, [row.name for row in model.states])
            raise click.UsageError(
                f"--initial: the model has no variable `{setting.name}`" + (f"; {hint}" if hint else "")
            )
        found |= scalars(model.variable_names.find(setting.name), setting)
    return found


def scalars(found: "NamedScalars", setting: Setting) -> dict[str, float]:
    """The value of each scalar that a name means, in its declared unit; raises UsageError for another shape."""
    import numpy as np

    values = np.asarray(in_declared_unit(setting, found.block.unit, found.block.labels))
    if values.shape not in ((), found.shape):
        wanted, given = ("×".join(map(str, shape)) for shape in (found.shape, values.shape))
        wanted = f"an array of {wanted}" if wanted else "one number"
        given = f"an array of {given}" if given else "one number"
        raise click.UsageError(f"`{setting.name}` takes {wanted}, not {given}")
    names = [found.block.scalar_name(int(k) - found.block.offset) for k in found.scalars.ravel()]
    return dict(zip(names, np.broadcast_to(values, found.shape).ravel().tolist(), strict=True))


def elements(name: str, rows: Iterable[str]) -> list[str]:
    return [row for row in rows if row.startswith(name + "[") and row.endswith("]")]


def unknown_name(name: str, model: Any, tables: dict[str, dict[str, Any]], *, sweeping: bool = False) -> str:
    """The message on a `name` that cannot be set, or swept: it is something else, or nothing has that name."""
    kinds = "parameters, inputs and start values" if sweeping else "parameters, inputs and consts"
    if name in rows_of(model.variables):
        start = name in rows_of(model.states) and not sweeping
        help = f"; a value at the start is --initial {name}=..." if start else ""
        return f"`{name}` is a variable: it is computed, only {kinds} can be {'swept' if sweeping else 'set'}{help}"
    known = [n for rows in tables.values() for n in rows]
    hint = did_you_mean(name, known)
    if hint is None and known:
        listed = ", ".join(f"`{n}`" for n in known[:8]) + (", …" if len(known) > 8 else "")
        hint = f"it has {listed}"
    what = "parameter, input or state" if sweeping else "parameter, input or const"
    return f"the model has no {what} `{name}`" + (f"; {hint}" if hint else "")


def in_declared_unit(setting: Setting | Sweep, declared: str | None, labels: tuple[str, ...] = ()) -> Any:
    """A setting's number, or an array of them, in the declared unit; raises UsageError where units do not agree."""
    import numpy as np

    value = setting.value if isinstance(setting, Setting) else setting.values
    if isinstance(value, str):
        from stiffdsl.check.quantities import conversion
        from stiffdsl.quantity import numbers

        try:
            return conversion.numbered(setting.name, value, labels) if labels else numbers(value)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    value = value if isinstance(value, float) else np.asarray(value, dtype=float)
    return converted(setting.name, value, setting.unit, declared)


def converted(name: str, value: Any, unit: str | None, declared: str | None) -> Any:
    """`value` in the unit that `name` is declared in; raises UsageError where `unit` is no such unit."""
    from stiffdsl.check.quantities import conversion

    try:
        return conversion.converted(name, value, unit, declared)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
