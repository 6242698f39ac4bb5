"""Common syntax mistakes, and the messages for them.

`explain` asks the rules in order; the first that knows the mistake says it. Most mistakes are habits from Modelica
and MATLAB.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from lark import Token

from stiffdsl.diagnostics import Diagnostic, Label, Source, Span, did_you_mean
from stiffdsl.syntax.context import ErrorContext, open_bracket, shown, span_of, written
from stiffdsl.syntax.habits_of_declarations import KINDS
from stiffdsl.syntax.habits_of_distributions import DISTRIBUTION_RULES
from stiffdsl.syntax.habits_of_events import EVENT_RULES
from stiffdsl.syntax.habits_of_tests import TEST_RULES
from stiffdsl.syntax.modelica import TYPES
from stiffdsl.syntax.recover import SECTIONS, as_opener, as_section, blocks
from stiffdsl.syntax.tree import SIZES

_DECLARATIONS = ("const", "param", "input", "var", "output", "discrete", "part", "port", "table", "network")
_TOP = ("import", "from", "function", "connector", "model", "partial", "const", "test")
_FOREIGN = {
    "Real": "var", "Integer": "const", "Boolean": "const", "within": None, "using": "import", "include": "import",
    "component": "part", "public": None, "protected": None, "algorithm": "equations", **KINDS,
}  # fmt: skip
_LOOPS = {
    "while": "equations hold at all times and are not run one after the other; a `for` repeats them over a range",
    "repeat": "equations hold at all times and are not run one after the other; a `for` repeats them over a range",
}
_CLAUSES = {
    "where": "a constant is a `param` of its own, declared before `equations`",
    "with": "a constant is a `param` of its own, declared before `equations`",
    "let": "a constant is a `param` of its own, declared before `equations`",
    "for": "an equation is repeated by a block: `for i in 1..N`, the equation on a line of its own, and `end`",
    "unless": "write `if not condition then a else b`",
    "otherwise": "write `else`",
    "when": "a value that depends on a condition is `if condition then a else b`",
}
_ELSEWHERE = {
    "package": "a file holds any number of models, and is imported by its name: leave the line and its `end` out",
    "extends": "what a model extends stands on its first line: `model M extends Base(R = 1)`",
    "annotation": "leave it out",
    "replaceable": "declare the part as it is; a modifier changes its values: `part r : Resistor(R = 1)`",
    "return": "a `return` ends a function; a result of a model is `output y = 2*x`",
    "print": "`simulate` prints, writes and draws; a result of its own is `output y = 2*x`",
}
_SAID = {
    "EQUAL": "`=`", "RPAR": "`)`", "LPAR": "`(`", "RSQB": "`]`", "LSQB": "`[`", "RBRACE": "`}`",
    "LBRACE": "`{`",
    "COMMA": "`,`", "COLON": "`:`", "NAME": "a name", "STRING": "a text", "NEWLINE": "the end of the line",
    "THEN": "`then`", "ELSE": "`else`", "END": "`end`", "IN": "`in`", "DOTDOT": "`..`", "AT": "`@`",
    "ARROW": "`->`", "ASSIGN": "`:=`", "FOR": "`for`", "IMPORT": "`import`", "MODEL": "`model`",
}  # fmt: skip
_KEYWORD_TYPES = {
    "IF", "THEN", "ELSE", "AND", "OR", "NOT", "FOR", "IN", "IF_BLOCK", "ELSEIF", "ELSE_BLOCK", "WHEN",
    "ELSEWHEN", "MODEL", "CONNECTOR", "FUNCTION", "IMPORT", "FROM",
}  # fmt: skip
_VALUE = {"NAME", "NUMBER", "LPAR", "LBRACE"}


def explain(place: ErrorContext) -> Diagnostic:
    """The diagnostic for a token that cannot stand where it stands."""
    for rule in _RULES:
        found = rule(place)
        if found is not None:
            return found
    return place.say(f"{shown(place.token)} does not belong here", f"expected {_wanted(place.accepted)}")


def explain_depth(source: Source, token: Token, most: int) -> Diagnostic:
    """The diagnostic for a token that opens one level too many."""
    return Diagnostic(
        "E0110",
        f"more than {most} levels are nested in one another",
        (Label(span_of(source, token), "this is one too many"),),
        (),
        "give the inner part a name: a `var` with an equation of its own",
    )


# --- rules: each knows one mistake, and gives None for all others --------------------------------


def _equals(p: ErrorContext) -> Diagnostic | None:
    if p.token.type == "ASSIGN":
        note = "equations hold at all times; `:=` assigns in a `when`"
        return p.say("`:=` belongs in a `when`", help="write `=`", notes=(note,))
    arrow = next((a for a, b in pairwise([*p.line, p.token, p.after]) if _is_assignment(a, b)), None)
    if arrow is not None and (p.token is arrow or p.token.type == "NEWLINE"):
        return p.say("`<-` assigns in another language", on=arrow, help="write `=`")
    double = next((t for t in [*p.line, p.token] if t == "==" and t.type == "COMPARE"), None)
    if double is not None and p.token.type in ("NEWLINE", "COMPARE") and "CONNECT" not in p.line:
        return p.say("an equation is written with one `=`", on=double, help="write `=`")
    if p.token == "=" and any(t == "=" for t in p.line) and "NEWLINE" in p.accepted:
        return p.say("an equation has one `=`", help="write two equations, or compare with `==`")
    return None


def _is_assignment(a: Token | None, b: Token | None) -> bool:
    """Whether two tokens are R's `<-`."""
    return a == "<" and b is not None and b.type == "MINUS" and a is not None and a.end_column == b.column


