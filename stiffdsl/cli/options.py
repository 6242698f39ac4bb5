"""Values given on the command line: times, settings, ranges; and the options that several commands share."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from stiffdsl.cli.ranges import bounds, stretch, swept
from stiffdsl.quantity import number, numbers, with_unit

NAME = re.compile(r"[^\W\d]\w*(\[\s*\d+\s*(,\s*\d+\s*)*\])?(\.[^\W\d]\w*(\[\s*\d+\s*(,\s*\d+\s*)*\])?)*")


_LABELS = re.compile(r"\s*(?:[^\W\d]\w*|\{\s*[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*\s*\})\s*")


@dataclass(frozen=True)
class Setting:
    """`name=value`: a number or an array, in the declared unit or with one of its own, `T=20[degC]`; a label of an
    enumeration, or an array of those, is kept as text."""

    name: str
    value: float | list[Any] | str
    unit: str | None = None


@dataclass(frozen=True)
class Variation:
    """`name=low..high`, in the declared unit or with one of its own; a name alone has no `range`: its declared one."""

    name: str
    range: tuple[float, float] | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Sweep:
    """`name=low..high:count`, or `name={1,2,5}`: the values that runs take one after the other."""

    name: str
    values: list[float]
    unit: str | None = None


@dataclass(frozen=True)
class DrivenInput:
    """`name=FILE:column`: an input that a column of a file drives."""

    name: str
    path: str
    column: str | None


def split_assignment(text: str, example: str) -> tuple[str, str]:
    """`name` and what follows the `=`; blanks inside an index are dropped."""
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not value.strip():
        raise ValueError(f"`{text}` is not of the form {example}")
    if not NAME.fullmatch(name):
        raise ValueError(f"`{name}` is not a name; write {example}")
    return re.sub(r"\s+", "", name), value.strip()


class StretchType(click.ParamType):
    name = "A..B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            return stretch(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SweepType(click.ParamType):
    name = "NAME=A..B:N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, Sweep):
            return value
        try:
            name, text = split_assignment(value, "k1=1..5:20")
            return Sweep(name, *swept(text))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DrivenType(click.ParamType):
    name = "NAME=FILE[:COLUMN]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, DrivenInput):
            return value
        try:
            name, text = split_assignment(value, "u=data.csv:column")
        except ValueError as error:
            self.fail(str(error), param, ctx)
        path, colon, column = text.rpartition(":")
        return DrivenInput(name, path, column.strip()) if colon and path else DrivenInput(name, text, None)


class ChoiceType(click.ParamType):
    """A name out of a list that is imported only where help shows it: what it checks is left to the command."""

    name = "NAME"

    def __init__(self, known: Callable[[], Sequence[str]]):
        self.known = known

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "|".join(("auto", *self.known()))


def methods() -> Sequence[str]:
    from stiffdsl.solve.base.method_table import METHODS

    return tuple(METHODS)


def linear_solvers() -> Sequence[str]:
    from stiffdsl.solve.base.options import LINEAR

    return LINEAR


class SettingType(click.ParamType):
    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, Setting):
            return value
        try:
            name, text = split_assignment(value, "k1=0.05")
            value, unit = with_unit(text)
            if unit is None and _LABELS.fullmatch(value) and value not in ("inf", "nan", "infinity"):
                return Setting(name, value)
            return Setting(name, numbers(value), unit)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class VariationType(click.ParamType):
    name = "NAME[=A..B]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, Variation):
            return value
        try:
            if NAME.fullmatch(value.strip()):
                return Variation(re.sub(r"\s+", "", value))
            name, text = split_assignment(value, "k1=0.02..0.06")
            low, high, unit = bounds(text)
            return Variation(name, (low, high), unit)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class ShareType(click.ParamType):
    """A relative error above zero: `1%` or `0.01`."""

    name = "1%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value).strip()
        try:
            result = number(text.removesuffix("%")) * (0.01 if text.endswith("%") else 1.0)
            if result <= 0:
                raise ValueError(f"{text} is not above zero")
            return result
        except ValueError as error:
            self.fail(str(error), param, ctx)


class PositiveType(click.ParamType):
    """A tolerance: a finite number above zero."""

    name = "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            result = number(str(value))
            if result <= 0:
                raise ValueError(f"{value} is not above zero")
            return result
        except ValueError as error:
            self.fail(str(error), param, ctx)


def file_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("file", metavar="FILE")(function)


def model_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--model", metavar="M", help="The model to use; otherwise the last one in FILE.")(
        function
    )


def set_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--set",
        "settings",
        type=SettingType(),
        multiple=True,
        help="Give a parameter, an input or a const another value: k1=0.05, x[2]=3, T=20[degC]. Repeatable.",
    )(function)


def time_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--time",
        "span",
        type=StretchType(),
        help="Start and end, 0..10, 0..1[h], or the end alone; otherwise the experiment of the model.",
    )(function)


def eliminate_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--eliminate-conserved",
        "eliminate",
        is_flag=True,
        help="Let every conserved quantity (A + B + C) give one state, with its total from the start values.",
    )(function)


def outputs_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--outputs",
        metavar="A,B",
        callback=lambda ctx, param, text: None if text is None else split_names(text),
        help="Only these variables: nothing that they do not depend on is computed.",
    )(function)


def split_names(text: str) -> tuple[str, ...]:
    """`A, x[1,2], r.v`: names between commas that are not those of an index. Raises UsageError."""
    names = [re.sub(r"\s+", "", n) for n in re.split(r",(?![^\[]*\])", text) if n.strip()]
    for name in names:
        if not NAME.fullmatch(name):
            raise click.UsageError(f"--outputs: `{name}` is not a name; write --outputs A,r.v")
    if not names:
        raise click.UsageError("--outputs takes the names of variables: --outputs A,r.v")
    return tuple(names)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")(function)
