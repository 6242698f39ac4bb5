"""The surroundings of a token that cannot stand where it stands, for the rules on mistakes."""

from dataclasses import dataclass

from lark import Token

from stiffdsl.diagnostics import Diagnostic, Label, Source, Span


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """The token that cannot stand where it stands, what could, and what is around it."""

    source: Source
    token: Token
    before: Token | None
    after: Token | None
    line: list[Token]  # the statement up to the token
    stream: list[Token]
    at: int
    accepted: set[str]

    @property
    def statement(self) -> list[Token]:
        """The whole statement, its line end included."""
        end = self.at
        while end < len(self.stream) and self.stream[end].type != "NEWLINE":
            end += 1
        return [*self.line, *self.stream[self.at : end + 1]]

    @property
    def first(self) -> Token | None:
        return self.line[0] if self.line else None

    def say(self, title: str, label: str = "", help: str | None = None, code="E0101", on=None, notes=()):
        span = span_of(self.source, on if on is not None else self.token)
        return Diagnostic(code, title, (Label(span, label),), tuple(notes), help)


def context_of(source: Source, stream: list[Token], at: int, accepted: set[str]) -> ErrorContext:
    """The surroundings of `stream[at]`."""
    first = at
    while first > 0 and stream[first - 1].type != "NEWLINE":
        first -= 1
    before = stream[at - 1] if at else None
    after = stream[at + 1] if at + 1 < len(stream) else None
    return ErrorContext(source, stream[at], before, after, stream[first:at], stream, at, accepted)


def open_bracket(line: list[Token]) -> Token | None:
    open_: list[Token] = []
    for token in line:
        if token.type in ("LPAR", "LSQB", "LBRACE"):
            open_.append(token)
        elif token.type in ("RPAR", "RSQB", "RBRACE") and open_:
            open_.pop()
    return open_[-1] if open_ else None


def shown(token: Token) -> str:
    return "the end of the line" if token.type == "NEWLINE" else f"`{str(token).splitlines()[0]}`"


def span_of(source: Source, token: Token) -> Span:
    line, column = token.line or 1, token.column or 1
    return Span(source, line, column, token.end_line or line, token.end_column or column + 1)


def written(tokens: list[Token]) -> str:
    """The tokens as they stand in the text, on one line."""
    parts: list[str] = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        apart = before is not None and (before.line != token.line or before.end_column != token.column)
        parts.append(f" {token}" if apart else str(token))
    return "".join(parts)
