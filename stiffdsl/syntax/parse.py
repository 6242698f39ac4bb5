"""`parse`: text to tree, by the tables of Lark over our own lexer; after a mistake it goes on at the next line."""

from functools import lru_cache

from lark import Lark, Token
from lark.lexer import Lexer

from stiffdsl.diagnostics import Diagnostic, ModelError, Source
from stiffdsl.resources import folder
from stiffdsl.syntax import tree
from stiffdsl.syntax.automaton import Automaton, Unexpected, automaton, run
from stiffdsl.syntax.build import Builder
from stiffdsl.syntax.large import large_trees
from stiffdsl.syntax.lexer import LexicalError, tokens
from stiffdsl.syntax.messages import explain, explain_character

# One wrong line often makes the next ones wrong; more messages than this help nobody.
MOST_MESSAGES = 20
_OPENERS = {"MODEL", "PARTIAL", "CONNECTOR", "FOR", "IF_BLOCK", "WHEN"}


class _NoLexer(Lexer):
    """Tokens are fed by hand; the parser never lexes."""

    def __init__(self, conf):
        del conf

    def lex(self, data):
        return iter(())


@lru_cache(maxsize=1)
def _parser() -> tuple[Automaton, Builder]:
    """The parser and the builder its rules call; made once, since the tables take a tenth of a second."""
    builder = Builder(Source("", ""))
    grammar = (folder("grammars") / "sml.lark").read_text(encoding="utf-8")
    lark = Lark(grammar, parser="lalr", lexer=_NoLexer, transformer=builder, keep_all_tokens=True)
    return automaton(lark), builder


def parse(source: Source) -> tree.Module:
    """The tree of `source`. Raises `ModelError` with all independent syntax errors (E01)."""
    with large_trees():
        found: list[Diagnostic] = []
        stream = _lex(source, normalized(source), found)
        table, builder = _parser()
        builder.source, builder.diagnostics = source, []
        module = _parse(source, table, stream, found)
        found += dict.fromkeys(builder.diagnostics)
        builder.source, builder.diagnostics = Source("", ""), []
    if found or module is None:
        raise ModelError(sorted(found, key=lambda d: d.labels[0].span.line))
    return module


def normalized(source: Source) -> str:
    """The text without a byte order mark, its lines ended by `\\n`."""
    return source.text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _parse(
    source: Source, table: Automaton, stream: list[Token], found: list[Diagnostic]
) -> tree.Module | None:
    """The tree; None after a mistake. After a wrong statement it goes on with the next line."""
    first, states, values, wrong = 0, None, None, False
    while True:
        try:
            module = run(table, stream, first, states, values)
            return None if wrong else module
        except Unexpected as error:
            wrong = True
            found.append(explain(source, stream, error.at, error.accepted))
            following = _next_line(stream, error.at)
            if following is None or len(found) >= MOST_MESSAGES:
                return None
            first, states, values = following, error.states, error.values


def _next_line(stream: list[Token], at: int) -> int | None:
    """Where the statement after the wrong one begins; None where the wrong one opens or closes a block."""
    if at == len(stream):
        return None
    first = at
    while first > 0 and stream[first - 1].type != "NEWLINE":
        first -= 1
    if stream[first].type in _OPENERS or stream[first].type == "END":
        return None
    while at < len(stream) and stream[at].type != "NEWLINE":
        at += 1
    return at + 1


def _lex(source: Source, text: str, found: list[Diagnostic]) -> list[Token]:
    """All tokens; a character that begins none is reported and skipped."""
    while True:
        try:
            return list(tokens(text))
        except LexicalError as error:
            if len(found) < MOST_MESSAGES:
                found.append(explain_character(source, text, error))
            else:
                raise ModelError(found) from None
            text = text[: error.position] + " " + text[error.position + 1 :]
