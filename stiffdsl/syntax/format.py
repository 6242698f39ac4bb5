"""Lay a file out in the canonical form; comments, line breaks and the alignment of columns stay.

```
model   M  # kept                    model M  # kept
 var x   start 1              →        var x start 1
equations                            equations
   der(x)=-k*( x-1 )                   der(x) = -k*(x - 1)
end                                  end
```

Only white space changes, so the tree does not. What an author set below each other stays below each other: a
wider gap is kept where the token after it stands in the column of its like in another line of the paragraph.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from lark import Token

from stiffdsl.diagnostics import Source
from stiffdsl.syntax.lexer import tokens
from stiffdsl.syntax.parse import normalized, parse

_INDENT = 2
_SECTIONS = {"EQUATIONS", "INITIAL", "REACTIONS", "EXPERIMENT"}
_OPENERS = {"MODEL", "CONNECTOR", "PARTIAL", "FUNCTION_BLOCK", "FOR", "IF_BLOCK", "WHEN", "TEST"}
_BRANCHES = {"ELSEIF", "ELSE_BLOCK", "ELSEWHEN"}
_OPEN, _CLOSE = {"LPAR", "LSQB", "LBRACE"}, {"RPAR", "RSQB", "RBRACE"}
_OPERAND = {"NAME", "NUMBER", "UNIT", "STRING"} | _CLOSE
_TIGHT = {"TIMES", "OVER", "POWER", "DOT", "DOTDOT"}
# Tokens that the parser does not know: a comment, and a `+` or `-` that has no left operand.
_COMMENT, _SIGN = "COMMENT", "SIGN"
# Tokens of values, which may share a column whatever their form.
_VALUES = {"NAME", "NUMBER", "LPAR", "LBRACE", _SIGN}
# These end in a common column, all else begins in one: `->` below `<->`, `-k` below ` k`.
_RIGHT = {"ARROW", _SIGN}


def format_source(source: Source) -> str:
    """The text of `source` in the canonical layout. Raises `ModelError` where it does not parse."""
    parse(source)
    text = normalized(source)
    lines = _lines(text)
    if not lines:
        return ""
    _indent(lines)
    for line in lines:
        _space(line)
    _align(lines)
    written = "\n".join(_written(lines)) + "\n"
    assert _content(written) == _content(text), "the layout changed the tokens"
    return written


@dataclass(slots=True)
class _Line:
    """One line of the source. `begins` is False where it goes on with the statement of the line before; `depth`
    counts the brackets open at its first token; `gaps` are the spaces before each token in the layout."""

    number: int
    tokens: list[Token]
    begins: bool
    depth: int
    blank_before: bool = False
    indent: int = 0
    gaps: list[int] = field(default_factory=list)

    @property
    def only_comment(self) -> bool:
        return self.tokens[0].type == _COMMENT

    def source_gap(self, k: int) -> int:
        return (self.tokens[k].column or 1) - (self.tokens[k - 1].end_column or 1)

    def end(self, k: int) -> int:
        """The column after token `k` in the layout."""
        return self.indent + sum(self.gaps[: k + 1]) + sum(len(t) for t in self.tokens[: k + 1])


def _content(text: str) -> list[tuple[str, str]]:
    return [(t.type, _shown(t)) for t in tokens(text, [])]


def _shown(token: Token) -> str:
    if token.type == "UNIT":
        return f"[{token[1:-1].strip()}]"
    return str(token)


def _lines(text: str) -> list[_Line]:
    """The lines that hold something, each with its tokens and its comment."""
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    lines: list[_Line] = []
    depth, position, before = 0, 0, "NEWLINE"

    def add(token: Token, begins: bool, depth: int) -> None:
        number = token.line or 1
        if lines and number in (lines[-1].number, lines[-1].tokens[-1].end_line):
            lines[-1].tokens.append(token)
            return
        blank = bool(lines) and number > (lines[-1].tokens[-1].end_line or 1) + 1
        lines.append(_Line(number, [token], begins, depth, blank))

    for token in [*tokens(text, []), None]:
        stop = len(text) if token is None else token.start_pos or 0
        for found in re.finditer(r"#[^\n]*", text[position:stop]):
            start = position + found.start()
            number = bisect_right(starts, start)
            column, comment = start - starts[number - 1] + 1, found.group().rstrip()
            add(Token(_COMMENT, comment, start, number, column, number, column + len(comment)), False, depth)
        if token is None:
            break
        position = token.end_pos or 0
        if token.type != "NEWLINE":
            sign = token.type in ("PLUS", "MINUS") and before not in _OPERAND
            closes = token.type in _CLOSE
            add(token.update(type=_SIGN) if sign else token, before == "NEWLINE", depth - closes)
            depth += (token.type in _OPEN) - closes
        before = token.type
    return lines


def _indent(lines: list[_Line]) -> None:
    """Two spaces a block, two more where a statement goes on; a comment stands with what follows it."""
    block, statement = 0, 0
    for line in lines:
        kind = line.tokens[0].type
        if line.only_comment:
            continue
        if not line.begins:
            line.indent = statement if kind in _CLOSE and line.depth == 0 else statement + _INDENT
            continue
        if kind == "END":
            block -= 1
        outdented = kind in _SECTIONS or kind in _BRANCHES
        statement = line.indent = _INDENT * (block - outdented)
        if kind in _OPENERS:
            block += 1
    following = None
    for line in reversed(lines):
        if line.only_comment:
            line.indent = _of_comment(line, following)
        else:
            following = line


def _of_comment(comment: _Line, following: _Line | None) -> int:
    """Before an `end` or a section, a comment may belong to the block that closes."""
    if following is None:
        return 0
    closes = following.tokens[0].type in _SECTIONS | _BRANCHES | {"END"}
    inside = (comment.tokens[0].column or 1) > (following.tokens[0].column or 1)
    return following.indent + (_INDENT if closes and inside else 0)


def _space(line: _Line) -> None:
    """The spaces before each token, columns aside."""
    line.gaps = [0]
    brackets: list[str] = []
    range_depth: int | None = None
    for k, (before, token) in enumerate(pairwise(line.tokens), start=1):
        if before.type in _OPEN:
            brackets.append(before.type)
        elif before.type in _CLOSE and brackets:
            brackets.pop()
        if before.type in ("FOR", "IN", "DOTDOT"):
            range_depth = len(brackets)
        elif range_depth is not None and len(brackets) < range_depth:
            range_depth = None
        index = range_depth is not None or brackets[-1:] == ["LSQB"]
        line.gaps.append(_gap(line, k, before, token, index))


def _gap(line: _Line, k: int, before: Token, token: Token, index: bool) -> int:
    if token.type == _COMMENT:
        return max(1, line.source_gap(k))
    if before.type in _OPEN or token.type in _CLOSE or token.type == "COMMA" or before.type == _SIGN:
        return 0
    if token.type == "COLON" and line.begins and line.tokens[0].type == "NAME":  # a label
        return 0
    if before.type == "NUMBER" and before.endswith(".") and token.type == "DOTDOT":
        return 1
    if before.type in _TIGHT or token.type in _TIGHT:
        return 0
    if token.type == "LSQB" and before.type in _CLOSE:  # an element: `f(x)[1]`
        return 0
    if token.type in ("LPAR", "LSQB"):
        return 0 if before.type == "NAME" else 1
    if token.type in ("PLUS", "MINUS"):
        return _around_operator(line, k, index)
    if before.type in ("PLUS", "MINUS"):
        return _around_operator(line, k - 1, index)
    return 1


def _around_operator(line: _Line, k: int, index: bool) -> int:
    """`a + b`; in an index and in a range also `i-1`, if its author wrote it so."""
    if not index or k == 0 or k + 1 == len(line.tokens):
        return 1
    return 1 if line.source_gap(k) and line.source_gap(k + 1) else 0


def _align(lines: list[_Line]) -> None:
    """Widen gaps so that what stood in one column of a paragraph still does."""
    groups: dict[tuple[int, int], list[tuple[_Line, int]]] = {}
    above: dict[tuple[int, str], list[tuple[_Line, int]]] = {}
    previous = None
    for line in lines:
        if previous is None or line.blank_before or line.only_comment or previous.only_comment:
            above = {}
        for k in range(1, len(line.tokens)):
            if line.gaps[k]:
                edge = _edge(line.tokens[k])
                group = above.setdefault(edge, groups.setdefault((line.number, edge[0]), []))
                group.append((line, k))
        previous = line
    # From left to right: a gap moves all that stands after it.
    for _, group in sorted(groups.items(), key=lambda item: item[0][1]):
        if len(group) < 2 or all(line.source_gap(k) <= 1 for line, k in group):
            continue
        smallest = min(line.source_gap(k) for line, k in group)
        ends = [line.end(k - 1) + _width(line.tokens[k]) for line, k in group]
        for (line, k), end in zip(group, ends, strict=True):
            line.gaps[k] = max(ends) + max(1, smallest) - end


def _edge(token: Token) -> tuple[int, str]:
    """The column by which a token is aligned, and with what."""
    column = (token.column or 1) + _width(token)
    return column, "value" if token.type in _VALUES else token.type


def _width(token: Token) -> int:
    return len(token) if token.type in _RIGHT else 0


def _written(lines: list[_Line]) -> list[str]:
    written: list[str] = []
    for line in lines:
        if line.blank_before:
            written.append("")
        content = "".join(" " * gap + _shown(t) for gap, t in zip(line.gaps, line.tokens, strict=True))
        written.append(" " * line.indent + content)
    return written
