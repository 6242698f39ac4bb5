"""`parse`: text to tree, by the tables of Lark over our own lexer; after a mistake it goes on at the next line."""

import hashlib
import os
import sys
from functools import lru_cache

from lark import Lark, Token
from lark import __version__ as lark_version
from lark.lexer import Lexer

from stiffdsl.diagnostics import Diagnostic, ModelError, Source
from stiffdsl.resources import cache_folder, folder
from stiffdsl.syntax import tree
from stiffdsl.syntax.automaton import MOST_NESTED, Automaton, TooDeep, Unexpected, automaton, run
from stiffdsl.syntax.build import TreeBuilder
from stiffdsl.syntax.context import context_of
from stiffdsl.syntax.habits import another_language
from stiffdsl.syntax.habits_of_events import nested_in_event, outside_of_event
from stiffdsl.syntax.large import large_trees
from stiffdsl.syntax.lexer import Stray, tokens
from stiffdsl.syntax.messages import explain, explain_depth, explain_end
from stiffdsl.syntax.recover import end_of_block, foreign_block, replacement
from stiffdsl.syntax.strays import explain_strays

# One wrong line often makes the next ones wrong; more messages than this help nobody.
MOST_MESSAGES = 20
# Stray signs that leave the rest of their line as it was meant.
_HARMLESS = {";", "&&", "||", "~=", "<>", "**"}


class _NoLexer(Lexer):
    """Tokens are fed by hand; the parser never lexes."""

    def __init__(self, conf):
        del conf

    def lex(self, lexer_state, parser_state):
        del lexer_state, parser_state
        return iter(())


@lru_cache(maxsize=1)
def _parser() -> tuple[Automaton, TreeBuilder]:
    """The parser and the builder its rules call; made once, since the tables take a tenth of a second."""
    builder = TreeBuilder(Source("", ""))
    grammar = (folder("grammars") / "sml.lark").read_text(encoding="utf-8")
    settings = {"parser": "lalr", "lexer": _NoLexer, "transformer": builder, "keep_all_tokens": True}
    return automaton(Lark(grammar, cache=_stored(grammar), **settings)), builder


def _stored(grammar: str) -> str | bool:
    """The file in which Lark keeps the tables of a grammar, false where none is kept. What it cannot read, it makes
    anew."""
    if os.environ.get("STIFFDSL_CACHE") == "":
        return False
    stamp = f"{lark_version} {sys.version_info} {grammar}"
    path = cache_folder() / "grammar" / f"{hashlib.sha256(stamp.encode()).hexdigest()}.lark"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return str(path)


def parse(source: Source, text: str | None = None) -> tree.Module:
    """The tree of `source`, or of `text`, a part of it in the same places. Raises `ModelError` with all independent
    syntax errors (E01)."""
    with large_trees():
        strays: list[Stray] = []
        stream = list(tokens(normalized(source) if text is None else text, strays))
        table, builder = _parser()
        builder.source, builder.diagnostics = source, []
        module, found, foreign = _parse(
            source, table, stream, {s.line for s in strays if s.text not in _HARMLESS}
        )
        strays = [stray for stray in strays if stray.line not in foreign]
        found = [*explain_strays(source, strays), *found, *dict.fromkeys(builder.diagnostics)]
        builder.source, builder.diagnostics = Source("", ""), []
    if found or module is None:
        raise ModelError(sorted(found, key=lambda d: d.labels[0].span.line)[:MOST_MESSAGES])
    return module


def normalized(source: Source) -> str:
    """The text without a byte order mark, its lines ended by `\\n`."""
    return source.text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _parse(
    source: Source, table: Automaton, stream: list[Token], told: set[int]
) -> tuple[tree.Module | None, list[Diagnostic], set[int]]:
    """The tree, or None and what is wrong: one mistake a line, none in the lines `told`; and the lines that are
    written as in another language, which were told as a whole."""
    found: list[Diagnostic] = []
    foreign: set[int] = set()
    first, states, values, wrong = 0, None, None, False
    mended: list[Token] = []
    while len(found) < MOST_MESSAGES:
        try:
            module = run(table, stream, first, states, values)
            return None if wrong else module, found, foreign
        except TooDeep as error:
            return None, [*found, explain_depth(source, stream[error.at], MOST_NESTED)], foreign
        except Unexpected as error:
            wrong = True
            at = error.at
            if at == len(stream):
                found.append(explain_end(source, stream))
                break
            place = context_of(source, stream, at, error.accepted)
            habit = another_language(place)
            start, end = at - len(place.line), at - len(place.line) + len(place.statement)
            line = stream[at].line or 1
            if line not in (foreign if habit is not None else told):
                found.append(habit or explain(place))
            told.add(line)
            # A line that is wrong again after it was mended is left out.
            line_end = stream[end - 1]
            known = any(line_end is m for m in mended)
            block = not known and (
                foreign_block(place.statement) or nested_in_event(place) or outside_of_event(place)
            )
            over = end_of_block(stream, start, end) if block else end
            mend = [] if known or block else replacement(place.statement, error.accepted, at - start)
            if habit is not None:
                foreign |= {t.line or 1 for t in stream[start:over]}
            mended.append(line_end)
            stream = [*stream[:start], *mend, *stream[over:]]
            first, states, values = start, error.states, error.values
    return None, found, foreign
