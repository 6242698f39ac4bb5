"""What people write by mistake, and the words for it: syntax errors by example."""

from lark import Token

from stiffdsl.diagnostics import Diagnostic, Label, Source, Span, did_you_mean
from stiffdsl.syntax.lexer import LexicalError

_WORDS = (
    "import", "from", "function", "connector", "model", "partial", "extends", "end", "const", "param",
    "input", "var", "output", "discrete", "part", "port", "table", "network", "potential", "flow", "equations",
    "initial", "reactions", "experiment", "connect", "for", "when", "elsewhen",
)  # fmt: skip
# What begins a declaration elsewhere, and what it is called here.
_FOREIGN = {
    "parameter": "param",
    "constant": "const",
    "variable": "var",
    "Real": "var",
    "Integer": "const",
    "equation": "equations",
    "class": "model",
    "block": "model",
    "within": "import",
    "component": "part",
}
_SAID = {
    "EQUAL": "`=`", "RPAR": "`)`", "LPAR": "`(`", "RSQB": "`]`", "LSQB": "`[`", "RBRACE": "`}`",
    "COMMA": "`,`", "COLON": "`:`", "DOT": "`.`", "NAME": "a name", "NUMBER": "a number", "STRING": "a text",
    "NEWLINE": "the end of the line", "THEN": "`then`", "ELSE": "`else`", "END": "`end`", "UNIT": "a unit",
    "IN": "`in`", "DOTDOT": "`..`", "AT": "`@`", "ARROW": "`->`", "ASSIGN": "`:=`",
}  # fmt: skip


def explain(source: Source, stream: list[Token], at: int, accepted: set[str]) -> Diagnostic:
    """The diagnostic for `stream[at]`, which cannot stand there; past the end, the text ends too early."""
    before = stream[at - 1] if at else None
    if at == len(stream):
        return _too_early(source, stream)
    token = stream[at]
    line = [t for t in stream[max(0, at - 40) : at] if t.line == token.line]
    span = _span(source, token)
    if token.type == "COMPARE" and str(token) == "==":
        return Diagnostic("E0101", "an equation is written with one `=`", (Label(span),), (), "write `=`")
    if token.type == "ASSIGN":
        note = "equations hold at all times; `:=` assigns in a `when`"
        return Diagnostic("E0101", "`:=` belongs in a `when`", (Label(span),), (note,), "write `=`")
    if token.type == "TIMES" and before is not None and before.type == "TIMES":
        return Diagnostic("E0101", "a power is written with `^`", (Label(span),), (), "write `x^2`")
    if not line and token.type == "NAME":
        return _unknown_start(source, token, stream, at)
    if before is not None and token.type == "NAME" and before.type in ("NUMBER", "NAME", "RPAR") and line:
        first = line[0]
        if first.type == "NAME" and first in line[:1] and len(line) == 1:
            return _unknown_start(source, first, stream, at - 1)
        if str(before) == "der":
            return Diagnostic("E0101", "`der` takes parentheses", (Label(span),), (), f"write `der({token})`")
        pair = f"`{before}` and `{token}`" if before.type != "RPAR" else f"`)` and `{token}`"
        help = f"write `{before}*{token}`" if before.type == "NUMBER" else None
        return Diagnostic("E0101", f"an operator is missing between {pair}", (Label(span),), (), help)
    if token.type == "NEWLINE":
        if accepted & {"EQUAL"} and not accepted & {"NEWLINE"}:
            return Diagnostic(
                "E0101",
                "an equation needs an `=`",
                (Label(_span(source, before) if before is not None else span),),
                (),
                "write `left = right`",
            )
        wanted = _wanted(accepted)
        return Diagnostic("E0101", f"the line ends too early: {wanted} is missing", (Label(span),))
    if token.type == "END" and not _blocks(stream[:at]):
        return Diagnostic("E0102", "this `end` closes nothing", (Label(span),))
    if before is not None and before.type == "END":
        return Diagnostic("E0101", "`end` stands alone on its line", (Label(span),))
    if "NEWLINE" in accepted and line:
        return Diagnostic(
            "E0101", f"`{token}` does not belong here", (Label(span, "the statement ends before this"),)
        )
    return Diagnostic(
        "E0101", f"`{token}` does not belong here", (Label(span, f"expected {_wanted(accepted)}"),)
    )


def _too_early(source: Source, stream: list[Token]) -> Diagnostic:
    opener = _unclosed(stream)
    if opener is not None:
        return Diagnostic(
            "E0102",
            f"this `{opener}` is never closed",
            (Label(_span(source, opener)),),
            (),
            "write `end` on a line of its own after its last statement",
        )
    return Diagnostic("E0101", "the text ends in the middle of a statement", (Label(_last(source, stream)),))


def explain_character(source: Source, text: str, error: LexicalError) -> Diagnostic:
    """The diagnostic for a character that begins no token."""
    character = text[error.position]
    span = Span(source, error.line, error.column, error.line, error.column + 1)
    if character == '"':
        return Diagnostic(
            "E0109", "this text is not closed on its line", (Label(span),), (), 'end it with `"`'
        )
    helps = {
        ";": "a statement ends with its line; leave the `;` out",
        "'": 'texts stand in double quotes: `"…"`',
        "&": "write `and`",
        "|": "write `or`",
        "!": "write `not`",
        "%": "comments begin with `#`; the remainder is `mod(a, b)`",
    }
    shown = character if character.isprintable() else f"\\x{ord(character):02x}"
    return Diagnostic(
        "E0109", f"the character `{shown}` has no meaning here", (Label(span),), (), helps.get(character)
    )


def _unknown_start(source: Source, token: Token, stream: list[Token], at: int) -> Diagnostic:
    word = str(token)
    hint = f"write `{_FOREIGN[word]}`" if word in _FOREIGN else did_you_mean(word, _WORDS)
    following = stream[at + 1] if at + 1 < len(stream) else None
    if hint is None and following is not None and following.type in ("EQUAL", "LPAR", "DOT"):
        hint = "equations stand in the section `equations`"
    return Diagnostic(
        "E0101", f"no statement begins with `{word}` here", (Label(_span(source, token)),), (), hint
    )


def _blocks(stream: list[Token]) -> list[Token]:
    open_: list[Token] = []
    previous = "NEWLINE"
    for token in stream:
        before, previous = previous, token.type
        if token.type in ("MODEL", "CONNECTOR", "FOR", "IF_BLOCK", "WHEN"):
            if token.type == "FOR" and before != "NEWLINE":
                continue
            open_.append(token)
        elif token.type == "END" and open_:
            open_.pop()
    return open_


def _unclosed(stream: list[Token]) -> Token | None:
    blocks = _blocks(stream)
    return blocks[-1] if blocks else None


def _wanted(accepted: set[str]) -> str:
    operand = {"NAME", "NUMBER", "LPAR", "LBRACE"}
    if operand <= accepted:
        return "a value"
    words = [_SAID.get(name, f"`{name.lower()}`") for name in sorted(accepted - {"UNIT", "NEWLINE"})]
    shortest = [w for w in words if w.startswith("`")] or words
    return " or ".join((shortest or ["something else"])[:3])


def _span(source: Source, token: Token) -> Span:
    line, column = token.line or 1, token.column or 1
    return Span(source, line, column, token.end_line or line, token.end_column or column + 1)


def _last(source: Source, stream: list[Token]) -> Span:
    return _span(source, stream[-1]) if stream else Span(source, 1, 1, 1, 2)
