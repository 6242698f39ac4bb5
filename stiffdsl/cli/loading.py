"""From a file and the words of the command line to a compiled model and the values it is run with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from stiffdsl.cli.files import read_source
from stiffdsl.cli.options import Setting
from stiffdsl.cli.terminal import progress
from stiffdsl.diagnostics import Source, did_you_mean

DOING = {
    "syntax": "reading",
    "check": "checking",
    "flat": "flattening",
    "graph": "sorting",
    "program": "generating",
    "runtime": "preparing",
}


@dataclass
class Loaded:
    """A compiled model and the values given for it: `params`, `inputs` by scalar name, in declared units."""

    model: Any
    source: Source
    params: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, float] = field(default_factory=dict)


def load(file: str, model: str | None, settings: Iterable[Setting] = ()) -> Loaded:
    """Compiles `file`; settings of a `const` take part in that, the others are returned as params and inputs.

    Raises ModelError for a wrong model, Failure for an unreadable file, UsageError for a name that cannot be
    set.
    """
    source = read_source(file)
    settings = list(settings)
    with progress("reading") as tell:
        constants, values = split_constants(source, model, settings)
        compiled = compile_source(source, model, constants, tell=tell)
    loaded = Loaded(compiled, source)
    tables = {"params": rows_of(compiled.parameters), "inputs": rows_of(compiled.inputs)}
    for setting in values:
        assign(loaded, tables, setting)
    return loaded


def compile_source(
    source: Source, model: str | None, constants: dict[str, float], *, stop_after=None, tell=None
) -> Any:
    from stiffdsl.pipeline import compile_model

    def on_stage(stage: str, *_: object) -> None:
        if tell is not None:
            tell(DOING.get(stage, stage))

    return compile_model(source, model, constants, stop_after=stop_after, on_stage=on_stage)


def split_constants(
    source: Source, model: str | None, settings: list[Setting]
) -> tuple[dict[str, float], list[Setting]]:
    """Settings of structural constants, in SI, and the remaining settings."""
    if not settings:
        return {}, []
    from stiffdsl.check.units import parse_unit

    root = compile_source(source, model, {}, stop_after="check").root
    declared = {v.name: v for v in root.variables if v.kind == "const"}
    constants: dict[str, float] = {}
    rest: list[Setting] = []
    for setting in settings:
        if setting.name in declared:
            unit = declared[setting.name].unit
            value = in_declared_unit(setting, unit)
            constants[setting.name] = parse_unit(unit).to_si(value) if unit else value
        else:
            rest.append(setting)
    return constants, rest


def rows_of(table: Iterable[Any]) -> dict[str, Any]:
    return {row.name: row for row in table}


def assign(loaded: Loaded, tables: dict[str, dict[str, Any]], setting: Setting) -> None:
    """Puts a setting among the params or inputs; the name of an array means all its elements."""
    for kind, rows in tables.items():
        target = loaded.params if kind == "params" else loaded.inputs
        names = [setting.name] if setting.name in rows else elements(setting.name, rows)
        for name in names:
            target[name] = in_declared_unit(setting, rows[name].unit)
        if names:
            return
    raise click.UsageError(unknown_name(setting.name, loaded.model, tables))


def elements(name: str, rows: Iterable[str]) -> list[str]:
    return [row for row in rows if row.startswith(name + "[") and row.endswith("]")]


def unknown_name(name: str, model: Any, tables: dict[str, dict[str, Any]]) -> str:
    """Why `name` cannot be set: it is something else, or there is nothing of that name."""
    if name in rows_of(model.variables):
        return f"`{name}` is a variable: it is computed, only parameters, inputs and consts can be set"
    known = [n for rows in tables.values() for n in rows]
    hint = did_you_mean(name, known)
    if hint is None and known:
        listed = ", ".join(f"`{n}`" for n in known[:8]) + (", …" if len(known) > 8 else "")
        hint = f"it has {listed}"
    return f"the model has no parameter, input or const `{name}`" + (f"; {hint}" if hint else "")


def in_declared_unit(setting: Setting, declared: str | None) -> float:
    """A setting as a number in the declared unit; raises UsageError where the units do not agree."""
    if setting.unit is None or setting.unit == declared:
        return setting.value
    from stiffdsl.check.units import UnitError, parse_unit

    if declared is None:
        raise click.UsageError(f"`{setting.name}` is declared without a unit; give a bare number")
    try:
        given, wanted = parse_unit(setting.unit), parse_unit(declared)
    except UnitError as error:
        raise click.UsageError(f"--set {setting.name}: {error}; it is declared in [{declared}]") from None
    if given.dimension != wanted.dimension:
        raise click.UsageError(f"[{setting.unit}] does not fit `{setting.name}`, which is in [{declared}]")
    return (given.to_si(setting.value) - wanted.shift) / wanted.scale
