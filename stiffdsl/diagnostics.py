"""Diagnostics of mistakes in models: plain data, and the one renderer that prints it.

A `Diagnostic` is never an exception while it is gathered; a stage that cannot go on raises `ModelError`
with every diagnostic it found. Codes are `E` + stage + two digits: E01 syntax, E02 check, E03 flat and
graph (structure), E04 initial values, E05 units; `W` for warnings.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """A name (a path, or `<text>`) and the text that was read."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        starts = [0]
        starts.extend(i + 1 for i, c in enumerate(self.text) if c == "\n")
        return tuple(starts)

    def line(self, number: int) -> str:
        """Line `number`, counted from 1, without its line end."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source: lines and columns count from 1, `end_column` is exclusive."""

    source: Source = field(repr=False, compare=False)
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: "Span") -> "Span":
        return Span(self.source, self.line, self.column, other.end_line, other.end_column)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Label:
    """A place in the text and the short phrase that is written under it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake: what is wrong, where, why, and a way out where one is known.

    `labels[0]` is the primary place. `title` is lower case without a full stop, with code in backticks.
    """

    code: str
    title: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None

    @property
    def level(self) -> str:
        return "warning" if self.code.startswith("W") else "error"


class ModelError(Exception):
    """The model is wrong; `diagnostics` says how, `str()` is the text a user reads."""

    def __init__(self, diagnostics: Iterable[Diagnostic]):
        self.diagnostics = tuple(diagnostics)
        assert self.diagnostics, "a ModelError needs a diagnostic"
        super().__init__("\n\n".join(render(d) for d in self.diagnostics))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the closest known name, or None: no hint beats a bad one."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if not close:
        close = [n for n in names if n.lower() == name.lower()][:1]
    return f"did you mean `{close[0]}`?" if close else None


def render(diagnostic: Diagnostic) -> str:
    """The text of one message, in the form of the language page."""
    lines = [f"{diagnostic.level}[{diagnostic.code}]: {diagnostic.title}"]
    width = max((len(str(label.span.line)) for label in diagnostic.labels), default=1)
    for label in diagnostic.labels:
        span = label.span
        if not span.source.text:
            continue  # a file that cannot be read
        text = span.source.line(span.line).replace("\t", " ")
        end = span.end_column if span.end_line == span.line else len(text) + 1
        carets = "^" * max(1, end - span.column)
        lines.append(f"{' ' * width}--> {span}")
        lines.append(f"{' ' * width} |")
        lines.append(f"{span.line:>{width}} | {text}")
        underline = f"{' ' * width} | {' ' * (span.column - 1)}{carets} {label.text}"
        lines.append(underline.rstrip())
    for note in diagnostic.notes:
        lines.append(f"{' ' * width} = note: {note}")
    if diagnostic.help:
        lines.append(f"{' ' * width} = help: {diagnostic.help}")
    return "\n".join(lines)


def within(span: Span, text: str) -> Span:
    """The first place of `text` as a whole word in `span`, or `span` where it is not found."""
    pattern = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
    for number in range(span.line, span.end_line + 1):
        start = span.column - 1 if number == span.line else 0
        found = pattern.search(span.source.line(number), start)
        if found:
            return Span(span.source, number, found.start() + 1, number, found.end() + 1)
    return span


def written(span: Span) -> str:
    """The source text of a span on one line, shortened where it is long."""
    line = span.source.line(span.line)
    text = (
        line[span.column - 1 : span.end_column - 1] if span.line == span.end_line else line[span.column - 1 :]
    )
    text = text.strip()
    return text if len(text) <= 40 else text[:37] + "..."
