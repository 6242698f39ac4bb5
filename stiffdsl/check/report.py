"""Gather the mistakes of one run: the same mistake in many places is told once, with the number of places."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from stiffdsl.diagnostics import Diagnostic, Label, ModelError, Span, did_you_mean


class Report:
    """Collected diagnostics of a run. Checks go on after an error; `raise_errors` then ends the run."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Diagnostic] = {}
        self._repeats: dict[Hashable, int] = {}
        self.place: Span | None = None  # what is being looked at, for a mistake that stops the walk

    def add(self, diagnostic: Diagnostic, key: Hashable = None) -> None:
        """Keep a diagnostic; a second one with the same `key` is only counted."""
        if key is None:
            key = (
                diagnostic.code,
                diagnostic.title,
                str(diagnostic.labels[0].span) if diagnostic.labels else "",
            )
        if key in self._found:
            # The body of a function is met again at every call: the same place is not another mistake.
            if diagnostic.labels and diagnostic.labels[0].span == self._found[key].labels[0].span:
                return
            self._repeats[key] = self._repeats.get(key, 0) + 1
        else:
            self._found[key] = diagnostic

    @contextmanager
    def unsaid(self) -> Iterator[None]:
        """Forgets what is said inside: it will be said again."""
        found, repeats = dict(self._found), dict(self._repeats)
        yield
        self._found, self._repeats = found, repeats

    @property
    def count(self) -> int:
        """The number of diagnostics so far, repeated ones included."""
        return len(self._found) + sum(self._repeats.values())

    def has(self, key: Hashable) -> bool:
        """True where a diagnostic with this key was added."""
        return key in self._found

    def say(
        self,
        code: str,
        title: str,
        *labels: tuple[Span, str],
        notes: tuple[str, ...] = (),
        help: str | None = None,
        key: Hashable = None,
    ) -> None:
        """`add` with the parts of a diagnostic."""
        made = tuple(Label(span, text) for span, text in labels)
        self.add(Diagnostic(code, title, made, notes, help), key)

    def suggest(
        self,
        code: str,
        title: str,
        span: Span,
        text: str,
        name: str,
        known: list[str],
        otherwise: str | None = None,
    ) -> None:
        """`say` for a name that is not known, with the nearest known one as help."""
        self.say(code, title, (span, text), help=did_you_mean(name, known) or otherwise, key=(code, title))

    def take(self, other: "Report", codes: frozenset[str]) -> None:
        """Add what `other` found with one of `codes` and is not known here."""
        for key, diagnostic in other._found.items():
            if diagnostic.code in codes and key not in self._found:
                self.add(diagnostic, key)

    def _told(self) -> list[Diagnostic]:
        told = []
        for key, diagnostic in self._found.items():
            again = self._repeats.get(key, 0)
            if again:
                places = "place" if again == 1 else "places"
                diagnostic = replace(
                    diagnostic, notes=(*diagnostic.notes, f"the same in {again} more {places}")
                )
            told.append(diagnostic)
        return told

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self._told() if d.level == "warning")

    def raise_errors(self) -> None:
        """Raise `ModelError` with every error, if there is one."""
        errors = [d for d in self._told() if d.level == "error"]
        if errors:
            raise ModelError(errors)
