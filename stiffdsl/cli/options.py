"""Values given on the command line: times, settings, ranges; and the options that several commands share."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

NAME = re.compile(r"[A-Za-z_]\w*(\[\s*\d+\s*(,\s*\d+\s*)*\])?(\.[A-Za-z_]\w*(\[\s*\d+\s*(,\s*\d+\s*)*\])?)*")
VALUE = re.compile(r"(?P<number>[^\[\]]+?)\s*(\[(?P<unit>[^\[\]]*)\])?")


@dataclass(frozen=True)
class Setting:
    """`name=value`; the value may carry a unit, `T=20[degC]`, and is in the declared unit without one."""

    name: str
    value: float
    unit: str | None = None


@dataclass(frozen=True)
class Variation:
    """`name=low..high`, in the declared unit."""

    name: str
    low: float
    high: float


def number(text: str) -> float:
    """A finite number; raises ValueError with a sentence."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"`{text.strip()}` is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"`{text.strip()}` is not a finite number")
    return value


def interval(text: str) -> tuple[float, float]:
    """`0..10`, ascending; raises ValueError with a sentence."""
    low, dots, high = text.partition("..")
    if not dots:
        raise ValueError(f"`{text}` is not a range; write it as 0..10")
    first, last = number(low), number(high)
    if not first < last:
        raise ValueError(f"the range {text} is empty: its first number must be the smaller one")
    return first, last


def split_assignment(text: str, example: str) -> tuple[str, str]:
    """`name` and what follows the `=`; blanks inside an index are dropped."""
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not value.strip():
        raise ValueError(f"`{text}` is not of the form {example}")
    if not NAME.fullmatch(name):
        raise ValueError(f"`{name}` is not a name; write {example}")
    return re.sub(r"\s+", "", name), value.strip()


class IntervalType(click.ParamType):
    name = "A..B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            return interval(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SettingType(click.ParamType):
    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, Setting):
            return value
        try:
            name, text = split_assignment(value, "k1=0.05")
            match = VALUE.fullmatch(text)
            if match is None:
                raise ValueError(f"`{text}` is not a number, or a number with a unit like 20[degC]")
            return Setting(name, number(match["number"]), match["unit"].strip() if match["unit"] else None)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class VariationType(click.ParamType):
    name = "NAME=A..B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, Variation):
            return value
        try:
            name, text = split_assignment(value, "k1=0.02..0.06")
            return Variation(name, *interval(text))
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