def _start(p: ErrorContext) -> Diagnostic | None:
    """`var x start = 1`, `var x(start = 1)`."""
    name = p.line[1] if len(p.line) > 1 else p.token
    if p.first is None or p.first.type not in ("KIND", "NAME"):
        return None
    if p.token in ("start", "guess", *SIZES) and p.token.type == "NAME" and p.after == "=":
        return p.say(f"`{p.token}` takes its value without `=`", help=f"write `{p.token} 1`")
    inside = [t for t in p.statement[len(p.line) + 1 :] if t.type != "NEWLINE"]
    if p.token == "(" and p.first.type == "KIND" and inside[1:2] and inside[1].type == "RPAR":
        return p.say("the size of an array stands in brackets", help=f"write `{p.first} {name}[{inside[0]}]`")
    if p.token == "(" and p.first.type == "KIND" and len(p.line) == 2:
        return p.say(
            f"`{name}` takes no arguments here",
            help=f"write `{p.first} {name}`, what it begins at behind `start`",
        )
    return None


def _first_word(p: ErrorContext) -> Diagnostic | None:
    """A line that begins as no line can."""
    line_start = not p.line or (len(p.line) == 1 and p.line[0].type == "NAME" and p.token.type != "NEWLINE")
    word = p.line[0] if p.line else p.token
    if not line_start or word.type not in ("NAME", "CONNECT", "FOR", "IF_BLOCK", "WHEN"):
        return None
    text = str(word)
    if text in _ELSEWHERE:
        return p.say(f"no statement begins with `{text}` here", on=word, help=_ELSEWHERE[text])
    if text == "der" and p.line:
        return p.say("`der` takes parentheses", help=f"write `der({p.token})`")
    if text == "end":
        return p.say("`end` stands alone on its line", on=word, help="write `end`", code="E0102")
    if p.line and p.token.type in ("EQUAL", "LPAR", "DOT", "LSQB"):
        return None
    if p.line and p.token.type in ("COMPARE", "MINUS") and "ARROW" in p.accepted:
        return None  # an arrow of another language
    if p.line and p.token.type == "COLON" and any(t.type == "EQUAL" for t in p.statement):
        return p.say(
            "only reactions have labels", on=word, help="leave it out, or make it a comment: `# ...`"
        )
    section = as_section(p.statement)
    if section is not None and section == text != "initial":
        return p.say(f"`{text}` stands alone on its line", on=word)
    if section is not None:
        return p.say(f"no section is called `{_line(p)}`", on=word, help=f"write `{section}`")
    if text in _LOOPS:
        return p.say(f"there is no `{text}`", on=word, help=_LOOPS[text])
    opener = as_opener(text, "CONNECTOR" in p.accepted)
    declarations = "KIND" in p.accepted or (
        p.line and "KIND" not in p.accepted and "CONNECT" not in p.accepted
    )
    known = _TOP if "CONNECTOR" in p.accepted else _DECLARATIONS if "KIND" in p.accepted else ()
    if "POTENTIAL" in p.accepted:
        known = ("potential", "flow", "end")
    if opener is not None:
        hint = f"write `{opener}`"
    elif text in _FOREIGN or text.lower() in KINDS:
        meant = _FOREIGN.get(text, KINDS.get(text.lower()))
        hint = f"write `{meant}`" if meant else "leave it out"
    else:
        hint = did_you_mean(text, known) if known else None
    following = p.after if not p.line else p.token
    equation = word.type != "NAME" or (following is not None and following.type in ("EQUAL", "LPAR", "DOT"))
    if hint is None and declarations and equation and "CONNECTOR" not in p.accepted:
        return p.say(
            "an equation stands before `equations`", on=word, help="write `equations` on a line before it"
        )
    if (
        hint is None
        and p.line
        and p.token.type in ("NAME", "NUMBER")
        and "CONNECT" not in p.accepted
        and not known
    ):
        return None
    if hint is None and "KIND" in p.accepted and "CONNECTOR" not in p.accepted:
        hint = "declarations begin with " + ", ".join(f"`{d}`" for d in _DECLARATIONS[:8])
    if hint is None and text in ("expect", "simulate"):
        hint = f"a line `{text}` stands in a `test`"
    if hint is None and "CONNECTOR" in p.accepted:
        hint = "declarations, and equations below a line `equations`, stand between `model Name` and `end`"
    return p.say(f"no statement begins with `{text}` here", on=word, help=hint)


