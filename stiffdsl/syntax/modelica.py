"""Declarations as Modelica writes them, type first: the line that declares the same here."""

from collections.abc import Iterator

from lark import Token

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.syntax.context import ErrorContext, written

_PREFIXES = {
    "parameter": "param", "constant": "const", "input": "input", "output": "output", "discrete": "discrete",
    "final": "", "inner": "", "outer": "", "replaceable": "", "redeclare": "", "flow": "var", "stream": "var",
}  # fmt: skip
TYPES = {"Real", "Integer", "Boolean", "String", "real", "int", "float", "double", "bool", "Float64"}
_OPENING, _CLOSING = ("LPAR", "LBRACE", "LSQB"), ("RPAR", "RBRACE", "RSQB")
_NUMBERS = {"Real", "real", "float", "double", "Float64"}
# Units of the types of `Modelica.Units.SI` that most models use.
_UNITS = {
    "Temperature": "K", "Voltage": "V", "Current": "A", "Resistance": "ohm", "Capacitance": "F",
    "Inductance": "H", "Pressure": "Pa", "AbsolutePressure": "Pa", "Mass": "kg", "Length": "m", "Position": "m",
    "Distance": "m", "Height": "m", "Velocity": "m/s", "Acceleration": "m/s^2", "Force": "N", "Torque": "N*m",
    "Angle": "rad", "AngularVelocity": "rad/s", "AngularAcceleration": "rad/s^2", "Inertia": "kg*m^2",
    "Time": "s", "Power": "W", "HeatFlowRate": "W", "Energy": "J", "HeatCapacity": "J/K", "Area": "m^2",
    "Volume": "m^3", "MassFlowRate": "kg/s", "VolumeFlowRate": "m^3/s", "Density": "kg/m^3",
    "ThermalConductance": "W/K", "ThermalResistance": "K/W", "Concentration": "mol/m^3", "Frequency": "Hz",
}  # fmt: skip
_SIGNALS = {*_UNITS, "RealInput", "RealOutput"}
_BEHIND = ("NEWLINE", "LPAR", "EQUAL", "COMMA", "STRING", "LSQB")
_CLASSES = ("model", "package", "record", "type", "function", "block", "connector", "class")
_KINDS = ("const", "param", "input", "var", "output", "discrete", "part", "port")


def declaration(p: ErrorContext) -> Diagnostic | None:
    """The diagnostic for a declaration that begins with a type: `parameter Real k(unit = "1/s") = 2`."""
    line = p.statement
    at, kind, known = 0, "", False
    while (
        at < len(line)
        and str(line[at]) in _PREFIXES
        and line[at + 1 : at + 2]
        and line[at + 1].type == "NAME"
    ):
        kind, known, at = _PREFIXES[str(line[at])] or kind, True, at + 1
    begin = at
    while at + 2 < len(line) and line[at].type == line[at + 2].type == "NAME" and line[at + 1].type == "DOT":
        at += 2
    if at + 2 >= len(line) or line[at].type != "NAME" or line[at + 1].type != "NAME":
        return None
    type_, name, behind = str(line[at]), line[at + 1], line[at + 2].type
    plain, dotted = type_ in TYPES or (at > begin and type_ in _SIGNALS), at > begin
    if behind not in _BEHIND or len(p.line) > at + 1 or "CONNECTOR" in p.accepted:
        return None
    declared = "KIND" in p.accepted
    if not (known or plain or (dotted and type_[0].isupper()) or (type_[0].isupper() and declared)):
        return None
    if type_ in _CLASSES or type_.lower() in _KINDS or str(line[begin]) in ("der", "connect"):
        return None
    member = p.first is not None and p.first.type in ("FLOW", "POTENTIAL")
    if "POTENTIAL" in p.accepted or member:
        unit = f" [{_UNITS[type_]}]" if type_ in _UNITS else ""
        shown = f"{'flow' if 'flow' in line[:begin] else 'potential'} {name}{unit}"
        return p.say(
            f"a connector holds potentials and flows, no `{type_}`", on=line[0], help=f"write `{shown}`"
        )
    title = f"a declaration begins with its kind, not with `{written(line[: at + 1])}`"
    if not (plain or known):
        shown = _part(type_, name, line[at + 2 :])
        return p.say(title, on=line[0], help=f"write `{shown}` for a part, `var {name}` for an unknown")
    each = list(_each(line[at + 1 :]))
    value = _number(each[0][1:])
    if not kind and type_ in _NUMBERS and value is not None and len(each) == 1:
        shown = f"{name}[{written(brackets(each[0][1:], 'LSQB', 'RSQB')[0])}]" if behind == "LSQB" else name
        help = f"write `param {shown} = {value}` for a constant, `var {shown} start {value}` for a value at the start"
        return p.say(title, on=line[0], help=help)
    lines = [variable(kind, type_, tokens[0], tokens[1:]) for tokens in each]
    more = ", a line for each name" if len(each) > 1 else ""
    hints = any(
        shown.startswith("var ") and " start " in shown and not _fixed(tokens[1:])
        for shown, tokens in zip(lines, each, strict=True)
    )
    more += "; `guess` in place of `start` where it is a hint only" if hints else ""
    return p.say(title, on=line[0], help=f"write {', '.join(f'`{shown}`' for shown in lines)}{more}")


