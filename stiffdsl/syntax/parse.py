"""`parse`: text to tree, by Lark's LALR parser over our own lexer, with recovery at the next line."""

from functools import lru_cache

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import Lexer

from stiffdsl.diagnostics import Diagnostic, ModelError, Source
from stiffdsl.resources import folder
from stiffdsl.syntax import tree
from stiffdsl.syntax.build import Builder
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
def _parser() -> tuple[Lark, Builder]:
    """The parser and the builder its rules call; made once, since the tables take a tenth of a second."""
    builder = Builder(Source("", ""))
    return Lark(
        (folder("grammars") / "sml.lark").read_text(encoding="utf-8"),
        parser="lalr",
        lexer=_NoLexer,
        transformer=builder,
        keep_all_tokens=True,
    ), builder


def parse(source: Source) -> tree.Module:
    """The tree of `source`. Raises `ModelError` with all independent syntax errors (E01)."""
    text = normalized(source)
    found: list[Diagnostic] = []
    stream = _lex(source, text, found)
    parser, builder = _parser()
    while True:
        builder.source, builder.diagnostics = source, []
        wrong = None
        try:
            module = _run(parser, stream)
        except UnexpectedToken as error:
            wrong = error.token
            found.append(explain(source, error, stream))
        except UnexpectedInput:
            raise AssertionError("only tokens are fed") from None
        if wrong is None:
            found += builder.diagnostics
            if found:
                raise ModelError(sorted(found, key=lambda d: d.labels[0].span.line))
            return module
        rest = _without_line(stream, wrong)
        if rest is None or len(found) >= MOST_MESSAGES:
            raise ModelError(sorted(found, key=lambda d: d.labels[0].span.line))
        stream = rest


def normalized(source: Source) -> str:
    """The text without a byte order mark, its lines ended by `\\n`."""
    return source.text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _run(parser: Lark, stream: list[Token]) -> tree.Module:
    state = parser.parse_interactive("")
    for token in stream:
        state.feed_token(token)
    return state.feed_eof(stream[-1] if stream else None)


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


def _without_line(stream: list[Token], wrong: Token) -> list[Token] | None:
    """The tokens without the statement that `wrong` stands in; None where it opens a block or is the end."""
    if wrong.type == "$END":
        return None
    at = next((k for k, t in enumerate(stream) if t is wrong), None)
    if at is None:
        return None
    first = at
    if wrong.type == "NEWLINE" or stream[at - 1].type != "NEWLINE":
        while first > 0 and stream[first - 1].type != "NEWLINE":
            first -= 1
    last = at
    while last < len(stream) - 1 and stream[last].type != "NEWLINE":
        last += 1
    if stream[first].type in _OPENERS or stream[first].type == "END":
        return None
    return stream[:first] + stream[last + 1 :]
