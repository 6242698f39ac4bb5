"""Error recovery: tokens that replace a wrong line, so that the lines after it are read as they were meant.

Only the structure matters, since a text with a mistake gives no tree: a misspelt `equations` still begins the
section, a loop with a wrong range is still closed by its `end`. Every other wrong line is left out.
"""

from difflib import get_close_matches
from typing import Literal, overload

from lark import Token

SECTIONS = {
    "equations": "EQUATIONS",
    "initial": "INITIAL",
    "reactions": "REACTIONS",
    "experiment": "EXPERIMENT",
}
_SECTION_WORDS = {"equation": "equations", "reaction": "reactions", "algorithm": "equations"}
_OPENER_WORDS = {"class": "model", "block": "model", "package": "model"}
# In a model, the word of others for a part.
_OPENER_WORDS_OF_FILES = {"component": "model"}
_OPENERS = {"MODEL", "CONNECTOR", "FUNCTION_BLOCK", "FOR", "IF_BLOCK", "WHEN", "TEST"}
# The shortest right line of each kind, as types and texts.
_HEADS = {
    "MODEL": (("MODEL", "model"), ("NAME", "_")),
    "CONNECTOR": (("CONNECTOR", "connector"), ("NAME", "_")),
    "TEST": (("TEST", "test"), ("STRING", '"_"')),
    "FUNCTION_BLOCK": (("FUNCTION_BLOCK", "function"), ("NAME", "_"), ("LPAR", "("), ("RPAR", ")")),
    "RETURN": (("RETURN", "return"), ("NUMBER", "1")),
    "FOR": (("FOR", "for"), ("NAME", "_"), ("IN", "in"), ("NUMBER", "1")),
    "IF_BLOCK": (("IF_BLOCK", "if"), ("NUMBER", "1"), ("THEN", "then")),
    "ELSEIF": (("ELSEIF", "elseif"), ("NUMBER", "1"), ("THEN", "then")),
    "ELSE_BLOCK": (("ELSE_BLOCK", "else"),),
    "WHEN": (("WHEN", "when"), ("NUMBER", "1")),
    "ELSEWHEN": (("ELSEWHEN", "elsewhen"), ("NUMBER", "1")),
    "END": (("END", "end"),),
}


def replacement(line: list[Token], accepted: set[str], at: int) -> list[Token]:
    """Tokens that replace the wrong statement `line` (its last token is its line end); empty to leave it out.

    `at` is the place of the wrong token in it, `accepted` what could have stood there.
    """
    first = line[0]
    kind = first.type
    section = as_section(line)
    if section is not None and at <= 1:
        return _written(((SECTIONS[section], section),), line)
    if kind == "PARTIAL":
        kind = "MODEL"
    if kind == "NAME" and at <= 1:
        opener = as_opener(str(first), "CONNECTOR" in accepted)
        kind = {"model": "MODEL", "connector": "CONNECTOR"}.get(opener or "", kind)
    if first == "end" and at <= 1:
        kind = "END"
    if at <= 1 and "EQUATIONS" in accepted and "CONNECT" not in accepted and _is_equation(line):
        return [*_written((("EQUATIONS", "equations"),), line), *line]
    if kind in _HEADS and not (at == 0 and kind == first.type):
        return _written(_HEADS[kind], line)
    return []


def as_section(line: list[Token]) -> str | None:
    """The section that a line alone of one or two words is meant to begin."""
    words = [t for t in line if t.type not in ("NEWLINE", "COLON")]
    if not words or words[0].type != "NAME" or len(words) > 2 or line[-1].type != "NEWLINE":
        return None
    word = str(words[0])
    if len(words) == 2:
        return "initial" if word == "initial" and str(words[1]).startswith("equation") else None
    close = get_close_matches(word, SECTIONS, n=1, cutoff=0.75)
    return _SECTION_WORDS.get(word) or (close[0] if close else None)


def as_opener(word: str, outside: bool = False) -> str | None:
    """`model` or `connector`, where a word is meant to be one of them; `outside` of all models, or not."""
    if outside and word in _OPENER_WORDS_OF_FILES:
        return _OPENER_WORDS_OF_FILES[word]
    if word in ("model", "connector"):
        return None
    close = get_close_matches(word, ("model", "connector"), n=1, cutoff=0.75)
    return _OPENER_WORDS.get(word) or (close[0] if close else None)


def _is_equation(line: list[Token]) -> bool:
    if line[0].type in ("CONNECT", "FOR", "IF_BLOCK", "WHEN"):
        return True
    return line[0].type == "NAME" and len(line) > 1 and line[1].type in ("EQUAL", "LPAR", "LSQB", "DOT")


def _written(types: tuple[tuple[str, str], ...], line: list[Token]) -> list[Token]:
    return [*(Token.new_borrow_pos(kind, text, line[0]) for kind, text in types), line[-1]]


@overload
def blocks(stream: list[Token]) -> list[Token]: ...
@overload
def blocks(stream: list[Token], closed: Literal[True]) -> list[tuple[Token, Token | None]]: ...


def blocks(stream: list[Token], closed: bool = False):
    """The openers that no `end` closes; with `closed`, every opener with its `end` or None."""
    open_: list[int] = []
    pairs: list[tuple[Token, Token | None]] = []
    previous = "NEWLINE"
    for token in stream:
        before, previous = previous, token.type
        if token.type in _OPENERS and not (token.type == "FOR" and before != "NEWLINE"):
            open_.append(len(pairs))
            pairs.append((token, None))
        elif token.type == "END" and open_:
            last = open_.pop()
            pairs[last] = (pairs[last][0], token)
    return pairs if closed else [opener for opener, end in pairs if end is None]