def _each(tokens: list[Token]) -> Iterator[list[Token]]:
    """The names of one declaration, each with what belongs to it; a text behind the last is that of all."""
    depth, part = 0, []
    for token in tokens:
        depth += (token.type in _OPENING) - (token.type in _CLOSING)
        if (depth == 0 and token.type == "COMMA") or token.type == "NEWLINE":
            if part and part[0].type == "NAME":
                yield part
            part = []
            continue
        part.append(token)


def _number(tokens: list[Token]) -> str | None:
    """The numbers of `= 3`, `[2] = {1, -3}`; None for all else."""
    rest = brackets(tokens, "LSQB", "RSQB")[1]
    known = {"NUMBER", "MINUS", "COMMA", "LBRACE", "RBRACE"}
    whole = len(rest) > 1 and rest[0].type == "EQUAL" and all(t.type in known for t in rest[1:])
    return written(rest[1:]) if whole else None


def _part(type_: str, name: Token, rest: list[Token]) -> str:
    dims, rest = brackets(rest, "LSQB", "RSQB")
    modifiers, rest = brackets(rest, "LPAR", "RPAR")
    inside = f"({written(modifiers)})" if modifiers else ""
    return f"part {name}{f'[{written(dims)}]' if dims else ''} : {type_}{inside}"


def variable(kind: str, type_: str, name: Token, rest: list[Token], start: bool = False) -> str:
    """The declaration of one name with its attributes as it is written here; a value is that at the `start`, or its
    equation."""
    dims, rest = brackets(rest, "LSQB", "RSQB")
    modifiers, rest = brackets(rest, "LPAR", "RPAR")
    given = dict(modifiers_of(modifiers))
    value = given.get("start")
    bracketed = ""
    if rest and rest[0].type == "UNIT":
        bracketed, rest = str(rest[0])[1:-1].strip(), rest[1:]
    if rest and rest[0].type == "EQUAL":
        end, depth = 1, 0
        while end < len(rest) and (depth or rest[end].type not in ("STRING", "COMMA", "NEWLINE")):
            depth += (rest[end].type in _OPENING) - (rest[end].type in _CLOSING)
            end += 1
        value = written(rest[1:end])
    text = next((str(t) for t in rest if t.type == "STRING"), "")
    unit = given.get("unit", "").strip('"') or bracketed or _UNITS.get(type_, "")
    kind = (
        kind
        or {"Integer": "const", "int": "const", "Boolean": "discrete", "bool": "discrete"}.get(type_)
        or "var"
    )
    kind = {"RealInput": "input", "RealOutput": "output"}.get(type_, kind)
    words = [f"{kind} {name}{f'[{written(dims)}]' if dims else ''}"]
    # A constant of the compiler has its value first; all others their unit.
    if kind in ("param", "const", "input", "discrete"):
        words += [f"= {value or 0}"]
        words += [f"[{unit}]"] if unit else []
        words += (
            [f"in {given['min']}..{given['max']}"]
            if {"min", "max"} <= given.keys() and kind == "param"
            else [f"{word} {given[word]}" for word in ("min", "max") if word in given]
        )
    else:
        words += [f"[{unit}]"] if unit else []
        written_value = bool(rest) and rest[0].type == "EQUAL"
        if start and written_value:
            given["start"] = value or "0"
        elif value and (kind == "output" or written_value):
            words += [f"= {value}"]
            given.pop("start", None)
        words += [f"{word} {given[word]}" for word in ("start", "nominal", "min", "max") if word in given]
    return " ".join([*words, text] if text else words)


def _fixed(rest: list[Token]) -> bool:
    """Whether modifiers say `fixed = true`: without it a `start` is a hint in Modelica, but for most tools' states."""
    modifiers, _ = brackets(brackets(rest, "LSQB", "RSQB")[1], "LPAR", "RPAR")
    return dict(modifiers_of(modifiers)).get("fixed") == "true"


def modifiers_of(tokens: list[Token]) -> list[tuple[str, str]]:
    """Names and values of `start = 1, unit = "K"`, without `each` and `final`."""
    found, part, depth = [], [], 0
    for token in [*tokens, None]:
        if token is None or (depth == 0 and token.type == "COMMA"):
            part = [t for t in part if t not in ("each", "final")]
            if len(part) > 2 and part[1].type == "EQUAL":
                found.append((str(part[0]), written(part[2:])))
            part = []
            continue
        depth += (token.type in _OPENING) - (token.type in _CLOSING)
        part.append(token)
    return found


def brackets(tokens: list[Token], opening: str, closing: str) -> tuple[list[Token], list[Token]]:
    """The tokens in the bracket at the front, and those behind it."""
    if not tokens or tokens[0].type != opening:
        return [], tokens
    depth = 0
    for k, token in enumerate(tokens):
        depth += (token.type == opening) - (token.type == closing)
        if depth == 0:
            return tokens[1:k], tokens[k + 1 :]
    return tokens[1:], []
