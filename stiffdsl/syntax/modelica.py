"""Declarations as Modelica writes them, type first: the line that declares the same here."""

from lark import Token

from stiffdsl.diagnostics import Diagnostic
from stiffdsl.syntax.context import ErrorContext, written

_PREFIXES = {
    "parameter": "param", "constant": "const", "input": "input", "output": "output", "discrete": "discrete",
    "final": "", "inner": "", "outer": "", "replaceable": "", "redeclare": "", "flow": "var", "stream": "var",
}  # fmt: skip
TYPES = {"Real", "Integer", "Boolean", "String", "real", "int", "float", "double"}
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
    shown = (
        _variable(kind, type_, name, line[at + 2 :]) if plain or known else _part(type_, name, line[at + 2 :])
    )
    title = f"a declaration begins with its kind, not with `{written(line[: at + 1])}`"
    if plain or known:
        more = ", and a line for each name" if behind == "COMMA" else ""
        if shown.startswith("var ") and " start " in shown and not _fixed(line[at + 2 :]):
            more += "; `guess` in place of `start` where it is a hint only"
        return p.say(title, on=line[0], help=f"write `{shown}`{more}")
    return p.say(title, on=line[0], help=f"write `{shown}` for a part, `var {name}` for an unknown")


def _part(type_: str, name: Token, rest: list[Token]) -> str:
    dims, rest = _brackets(rest, "LSQB", "RSQB")
    modifiers, rest = _brackets(rest, "LPAR", "RPAR")
    inside = f"({written(modifiers)})" if modifiers else ""
    return f"part {name}{f'[{written(dims)}]' if dims else ''} : {type_}{inside}"


def _variable(kind: str, type_: str, name: Token, rest: list[Token]) -> str:
    dims, rest = _brackets(rest, "LSQB", "RSQB")
    modifiers, rest = _brackets(rest, "LPAR", "RPAR")
    given = dict(_modifiers(modifiers))
    value = given.get("start")
    if rest and rest[0].type == "EQUAL":
        end = next((k for k, t in enumerate(rest) if t.type in ("STRING", "COMMA", "NEWLINE")), len(rest))
        value = written(rest[1:end])
    text = next((str(t) for t in rest if t.type == "STRING"), "")
    unit = given.get("unit", "").strip('"') or _UNITS.get(type_, "")
    kind = kind or {"Integer": "const", "int": "const", "Boolean": "discrete"}.get(type_) or "var"
    kind = {"RealInput": "input", "RealOutput": "output"}.get(type_, kind)
    words = [f"{kind} {name}{f'[{written(dims)}]' if dims else ''}"]
    # A constant of the compiler has its value first; all others their unit.
    if kind in ("param", "const", "input", "discrete"):
        words += [f"= {value or 0}"]
        words += [f"[{unit}]"] if unit else []
        words += (
            [f"in {given['min']}..{given['max']}"]
            if {"min", "max"} <= given.keys() and kind == "param"
            else []
        )
    else:
        words += [f"[{unit}]"] if unit else []
        words += [f"= {value}"] if value and kind == "output" else []
        words += [f"{word} {given[word]}" for word in ("start", "nominal", "min", "max") if word in given]
    return " ".join([*words, text] if text else words)


def _fixed(rest: list[Token]) -> bool:
    """Whether modifiers say `fixed = true`: without it a `start` is a hint in Modelica, but for most tools' states."""
    modifiers, _ = _brackets(_brackets(rest, "LSQB", "RSQB")[1], "LPAR", "RPAR")
    return dict(_modifiers(modifiers)).get("fixed") == "true"


def _modifiers(tokens: list[Token]) -> list[tuple[str, str]]:
    """Names and values of `start = 1, unit = "K"`, without `each` and `final`."""
    found, part, depth = [], [], 0
    for token in [*tokens, None]:
        if token is None or (depth == 0 and token.type == "COMMA"):
            part = [t for t in part if t not in ("each", "final")]
            if len(part) > 2 and part[1].type == "EQUAL":
                found.append((str(part[0]), written(part[2:])))
            part = []
            continue
        depth += (token.type in ("LPAR", "LBRACE", "LSQB")) - (token.type in ("RPAR", "RBRACE", "RSQB"))
        part.append(token)
    return found


def _brackets(tokens: list[Token], opening: str, closing: str) -> tuple[list[Token], list[Token]]:
    """The tokens in the bracket at the front, and those behind it."""
    if not tokens or tokens[0].type != opening:
        return [], tokens
    depth = 0
    for k, token in enumerate(tokens):
        depth += (token.type == opening) - (token.type == closing)
        if depth == 0:
            return tokens[1:k], tokens[k + 1 :]
    return tokens[1:], []