def _function_line(p: ErrorContext) -> Diagnostic | None:
    """A line of a function that is neither `name = value` nor its result."""
    unfinished = p.token.type == "NEWLINE" and len(p.line) == 1
    if "RETURN" in p.accepted and p.token.type != "END" and (not p.line or unfinished):
        return p.say(
            "a line of a function gives a name to a value",
            help="write `name = value`, and at the end `return value`",
        )
    if p.line and p.line[0].type == "NAME" and p.accepted == {"EQUAL"} and _in_function(p):
        return p.say(
            "a line of a function gives a name to a value",
            on=p.first,
            help="write `name = value`, and at the end `return value`",
        )
    return None


def _in_function(p: ErrorContext) -> bool:
    left = blocks(p.stream[: p.at])
    return bool(left) and left[-1].type == "FUNCTION_BLOCK"


def _declaration(p: ErrorContext) -> Diagnostic | None:
    """A declaration after the sections began, or two of them in one line."""
    if (
        not p.line
        and "POTENTIAL" in p.accepted
        and p.token.type in ("KIND", "PART", "PORT", "DOSE", "NETWORK")
    ):
        return p.say(
            f"a connector has no `{p.token}`",
            "it holds potentials, flows and ports",
            help="write `potential v [V]` or `flow i [A]`; parts belong into a model",
        )
    if not p.line and p.token.type in ("KIND", "PART", "PORT", "DOSE", "NETWORK"):
        if "CONNECTOR" in p.accepted:
            return p.say("a declaration stands inside a model", help="move it there")
        section = next((t for t in reversed(p.stream[: p.at]) if t.type in SECTIONS.values()), None)
        help = f"move it above the line `{section}`" if section is not None else "move it there"
        return p.say("a declaration stands before the sections of the model", help=help)
    if p.first is None or p.first.type not in ("KIND", "PART", "PORT"):
        return None
    if p.first.type == "KIND" and (found := _attribute(p)) is not None:
        return found
    if p.token.type == "COMMA" and len(p.line) > 1:
        return p.say("a declaration stands on a line of its own", help="write one line for each name")
    if p.first.type in ("PART", "PORT") and len(p.line) == 2 and p.token.type == "NAME":
        return p.say(
            f"a `{p.first}` is declared with its name first",
            help=f"write `{p.first} {p.token} : {p.before}`",
        )
    if p.before is not None and p.before.type == "NUMBER" and p.token.type in ("LPAR", "NUMBER", "NAME"):
        return p.say("a unit stands in brackets", help=f"write `{p.before} [...]`")
    return None


