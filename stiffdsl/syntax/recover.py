"""Error recovery: tokens that replace a wrong line, so that the lines after it are read as they were meant.

Only the structure matters, since a text with a mistake gives no tree: a misspelt `equations` still begins the
section, a loop with a wrong range is still closed by its `end`. Every other wrong line is left out.
"""

from difflib import get_close_matches
from itertools import pairwise
from typing import Literal, overload

from lark import Token

SECTIONS = {
    "equations": "EQUATIONS",
    "initial": "INITIAL",
    "reactions": "REACTIONS",
    "experiment": "EXPERIMENT",
}
_SECTION_WORDS = {
    "equation": "equations",
    "reaction": "reactions",
    "algorithm": "equations",
    "begin": "equations",
}
_OPENER_WORDS = {"class": "model", "block": "model"}
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

# Sections of Simscape and blocks of Stan: what stands in their place.
FOREIGN_BLOCKS = {
    "parameters": "write a line for each: `param k = 1 [1/s]`, with a range `param k = 1 [1/s] in 0.1..10`",
    "variables": "write a line for each: `var x [m] start 0`",
    "inputs": "write a line for each: `input u = 0 [N]`",
    "outputs": "write a line for each: `output y = 2*x`",
    "nodes": "write a line for each: `port p : Pin`",
    "components": "write a line for each: `part r : Resistor(R = 100)`",
    "branches": "a flow through a port is an unknown: `p.i = i` is an equation of it",
    "connections": "write `connect a.p, b.n` in the section `equations`",
    "annotations": "leave it out",
    "intermediates": "write a `var` for each, and its equation",
    "functions": "a function stands beside the models: `function f(x) = x^2`",
    "data": "a value that is given is `param k = 1`, one that is given over time `input u = 0`",
    "quantities": "write a line for each: `output y = 2*x`",
}


def foreign_block(line: list[Token]) -> bool:
    """Whether `line` begins a block of another language, that holds nothing which can be read here."""
    types = [t.type for t in line]
    words = [str(t) for t in line if t.type not in ("NEWLINE", "BLOCK")]
    function = types[:1] in (["FUNCTION"], ["FUNCTION_BLOCK"])
    if function and (types[1:2] == ["LSQB"] or types[2:3] == ["EQUAL"]):
        return True
    if words[:1] == ["def"] and types[:3] == ["NAME", "NAME", "LPAR"]:
        return True
    if types[:2] == ["MODEL", "BLOCK"]:
        return True
    known = {"class", "while", "else", "elseif", "elif", "elsif", *_OPENER_WORDS, *_OPENER_WORDS_OF_FILES}
    if "BLOCK" in types:
        return types[0] == "NAME" and words[0] not in known
    return types[0] == "NAME" and len(words) == 1 and words[0] in FOREIGN_BLOCKS


def end_of_block(stream: list[Token], start: int, end: int) -> int:
    """The end of the block of another language whose first statement is `stream[start:end]`."""
    first = stream[start]
    opened, at = 1, end
    indented = stream[end - 2].type == "COLON"
    while at < len(stream):
        line_end = at
        while stream[line_end].type != "NEWLINE":
            line_end += 1
        if indented:
            if (stream[at].column or 1) <= (first.column or 1):
                return at
        else:
            line = stream[at : line_end + 1]
            opened += _opens(line) - (line[0].type == "END")
            if opened == 0:
                return line_end + 1
            if (
                line[0].type in ("MODEL", "FUNCTION", "FUNCTION_BLOCK", "CONNECTOR")
                and line[0].column == first.column
            ):
                return at
        at = line_end + 1
    return at if indented or first.type in ("FUNCTION", "FUNCTION_BLOCK") else end


def _opens(line: list[Token]) -> bool:
    if line[0].type == "ELSE_BLOCK" or line[0] in ("elseif", "elif"):
        return False
    return line[0].type in _OPENERS or line[0] == "while" or any(t.type == "BLOCK" for t in line)


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
    if (
        first == "model"
        and at <= 1
        and "CONNECTOR" in accepted
        and line[1].type in ("TIMES", "NAME", "BLOCK")
    ):
        kind = "MODEL"
    if kind == "NAME" and at <= 1:
        kind = {"while": "FOR", "repeat": "FOR", "elif": "ELSEIF", "elsif": "ELSEIF"}.get(str(first), kind)
    if kind == "ELSE_BLOCK" and at == 1 and line[1].type == "IF_BLOCK":
        kind = "ELSEIF"
    if line[at].type == "LBRACE" and line[-2].type == "RBRACE":
        return []  # a block on one line
    if at <= 1 and "EQUATIONS" in accepted and "CONNECT" not in accepted and _is_equation(line):
        return [*_written((("EQUATIONS", "equations"),), line), *line]
    if (
        at <= 1
        and kind in ("NAME", "NUMBER")
        and _is_reaction(line)
        and not accepted & {"CONNECTOR", "ARROW"}
    ):
        return [*_written((("REACTIONS", "reactions"),), line), *line]
    arrow = line[at].type == "EQUAL" and line[at + 1].type == "COMPARE"
    if (
        kind == "NAME"
        and "ARROW" in accepted
        and "AT" not in accepted
        and line[at].type == "EQUAL"
        and not arrow
    ):
        return [*_written((("EQUATIONS", "equations"),), line), *line]
    if kind in _HEADS and not (at == 0 and kind == first.type):
        return _written(_HEADS[kind], line)
    return []


def as_section(line: list[Token]) -> str | None:
    """The section that a line alone of one or two words is meant to begin."""
    words = [t for t in line if t.type not in ("NEWLINE", "COLON")]
    if not words or words[0].type != "NAME" or len(words) > 2 or line[-1].type != "NEWLINE":
        return None
    word = str(words[0]).lower()
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
    if (
        line[0] == "annotation"
        or line[0].type != "NAME"
        or len(line) < 2
        or line[1].type not in ("EQUAL", "LPAR", "LSQB", "DOT")
    ):
        return False
    if [t.type for t in line[1:5]] == ["LPAR", "NUMBER", "RPAR", "EQUAL"] and float(line[2]) == 0:
        return False  # a start value
    declared = any(a.type == b.type == "NAME" for a, b in pairwise(line))
    return not declared and (any(t.type == "EQUAL" for t in line) or line[0] == "connect")


def _is_reaction(line: list[Token]) -> bool:
    return any(t.type == "ARROW" for t in line) and all(t.type != "EQUAL" for t in line)


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
