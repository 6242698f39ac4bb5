"""Tokens of the language, with the decisions that need a look around.

A line ends its statement, except inside brackets and after an operator or a comma. `[` after white space or
right after a number opens a unit, glued to a name it opens an index. Words such as `start` or `initial` are
keywords only where they can be, so that they may also be names. Two spellings of one name under Unicode's NFKC
are one name (the micro sign and mu, `H₂O` and `H2O`), as in Python, which generated modules are written in.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from lark import Token

from stiffdsl.syntax.tree import GEOMETRIES, SIZES

_PATTERN = re.compile(
    r"""
    [ \t\f\r]*(?:
      (?P<NAME>[^\W\d][\w\u0300-\u036f]*)
    | (?P<FOREIGN>//[^\n]*|/\*(?:.|\n)*?\*/|&&|\|\||~=|<>|!(?!=)|\*\*|−|[·×⋅]|%[^\n]*|\?[^\n]*)
    | (?P<OP><->|->|:=|\.\.|<=|>=|==|!=|[-+*/^<>=(){}\[\],:@~]|\.(?!\d))
    | (?P<NUMBER>(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<LINE>(?:\#[^\n]*)?(?:\n|\Z))
    | (?P<STRING>"(?:\\.|[^"\\\n])*")
    )
    """,
    re.VERBOSE,
)

_OPERATORS = {
    "<->": "ARROW", "->": "ARROW", ":=": "ASSIGN", "..": "DOTDOT", "<=": "COMPARE", ">=": "COMPARE",
    "==": "COMPARE", "!=": "COMPARE", "<": "COMPARE", ">": "COMPARE", "-": "MINUS", "+": "PLUS", "*": "TIMES",
    "/": "OVER", "^": "POWER", "=": "EQUAL", "(": "LPAR", ")": "RPAR", "{": "LBRACE", "}": "RBRACE",
    "[": "LSQB", "]": "RSQB", ",": "COMMA", ".": "DOT", ":": "COLON", "@": "AT", "~": "TILDE",
}  # fmt: skip
_CONTINUES = {
    "COMMA", "PLUS", "MINUS", "TIMES", "OVER", "POWER", "EQUAL", "COMPARE", "ARROW", "AND", "OR", "NOT", "AT",
    "RATE", "DOTDOT", "ASSIGN", "ELSE", "IF", "TILDE",
}  # fmt: skip
# A line that begins with one of these goes on with the statement before it.
_LEADING = re.compile(r"(?:[ \t\r\f\n]|\#[^\n]*\n)*(?:[+*/^=@<>!]|and\b|or\b)")
_OPERAND = {"NAME", "NUMBER", "RPAR", "RSQB", "RBRACE", "UNIT", "STRING", "GEOMETRY"}
_FURTHER = re.compile(r"(?:[ \t\r\f\n]|\#[^\n]*\n)*(?:else|elif|elseif)\b")
# A `{` behind one of these, with nothing more on its line, opens a block in another language: no array stands there.
_HEAD_ENDS = {*_OPERAND, "ELSE_BLOCK", "MODEL"}
_KEYWORDS = {
    "import": "IMPORT", "from": "FROM", "function": "FUNCTION", "connector": "CONNECTOR", "model": "MODEL",
    "partial": "PARTIAL", "end": "END", "const": "KIND", "param": "KIND", "input": "KIND", "var": "KIND",
    "output": "KIND", "discrete": "KIND", "part": "PART", "port": "PORT", "potential": "POTENTIAL",
    "flow": "FLOW", "equations": "EQUATIONS", "initial": "INITIAL", "reactions": "REACTIONS",
    "experiment": "EXPERIMENT", "connect": "CONNECT", "for": "FOR", "when": "WHEN", "elsewhen": "ELSEWHEN",
    "stop": "STOP", "assert": "ASSERT", "enum": "ENUM", "random": "KIND", "covariate": "KIND", "observe": "KIND",
    "dose": "DOSE", "field": "FIELD",
}  # fmt: skip
# The words of a statement behind its name, which are names elsewhere, by the first word of the statement.
_STATEMENT_WORDS = {
    "FIELD": {
        "over": "THROUGHOUT", "cells": "CELLS", "at": "FACES", "grading": "GRADING",
        **dict.fromkeys(GEOMETRIES, "GEOMETRY"),
    },
    "NETWORK": {word: word.upper() for word in ("hidden", "activation", "seed", "scale", "by")},
    "WHEN": (_TIMINGS := {word: word.upper() for word in ("after", "holding", "while", "priority")}),
    "ELSEWHEN": _TIMINGS,
}  # fmt: skip
_NO_WORDS: dict[str, str] = {}
# What these follow: values, and those of them that take none.
_BEFORE_WORDS = {*_OPERAND, "HOLDING", "WHILE"}
# Words that begin a line of their own kind, unless the line goes on as that of a quantity does.
_HEADS = {"import", "from", "function", "connector", "model", "when", "elsewhen", "elseif"}
_AS_NAME = re.compile(r"\[|[ \t]*(?:=(?!=)|[*/^.:+]|<?->)")
_OUTSIDE_COMMENTS = re.compile(r"#[^\n]*|.", re.DOTALL)
_EQUAL_FOLLOWS = re.compile(r"(?:[ \t\r\f\n]|\#[^\n]*\n)*=")
# Words that begin and end blocks in a function of several lines, and those before which it has ended.
_BLOCKS = {"FOR": 1, "IF_BLOCK": 1, "END": -1, "FUNCTION": 0, "CONNECTOR": 0, "MODEL": 0}
# The words that may be more than names.
_WORDS = {
    *_KEYWORDS, "if", "elseif", "then", "else", "table", "network", "and", "or", "not", "in", "start",
    "guess", "extends", "every", "rate", "nominal", "min", "max", "test", "per", "elif", "elsif", "return",
    "at",
}  # fmt: skip
# The first words of the lines of a test, and the words that stand between its values.
_TEST_LINES = {"set": "SET", "simulate": "SIMULATE", "expect": "EXPECT"}
_TEST_WORDS = {"of", "at", "over", "within", "stop", *_TEST_LINES}
# The words that are more than names in some surroundings only.
_LOCAL_WORDS = {*_TEST_WORDS, *(word for words in _STATEMENT_WORDS.values() for word in words)}
# A comparison outside of a text.
_COMPARES = re.compile(r'^(?:[^"=<>\n]|"(?:\\.|[^"\\\n])*")*[=<>]')
# These end a test that was not closed.
_AFTER_TEST = {"END", "MODEL", "PARTIAL", "CONNECTOR", "FUNCTION", "IMPORT", "FROM"}
# Words of other languages for `elseif`.
_ELSEIF = ("elif", "elsif")
# Inside a choice, a line may begin with these.
_CHOICE = re.compile(r"(?:[ \t\r\f\n]|\#[^\n]*\n)*(?:then|else)\b")
_OPENING, _CLOSING = {"LPAR", "LSQB", "LBRACE"}, {"RPAR", "RSQB", "RBRACE"}
_BLANK = " \t\f\r\n"
_SPACE = re.compile(r"[ \t\f\r]*")


# Operators of other languages → the token that is meant; the rest is skipped.
_MEANT = {
    "&&": "AND", "||": "OR", "!": "NOT", "~=": "COMPARE", "<>": "COMPARE", "**": "POWER", "−": "MINUS",
    "·": "TIMES", "×": "TIMES", "⋅": "TIMES",
}  # fmt: skip
# A statement cannot go on over a line like these: a bracket or an operand before it is missing.
_BOUNDARY = re.compile(
    r"(?:[ \t\r\f\n]|\#[^\n]*\n)*"
    r"(?:(?:end|equations|initial|reactions|experiment)[ \t]*(?:\#[^\n]*)?(?:\n|\Z)"
    r"|(?:partial[ \t]+model|model|connector|function|const|param|input|var|output|discrete|part|port|table"
    r"|network|random|covariate|observe|dose|field)"
    r"[ \t]+[^\W\d]|test[ \t]+\")"
)


@dataclass(frozen=True, slots=True)
class Stray:
    """A character or a sign of another language, that is no token of this one."""

    text: str
    line: int
    column: int


class _Open:
    """Surroundings of a word: a test, a statement with its own words, the blocks that are open from a function on."""

    __slots__ = ("blocks", "test", "words")

    def __init__(self) -> None:
        self.test, self.words, self.blocks = False, _NO_WORDS, 0


def tokens(text: str, strays: list[Stray]) -> Iterator[Token]:
    """The tokens of `text`. What is none is put into `strays` and skipped, or read as what was meant."""
    position, line, line_start, depth = 0, 1, 0, 0
    previous, head, block_if, choices, braces, around = "NEWLINE", "", False, 0, 0, _Open()
    match, end = _PATTERN.match, len(text)
    while position < end:
        found = match(text, position)
        if found is None:
            start = _SPACE.match(text, position).end()  # type: ignore[union-attr]
            strays.append(Stray(text[start], line, start - line_start + 1))
            position = start + 1
            continue
        kind: str = found.lastgroup  # type: ignore[assignment]
        value = found.group(kind)
        position = found.end()
        start = position - len(value)
        column = start - line_start + 1
        if kind == "LINE":
            # An empty line is passed at once: to look beyond it from every one would take the square of their number.
            if previous != "NEWLINE" and not _goes_on(text, position, previous, depth, block_if, choices):
                depth, choices = 0, 0
                column = position - line_start
                yield Token("NEWLINE", "\n", position - 1, line, column, line, column + 1, position)
                previous, block_if, around.words = "NEWLINE", False, _NO_WORDS
            line += 1
            line_start = position
            continue
        if kind == "NAME":
            if not value.isascii():
                value = _spelled(value, line, column, strays)
            elif value in _WORDS or value in _LOCAL_WORDS:
                kind = _word_in(around, value, previous, head, depth, text, position)
                if kind in ("IF_BLOCK", "ELSEIF") or (value in _ELSEIF and previous == "NEWLINE"):
                    block_if = True
                elif kind == "IF":
                    choices += 1
                elif kind == "ELSE":
                    choices -= 1
        elif kind == "OP":
            kind = _OPERATORS[value]
            if kind == "LSQB" and previous in _OPERAND and (close := _unit_end(text, start, previous)):
                value, position, kind = text[start:close], close, "UNIT"
            elif kind == "LBRACE" and previous in _HEAD_ENDS and _rest(text, position)[:1] in ("\n", ""):
                kind, braces = "BLOCK", braces + 1
            elif kind == "RBRACE" and braces and depth == 0:
                braces -= 1
                if _FURTHER.match(text, position):
                    continue
                if previous != "NEWLINE":
                    yield Token("NEWLINE", "\n", start, line, column, line, column, start)
                kind = "END"
            if kind in _OPENING:
                depth += 1
            elif kind in _CLOSING:
                depth = max(0, depth - 1)
        elif kind == "FOREIGN":
            strays.append(Stray(value, line, column))
            kind = _MEANT.get(value, "FOREIGN")
        first_line = line
        if "\n" in value:
            line += value.count("\n")
            line_start = start + value.rfind("\n") + 1
        if kind == "FOREIGN":
            continue
        yield Token(kind, value, start, first_line, column, line, position - line_start + 1, position)
        head = kind if previous == "NEWLINE" else head
        previous = kind
    if previous != "NEWLINE":
        column = end - line_start + 1
        yield Token("NEWLINE", "\n", end, line, column, line, column + 1, end)


def _goes_on(text: str, position: int, previous: str, depth: int, block_if: bool, choices: int) -> bool:
    """Whether a statement goes on behind the end of its line, which is at `position`."""
    unfinished = (
        depth > 0
        or previous in _CONTINUES
        or (previous == "THEN" and not block_if)
        or (choices > 0 and _CHOICE.match(text, position))
        or _LEADING.match(text, position)
    )
    return bool(unfinished) and not _BOUNDARY.match(text, position)


def _spelled(value: str, line: int, column: int, strays: list[Stray]) -> str:
    """The one spelling of a name; signs that no name can hold are left out of it, and the first is told."""
    name = canonical(value)
    if name is not None:
        return name
    at = next(k for k, c in enumerate(value) if not _belongs(c, k))
    strays.append(Stray(value[at], line, column + at))
    name = "".join(c for k, c in enumerate(value) if _belongs(c, k)) or "_"
    return unicodedata.normalize("NFKC", name)


def _unit_end(text: str, start: int, previous: str) -> int:
    """The end of the unit that the bracket at `start` opens; zero where it opens an index, or is not closed."""
    if previous != "NUMBER" and text[start - 1] not in _BLANK:
        return 0
    close, newline = text.find("]", start), text.find("\n", start)
    return close + 1 if close >= 0 and (newline < 0 or close < newline) else 0


def _word_in(
    around: _Open, value: str, previous: str, head: str, depth: int, text: str, position: int
) -> str:
    """The kind of a word that may be more than a name, `around` being what it stands in, and goes on with."""
    if value == "return":
        return "RETURN" if around.blocks and previous == "NEWLINE" else "NAME"
    if value in around.words and depth == 0 and previous in _BEFORE_WORDS:
        return around.words[value]
    if value not in _WORDS and not (around.test and value in _TEST_WORDS):
        return "NAME"
    kind = _word(value, previous, depth, text, position)
    around.words = _STATEMENT_WORDS.get(kind, around.words)
    if kind == "SIZE" and head == "NAME" and text[position : position + 1] == "(":
        kind = "NAME"  # a function: what begins with a name declares nothing
    if kind == "NAME" and around.test:
        kind = _test_word(value, previous, depth, text, position)
    if kind in _AFTER_TEST or kind == "TEST":
        around.test = kind == "TEST"
    if kind in _BLOCKS:
        kind, around.blocks = _in_function(kind, around.blocks, previous, text, position)
    return kind


def canonical(name: str) -> str | None:
    """The one spelling of `name` under NFKC; None where it holds a sign that no name can hold, such as `²`."""
    if name.isascii():
        return name
    if not all(_belongs(character, k) for k, character in enumerate(name)):
        return None
    return unicodedata.normalize("NFKC", name)


def _belongs(character: str, place: int) -> bool:
    """Whether a name may hold `character`: a raised digit would read as a power, and is none."""
    if character.isascii() or unicodedata.decomposition(character).startswith("<super>"):
        return character.isascii()
    normal = unicodedata.normalize("NFKC", character)
    return normal.isidentifier() if place == 0 else ("_" + normal).isidentifier()


_HAS_THEN, _ENDS_IN_THEN = re.compile(r"\bthen\b"), re.compile(r"\bthen\s*$")


def _in_function(kind: str, inside: int, previous: str, text: str, position: int) -> tuple[str, int]:
    """The kind of a word that begins or ends a block, and the number of blocks that are open from a function on."""
    if kind == "FUNCTION" and _is_block(text, position):
        return "FUNCTION_BLOCK", 1
    step = _BLOCKS[kind]
    if not inside or not step:
        return kind, 0
    return kind, inside + step if previous == "NEWLINE" else inside


def _is_block(text: str, position: int) -> bool:
    """Whether the head of a function at `position` is that of a block: no `=` follows its parameters."""
    depth, end = 0, _declaration_end(text, position)
    for character in _OUTSIDE_COMMENTS.findall(text[position:end]):
        depth += (character in "([{") - (character in ")]}")
        if character == "=" and depth == 0:
            return False
    return not _EQUAL_FOLLOWS.match(text, end)


def _declaration_end(text: str, position: int) -> int:
    """End of a logical line, which goes on inside brackets and after a comma; a comment is no part of it."""
    depth, stop, previous = 0, position, ""
    while (found := _PATTERN.search(text, stop)) and found.group():
        kind, value = found.lastgroup, found.group().lstrip()
        if value == "[":
            # What brackets on one line hold is no matter: a unit is no expression, `%` begins no comment in it.
            close, newline = text.find("]", found.end()), text.find("\n", found.end())
            if close >= 0 and (newline < 0 or close < newline):
                stop, previous = close + 1, "]"
                continue
        if kind == "LINE":
            if depth <= 0 and previous != ",":
                break
            stop = found.end()
            continue
        depth += (value in "([{") - (value in ")]}")
        stop, previous = found.end(), value
    return stop


def _word(value: str, previous: str, depth: int, text: str, position: int) -> str:
    """The kind of a word: a keyword only where one can stand."""
    if previous == "DOT":
        return "NAME"
    following = _rest(text, position)
    if previous == "NEWLINE" and depth == 0:
        if value == "if":
            # A block has nothing behind `then`; else a choice of values is one side of an equation.
            line = text[position : _declaration_end(text, position)]
            return "IF_BLOCK" if _ENDS_IN_THEN.search(line) or not _HAS_THEN.search(line) else "IF"
        if value in _HEADS and _AS_NAME.match(text, position):
            return "NAME"
        if value == "elseif":
            return "ELSEIF"
        if value == "else":
            return "ELSE_BLOCK"
        if value in ("table", "network") and re.match(r"[^\W\d]", following):
            return value.upper()
        if value == "not":
            return "NOT"
        if value == "test":
            # No other statement has a name or a text behind its first.
            return "TEST" if re.match(r'"|[^\W\d]|\("', following) else "NAME"
        kind = _KEYWORDS.get(value)
        if kind is None:
            return "NAME"
        if kind in ("EQUATIONS", "INITIAL", "REACTIONS", "EXPERIMENT", "END"):
            return kind if following[:1] in ("\n", "") else "NAME"
        if kind in (
            "KIND",
            "DOSE",
            "FIELD",
            "PART",
            "PORT",
            "POTENTIAL",
            "FLOW",
            "STOP",
            "PARTIAL",
            "CONNECT",
            "ENUM",
        ):
            return kind if re.match(r'[^\W\d]|"', following) else "NAME"
        if kind == "ASSERT":
            return kind if re.match(r"[\w.(+\-]", following) else "NAME"
        return kind
    if value == "if" and previous == "ELSE_BLOCK":
        return "IF_BLOCK"  # no such statement: `elseif` is meant
    if value in ("if", "then", "else", "and", "or", "not", "for"):
        return value.upper()
    if value == "in" and previous in _OPERAND:
        return "IN"
    if value == "at" and previous in _OPERAND and re.match(r"[\w.(-]", following):
        return "INSTANT"
    if value in ("start", "guess") and previous in _OPERAND and following[:1] not in ("=", ",", ")"):
        return value.upper()
    if value in SIZES and previous in _OPERAND and following[:1] not in ("=", ",", ")"):
        return "SIZE"
    if value == "rate" and previous in _OPERAND and following[:1] not in ("@", "+", "=", ",", ")", "\n", ""):
        # `0 -> 2 rate rate k`: the first is a species.
        species = previous == "NUMBER" and re.match(r"[ \t]*rate\b", text[position : position + 200])
        return "NAME" if species or following in ("->", "<-") else "RATE"
    if value == "per" and previous == "RPAR" and re.match(r"[^\W\d]", following):
        return "PER"
    if value == "extends" and previous in ("NAME", "STRING"):
        return "EXTENDS"
    if value == "model" and previous == "PARTIAL":
        return "MODEL"
    if value == "import" and previous == "NAME":
        return "IMPORT"
    if value == "every" and previous in ("WHEN", "ELSEWHEN"):
        return "EVERY"
    if value == "from" and previous in _OPERAND and following[:1] not in ("=", ",", ")", "\n", ""):
        return "FROM"
    return "NAME"


def _test_word(value: str, previous: str, depth: int, text: str, position: int) -> str:
    """The kind of a word in a test: `expect max(T over time) at 10 = 3 within 1e-4`."""
    if previous == "DOT":
        return "NAME"
    if previous == "NEWLINE" and depth == 0:
        return _TEST_LINES.get(value, "NAME")
    following = _rest(text, position)[:1]
    if value == "of" and previous == "STRING":
        return "OF"
    if value == "stop" and previous == "EXPECT":
        # What is compared is a variable of that name.
        compares = _COMPARES.search(text[position : _declaration_end(text, position)])
        return "STOP" if not compares and re.match(r'\n|"|a|$', following) else "NAME"
    if previous not in (*_OPERAND, "STOP") or following in ("=", ",", ")", "\n", ""):
        return "NAME"
    if value == "at" and re.match(r"[\w.(]", following):
        return "INSTANT"
    if value == "over" and depth > 0:
        return "THROUGHOUT"
    return "WITHIN" if value == "within" else "NAME"


def _rest(text: str, position: int) -> str:
    """The next characters on the line after white space; empty or a line end where nothing follows."""
    while position < len(text) and text[position] in " \t\r":
        position += 1
    return "\n" if text[position : position + 1] == "#" else text[position : position + 2]