def _attribute(p: ErrorContext) -> Diagnostic | None:
    """`var x : Real`, `param k : 2`, `param float k`, `var x start 1, nominal 10`, `var x start 1 fixed`."""
    kind, token, after = p.first, p.token, p.after
    if p.before is not None and p.before.type == "COLON" and len(p.line) == 3 and token.type != "NEWLINE":
        help = f"write `{kind} {p.line[1]} = {token}`"
        return p.say("what follows the `:` of a declaration is an `enum`", on=p.before, help=help)
    if token.type == "NAME" and len(p.line) == 2 and p.line[1] in TYPES:
        return p.say(
            "a declaration names no type", on=p.line[1], help=f"write `{kind} {written(p.statement[2:-1])}`"
        )
    if token.type == "COMMA" and after in ("start", "guess", "in", *SIZES):
        return p.say("nothing stands between the parts of a declaration", help="leave the `,` out")
    if token == "fixed":
        return p.say(
            "no declaration says `fixed`", help="a `start` holds at the initial time; a hint is `guess`"
        )
    return None


def _brackets(p: ErrorContext) -> Diagnostic | None:
    opening = open_bracket(p.line)
    below = opening is not None and (p.token.line or 1) > (opening.line or 1)
    if opening is not None and (p.token.type == "NEWLINE" or below):
        return p.say(f"this `{opening}` is never closed", on=opening)
    if p.token.type in ("RPAR", "RSQB", "RBRACE") and open_bracket(p.line) is None:
        return p.say(f"this `{p.token}` closes nothing")
    if p.token.type == "LSQB" and p.accepted >= _VALUE:
        if p.before is not None and p.before.type == "IN":
            return p.say("a range is written `low..high`")
        return p.say("an array is written in braces", help="write `{1, 2, 3}`, a matrix `{{1, 2}, {3, 4}}`")
    return None


def _choices(p: ErrorContext) -> Diagnostic | None:
    """`if c then a elseif d then b else e`, and a choice without its `then`."""
    words = [t.type for t in p.line]
    if p.token in ("elseif", "elsif", "elif") and "IF" in words:
        return p.say(f"in an expression `{p.token}` is two words", help="write `else if`")
    open_choice = words.count("IF") > words.count("THEN")
    if open_choice and p.token.type in (*_VALUE, "MINUS", "NEWLINE", "ELSE") and "TIMES" in p.accepted:
        return p.say(
            "a `then` is missing behind the condition",
            "the value for the condition follows a `then`",
            help="write `if condition then a else b`",
        )
    if p.token.type == "EQUAL" and words[:1] == ["IF"] and "THEN" in words:
        return p.say(
            "equations are chosen over several lines",
            help="write `if condition then`, each equation on a line of its own, and `end`; "
            "or `if condition then a else b` on one side of an equation",
        )
    return None


def _elementwise(p: ErrorContext) -> Diagnostic | None:
    """MATLAB's `x.*y`."""
    if p.before != "." or p.token.type not in ("TIMES", "OVER", "POWER"):
        return None
    return p.say(
        f"`.{p.token}` is written `{p.token}`", help="arithmetic on whole arrays is elementwise already"
    )


def _habits(p: ErrorContext) -> Diagnostic | None:
    token, before = p.token, p.before
    if token.type == "NAME" and p.first is not None and p.first.type in ("FUNCTION", "FUNCTION_BLOCK"):
        return p.say("a function begins with its name and its parameters", help="write `function f(x) = x^2`")
    if token.type == "THEN" and p.first is not None and p.first.type in ("WHEN", "ELSEWHEN"):
        return p.say("`when` needs no `then`", help="leave it out")
    if token == "(" and before in ("reinit", "terminate") and len(p.line) == 1:
        says = (
            "sets a state by `:=`, as in `v := -0.8*v`"
            if before == "reinit"
            else 'ends the run by `stop "text"`'
        )
        return p.say(f"an event has no `{before}`", help=f"a `when` {says}", on=before)
    if token == "=" and "ASSIGN" in p.accepted:
        return p.say("an event sets a variable by `:=`", help="write `:=`")
    if token.type == "TIMES" and p.first is not None and p.first.type == "FROM":
        return p.say("an import names what it brings in", help="write the names, or `import` the whole file")
    if token == "as" and p.first is not None and p.first.type in ("IMPORT", "FROM"):
        return p.say("an import gives no other name", help="leave the `as` out")
    if token.type == "DOTDOT" and "NEWLINE" in p.accepted and p.after == ".":
        help = "a line goes on after an operator, a comma or inside brackets; leave the dots out"
        return p.say("a line goes on without dots", help=help)
    if token == "/" and p.first is not None and p.first.type in ("IMPORT", "FROM"):
        return p.say("folders are joined with dots", help="write `import folder.file`")
    if _is_choice_call(p):
        return p.say("a choice is written in words", help="write `if condition then a else b`")
    numbers = before is not None and p.after is not None and before.type == p.after.type == "NUMBER"
    if token.type == "COMMA" and numbers and "NEWLINE" in p.accepted:
        return p.say("decimals begin with a point", help=f"write `{before}.{p.after}`")
    if token.type == "COMPARE" and any(t.type == "COMPARE" for t in p.line):
        return p.say("comparisons cannot be chained", help="write `a < x and x < b`")
    return None


