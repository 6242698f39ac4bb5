"""The syntax tree: what was written, with spans. Frozen; comments and layout are gone.

Equality ignores spans, so `parse(show(module)) == module` can be stated.
"""

# ruff: noqa: RUF009  (`_span()` is a field declaration, made anew for each class)

from dataclasses import dataclass, field

from stiffdsl.diagnostics import Span

# Attributes of a declaration that bound or scale a quantity.
SIZES = ("nominal", "min", "max")
# Symmetries of a field on a line; the first is the default.
GEOMETRIES = ("cartesian", "cylindrical", "spherical")


def _span() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """`0.04`, or `5 [min]`: `unit` is the text between the brackets."""

    value: float
    unit: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string; `unit` is what stands in brackets after a column of a table: `"T" [degC]`."""

    value: str
    span: Span = _span()
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of a dotted name, with its indices: `rooms[i]` in `rooms[i].T`."""

    name: str
    indices: tuple["Expr", ...] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """`x`, `x[i]`, `rooms[i].wall.T[2, j]`. `der`, `time` and `pi` are not special here except `time`, `pi`,
    `true`, `false`, which are plain one-part names that `check` gives a meaning."""

    parts: tuple[Part, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `not x`."""

    operator: str
    operand: "Expr"
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    """Operator is one of `+ - * / ^ == != < <= > >= and or`."""

    operator: str
    left: "Expr"
    right: "Expr"
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class If:
    """`if condition then yes else no`."""

    condition: "Expr"
    yes: "Expr"
    no: "Expr"
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    """`sin(x)`, `der(x)`, `chemistry.arrhenius(A, Ea, T)`, `csv("f", x = "a")`."""

    function: str
    arguments: tuple["Expr", ...]
    named: tuple[tuple[str, "Expr"], ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TableCall(Call):
    """A call of a table, as `check` leaves it: of the member `function` of the class, or of the `table` of a file."""

    table: object = None


@dataclass(frozen=True, slots=True)
class NetworkCall(Call):
    """A call of a network, as `check` leaves it: of the member `function` of the class, or of the `network` of a
    file."""

    network: object = None


@dataclass(frozen=True, slots=True)
class Range:
    """`1..N`."""

    first: "Expr"
    last: "Expr"
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """`{1, 2, 3}`."""

    items: tuple["Expr", ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Pair:
    """`(0, 1)`: a row of a table that is written in place; `(0, 1, 5)` of one with two arguments."""

    items: tuple["Expr", ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Iterator:
    """`i in 1..N`."""

    name: str
    range: "Expr"
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`(body for i in 1..N, j in 1..M)`; `function` is `sum`, `prod`, `min`, `max`, or None for an array."""

    function: str | None
    body: "Expr"
    iterators: tuple[Iterator, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class At:
    """`T at 10 [s]`: the value at a time, in a test; `c at R`: the value at an end of a field."""

    value: "Expr"
    place: "Expr"
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Element:
    """`matmul(A, x)[1]`: element or slice of an array that has no name; functions take arguments apart so."""

    array: "Expr"
    indices: tuple["Expr", ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Over:
    """`T over 0..10` in `max(T over 0..10)`, in a test; `time` for the whole run."""

    value: "Expr"
    range: "Expr"
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Inlined:
    """A long `function` with its arguments put in place, and those arguments: `value` is what it comes to. Made by
    `check` only; in a long statement, and where many unlike ones call it, it is computed by itself."""

    value: "Expr"
    arguments: tuple["Expr", ...]
    function: str
    span: Span = _span()


Expr = (
    Number
    | Text
    | Name
    | Unary
    | Binary
    | If
    | Call
    | Range
    | ArrayLiteral
    | Pair
    | Comprehension
    | At
    | Over
    | Element
    | Inlined
)


# --- declarations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Modifier:
    """`R = 1e3` in `Resistor(R = 1e3)`; `name` may be dotted: `wall.C = 2`. `attribute` is `value`, `start`,
    `guess`, `nominal`, `min` or `max` (`Capacitor(v start 5)` is `Modifier("v", "start", 5)`)."""

    name: str
    attribute: str
    value: Expr
    span: Span = _span()
    # With indices: `rooms[3].C = 2` is `name` "rooms.C" with these parts.
    parts: tuple[Part, ...] = ()
    # Of a replaced class, `pump : GearPump(n = 3)`: `attribute` is "class", `value` its name.
    modifiers: tuple["Modifier", ...] = ()

    @property
    def key(self) -> tuple:
        """The key that a second modifier of one list may not set again."""
        return (self.name, self.attribute, self.parts) if self.parts else (self.name, self.attribute)


@dataclass(frozen=True, slots=True)
class Variable:
    """`kind name[dimensions] [unit] = value in low..high start s guess g nominal n min a max b "doc"`; `kind` is
    const, param, input, var, output or discrete, or random, covariate or observe.

    `distribution` is the call behind `~`, `per` the word behind `per`. `role`: what was declared as `random` or
    `covariate` is a param once it is checked.

    `unit` is the declared unit, also when it is written after the value (`param k = 0.04 [1/s]`); `value`
    then keeps no unit of its own (`Number(0.04, None)`).
    """

    kind: str
    name: str
    dimensions: tuple[Expr, ...]
    unit: str | None
    value: Expr | None
    range: Range | None
    start: Expr | None
    guess: Expr | None
    doc: str | None
    span: Span = _span()
    name_span: Span = _span()
    nominal: Expr | None = None
    min: Expr | None = None
    max: Expr | None = None
    # `discrete mode : Mode`: the enumeration, and its labels once `check` has found it.
    type: str | None = None
    labels: tuple[str, ...] = ()
    distribution: Call | None = None
    per: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """`part r[N] : electrical.Resistor(R = 1e3) if condition "doc"`; `kind` is `part` or `port`."""

    kind: str
    name: str
    dimensions: tuple[Expr, ...]
    type: str
    modifiers: tuple[Modifier, ...]
    doc: str | None
    span: Span = _span()
    name_span: Span = _span()
    type_span: Span = _span()
    condition: Expr | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """`field c(r) [unit] over a..b cells 20 grading 1.1 spherical start c0 guess g nominal n min a max b "doc"`; in the
    place of `cells`, `at {0, 0.1, 1}` gives the faces."""

    name: str
    coordinate: str
    unit: str | None
    over: Range | None
    cells: Expr | None
    faces: Expr | None
    grading: Expr | None
    geometry: str
    start: Expr | None
    guess: Expr | None
    doc: str | None
    span: Span = _span()
    name_span: Span = _span()
    nominal: Expr | None = None
    min: Expr | None = None
    max: Expr | None = None


@dataclass(frozen=True, slots=True)
class Dose:
    """`dose depot, central`: the states that the compartments of a data table dose, in order."""

    targets: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TableDeclaration:
    """`table ocv(soc [1]) [V] = csv("ocv.csv", x = "soc", y = "v" [mV])`: each argument with its unit. Without a value
    it is given where the part is declared."""

    name: str
    arguments: tuple[tuple[str, str | None], ...]
    unit: str | None
    value: Expr | None
    doc: str | None
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class NetworkValue:
    """An argument or the result of a network: `x[2] [degC]`."""

    name: str
    dimensions: tuple[Expr, ...]
    unit: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NetworkDeclaration:
    """`network f(x[2]) -> dx[2] hidden 50, 50 activation gelu seed 3 scale x by xs, dx by ds "doc"`."""

    name: str
    arguments: tuple[NetworkValue, ...]
    result: NetworkValue
    hidden: tuple[Expr, ...]
    activation: str | None
    seed: Expr | None
    scale: tuple[tuple[str, Expr], ...]
    doc: str | None
    span: Span = _span()
    name_span: Span = _span()
    activation_span: Span | None = field(default=None, compare=False, repr=False)


Declaration = Variable | Component | TableDeclaration | NetworkDeclaration | Field | Dose


# --- equations -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Equation:
    """`left = right`."""

    left: Expr
    right: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Connect:
    """`connect a.p, b.n, c.p`, or ends of fields: `connect neg.c at L, sep.c at 0`."""

    points: tuple[Name | At, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class For:
    """`for i in 1..N, j in 1..M ... end`."""

    iterators: tuple[Iterator, ...]
    body: tuple["Statement", ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class IfEquation:
    """`if N > 2 ... else ... end` around equations: structural, its condition must be a constant."""

    branches: tuple[tuple[Expr | None, tuple["Statement", ...]], ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assign:
    """`target := value` in a `when`."""

    target: Name
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Stop:
    """`stop "text"` in a `when`; `fails` where it is the violation of an `assert`."""

    text: str
    span: Span = _span()
    fails: bool = False


@dataclass(frozen=True, slots=True)
class WhenBranch:
    """One branch of a `when`: what it waits for, and its actions.

    `condition` is None where it waits for `start` alone, or for times: `every period from first`. `at_start`: it acts
    once at the beginning too. It acts the time `after` later, with the values then or, `holding`, those before; where
    it is `dropped`, not at all if its condition turns false meanwhile. `priority` orders what acts at one instant.
    """

    condition: Expr | None
    at_start: bool
    period: Expr | None
    first: Expr | None
    actions: tuple[Assign | Stop, ...]
    span: Span = _span()
    # Whether it acts, too, where its condition holds from the start on (`assert`).
    from_start: bool = False
    after: Expr | None = None
    holding: bool = False
    dropped: bool = False
    priority: Expr | None = None

    @property
    def waits(self) -> bool:
        """Whether something may lie between its condition and its actions."""
        return self.holding or self.dropped or self.after is not None or self.priority is not None


@dataclass(frozen=True, slots=True)
class When:
    """`when … elsewhen … end`: of the branches that turn true at one instant, the first acts."""

    branches: tuple[WhenBranch, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Assert:
    """`assert condition, "text"`, watched during a run."""

    condition: Expr
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reaction:
    """`bind: B + 2*C <-> D @ kf, kr`: species with integer coefficients; `reverse` is None for `->`, a side `0` is
    empty. `S -> P rate r` is `whole`: `forward` is its rate as it is; with `<->` it is `net`, what goes forth less what
    goes back. `into` is what holds the rate of a reaction with a label, found by `check`."""

    reactants: tuple[tuple[int, Name], ...]
    products: tuple[tuple[int, Name], ...]
    forward: Expr
    reverse: Expr | None
    span: Span = _span()
    label: str | None = None
    whole: bool = False
    net: bool = False
    into: Name | None = None
    label_span: Span | None = field(default=None, compare=False, repr=False)
    # `r[i]: …` names the indices of the loops around it, which `r: …` has anyway.
    label_indices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class GroupedLines:
    """Many lines of one shape: `pattern` once, with the holes `$0`, `$1`, … for what differs between the lines.

        S1 + S5 -> S7 @ kp1         $0 + $1 -> $2 @ $3        $0: S1, S2    $1: S5, S9
        S2 + S9 -> S8 @ kp4                                   $2: S7, S8    $3: kp1, kp4

    `names` and `numbers` hold the entries of every hole, one for each line; a hole holds names or numbers. Made by
    `syntax/grouped_lines.py` only; no text parses to it.
    """

    pattern: "Equation | Reaction"
    names: dict[str, tuple[str, ...]]
    numbers: dict[str, tuple[float, ...]]
    spans: tuple[Span, ...]
    span: Span = _span()


Statement = Equation | Connect | For | IfEquation | When | Assert | GroupedLines


@dataclass(frozen=True, slots=True)
class Experiment:
    """`time 0..1e5, rtol 1e-6, log, points 200, method fbdf`: options by name, flags have the value None."""

    options: tuple[tuple[str, Expr | None], ...]
    span: Span = _span()


# --- top level -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Extends:
    type: str
    modifiers: tuple[Modifier, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Model:
    """A `model` or `partial model`."""

    name: str
    partial: bool
    doc: str | None
    extends: tuple[Extends, ...]
    declarations: tuple[Declaration, ...]
    equations: tuple[Statement, ...]
    initial: tuple[Statement, ...]
    reactions: tuple[Reaction | For | GroupedLines, ...]
    experiment: Experiment | None
    span: Span = _span()
    name_span: Span = _span()


# A `For` among `reactions` holds `Reaction`s in its body.


@dataclass(frozen=True, slots=True)
class Connector:
    """`potential v [V]` and `flow i [A]` members, in order; `kind` is `potential` or `flow`. `ports` are the
    connectors that it holds."""

    name: str
    doc: str | None
    members: tuple[Variable, ...]
    span: Span = _span()
    name_span: Span = _span()
    ports: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Formal:
    """A formal parameter of a function: `x`, or `d = 0.1` with the value that counts where none is given."""

    name: str
    default: Expr | None
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Local:
    """A line `re = rho*v*d/mu` of a function: a name for a value that the lines below may use."""

    name: str
    value: Expr
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class FunctionDeclaration:
    """`function arrhenius(A, Ea, T) = ...`, or several lines that end with `return ...`; inlined where it is used."""

    name: str
    formals: tuple[Formal, ...]
    body: Expr
    span: Span = _span()
    name_span: Span = _span()
    locals: tuple[Local, ...] = ()
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class TestSetting:
    """`k1 = 0.04`, or `A start 2`, in the line `set` of a test; `attribute` is `value`, `start` or `guess`."""

    target: Name
    attribute: str
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expectation:
    """`expect A at 10 = 0.3 within 1e-4`; `comparison` is `=`, `<`, `<=`, `>`, `>=`, `==` or `!=`."""

    left: Expr
    comparison: str
    right: Expr
    within: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExpectedStop:
    """`expect stop "full" at 5 within 1e-6`: the end of a run by a `stop` of the model; without a text, by any."""

    text: str | None
    time: Expr | None
    within: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Test:
    """`test "name" of Model`: values to set, what `simulate` is told, and what is expected. `model` None: the main
    model of the file."""

    name: str
    model: str | None
    settings: tuple[TestSetting, ...]
    run: Experiment | None
    expectations: tuple["Expectation | ExpectedStop", ...]
    span: Span = _span()
    name_span: Span = _span()
    model_span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Enum:
    """`enum Mode {off, heating, cooling}`: an enumeration; its values count from 1, in this order."""

    name: str
    labels: tuple[str, ...]
    doc: str | None
    span: Span = _span()
    name_span: Span = _span()


@dataclass(frozen=True, slots=True)
class Import:
    """`import a.b` (`names` is None) or `from a.b import X, Y`."""

    module: str
    names: tuple[str, ...] | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Module:
    """One file. `declarations` keep their order; `Variable`s among them are module-level `const`s."""

    imports: tuple[Import, ...]
    declarations: tuple[
        "Model | Connector | FunctionDeclaration | Enum | Variable | TableDeclaration | NetworkDeclaration | Test",
        ...,
    ]
    span: Span = _span()