def _is_choice_call(p: ErrorContext) -> bool:
    opening = open_bracket(p.line)
    at = next((k for k, t in enumerate(p.line) if t is opening), 0)
    return p.token.type == "COMMA" and opening == "(" and at > 0 and p.line[at - 1].type == "IF"


def _reaction(p: ErrorContext) -> Diagnostic | None:
    if p.token.type == "AT" and p.before is not None and p.before.type == "ARROW":
        return p.say("nothing stands behind the arrow", help="a sink is written `A -> 0 @ k`")
    if p.token.type == "ARROW" and not p.line and "CONNECT" not in p.accepted:
        return p.say("nothing stands before the arrow", help="a source is written `0 -> A @ k`")
    if "AT" in p.accepted and p.token.type in ("NEWLINE", "COMMA"):
        return p.say("the rate constant is missing", help="write `A -> B @ k`")
    if "ARROW" in p.accepted and p.token.type in ("EQUAL", "MINUS", "COMPARE"):
        return p.say("the arrow of a reaction is `->` or `<->`", help="write `A -> B @ k`")
    return None


def _words(p: ErrorContext) -> Diagnostic | None:
    """A word of the language where a name or a value must stand."""
    if p.token.type in _KEYWORD_TYPES and p.line and "NAME" in p.accepted:
        return p.say(f"`{p.token}` is a word of the language, not a name", help="choose another name")
    return None


def _number(p: ErrorContext) -> Diagnostic | None:
    """Numbers and ranges as other languages write them: `1_000`, `1.5D0`, `1e`, `0 to 10`."""
    before, token = p.before, p.token
    if before is None:
        return None
    if token == "to":
        return p.say("a range is written with `..`", help=f"write `{before}..{p.after}`")
    if before.end_column != token.column:
        return None
    if re.fullmatch(r"(_\d+)+", token):
        joined = before + token.replace("_", "")
        return p.say("the digits of a number stand together", help=f"write `{joined}`")
    if re.fullmatch(r"[dD]\d+", token):
        return p.say("a power of ten is written with `e`", help=f"write `{before}e{token[1:]}`")
    if token in ("e", "E"):
        help = f"write `{before}e3` for a power of ten, `{before}*{token}` for a product"
        return p.say(f"no digit stands behind `{before}{token}`", help=help)
    return None


def _operator(p: ErrorContext) -> Diagnostic | None:
    """`2x`, `k x`, `x 2`."""
    before, token = p.before, p.token
    if before is None or not p.line or before.line != token.line or not p.accepted & {"TIMES"}:
        return None
    if token.type not in ("NAME", "NUMBER", "LPAR"):
        return None
    if before.type == "NUMBER" and token.type in ("NAME", "NUMBER") and (number := _number(p)):
        return number
    if token in _CLAUSES:
        return p.say(f"there is no `{token}` here", help=_CLAUSES[token])
    if before.type in ("NUMBER", "NAME", "RPAR", "RSQB", "UNIT"):
        help = f"write `{before}*{token}`" if before.type in ("NUMBER", "NAME") and token != "(" else None
        return p.say(f"an operator is missing between `{before}` and `{token}`", help=help)
    return None


def _line(p: ErrorContext) -> str:
    return written([t for t in p.statement if t.type not in ("NEWLINE", "COLON")])


def _end_of_line(p: ErrorContext) -> Diagnostic | None:
    if p.token.type != "NEWLINE" or not p.line:
        return None
    section = as_section(p.statement) if len(p.line) == 1 else None
    if section is not None:
        return p.say(f"no section is called `{_line(p)}`", on=p.first, help=f"write `{section}`")
    if p.first is not None and p.first.type == "NAME" and p.first in _ELSEWHERE:
        return p.say(f"no statement begins with `{p.first}` here", on=p.first, help=_ELSEWHERE[p.first])
    if "EQUAL" in p.accepted and "CONNECT" not in p.line and p.first is not None and p.first.type != "KIND":
        help = "write `left = right`"
        if p.first.type == "MINUS":
            help = "to go on with the line above, end that with the `-`"
        return p.say("an equation needs an `=`", on=p.before, help=help)
    if "ELSE" in p.accepted:
        return p.say("a choice needs an `else`", on=p.before, help="write `if condition then a else b`")
    if "THEN" in p.accepted and p.first is not None and p.first.type in ("IF_BLOCK", "ELSEIF"):
        return p.say(
            "a `then` is missing behind the condition", on=p.before, help=f"write `{written(p.line)} then`"
        )
    return p.say(f"the line ends too early: {_wanted(p.accepted)} is missing", on=p.before)


def _blocks(p: ErrorContext) -> Diagnostic | None:
    if p.token.type == "END" and not p.line and not blocks(p.stream[: p.at]):
        help = "a section has no `end`: it goes on to the next one, or to the `end` of its model"
        return p.say("this `end` closes nothing", code="E0102", help=help)
    if p.token.type in SECTIONS.values() and not p.line:
        return p.say(
            f"`{p.token}` is a section of a model", "not inside another block", "close that with `end`"
        )
    return None


def _surplus(p: ErrorContext) -> Diagnostic | None:
    if "NEWLINE" in p.accepted and p.line:
        return p.say(f"{shown(p.token)} does not belong here", "the statement ends before this")
    return None


def _enum(p: ErrorContext) -> Diagnostic | None:
    """`enum Mode = {off, on}`, an `enum` inside a model."""
    if p.token.type == "ENUM" and not p.line:
        return p.say("an `enum` stands beside the models", help="move it out of the model, above it")
    if p.first is not None and p.first.type == "ENUM" and p.token.type != "NEWLINE" and len(p.line) == 2:
        return p.say(
            "the values of an enumeration stand in braces", help=f"write `enum {p.line[1]} {{off, on}}`"
        )
    return None


_RULES: tuple[Callable[[ErrorContext], Diagnostic | None], ...] = (
    *TEST_RULES, *DISTRIBUTION_RULES, *EVENT_RULES,
    _choices, _elementwise, _function_line, _enum,
    _equals, _start, _first_word, _declaration, _brackets, _habits, _reaction, _words, _operator, _end_of_line,
    _blocks, _surplus,
)  # fmt: skip


# --- words ---------------------------------------------------------------------------------------


def explain_end(source: Source, stream: list[Token]) -> Diagnostic:
    opener = _unclosed(stream)
    if opener is not None:
        return Diagnostic(
            "E0102",
            f"this `{opener}` is never closed",
            (Label(span_of(source, opener)),),
            (),
            "write `end` on a line of its own after its last statement",
        )
    last = span_of(source, stream[-1]) if stream else Span(source, 1, 1, 1, 2)
    return Diagnostic("E0101", "the text ends in the middle of a statement", (Label(last),))


def _unclosed(stream: list[Token]) -> Token | None:
    """The block that has no `end`: one whose `end` stands further left than it, or the last that is open."""
    open_: list[Token] = []
    for opener, end in blocks(stream, closed=True):
        if end is not None and (end.column or 1) < (opener.column or 1):
            open_.append(opener)
    if open_:
        return open_[0]
    left = [opener for opener, end in blocks(stream, closed=True) if end is None]
    return left[-1] if left else None


def _wanted(accepted: set[str]) -> str:
    if accepted >= _VALUE:
        return "a value"
    words = [_SAID[name] for name in sorted(accepted) if name in _SAID and name != "NEWLINE"]
    shortest = [w for w in words if w.startswith("`")] or words
    return " or ".join((shortest or ["something else"])[:3])
