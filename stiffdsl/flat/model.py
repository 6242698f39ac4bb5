"""The flat model: scalars numbered in blocks, equations in families.

A family is one template (SymPy) with slots `s0, s1, …`, and an integer table that says, for each member, which
scalar fills each slot. Everything a model repeats (`for`, arrays of parts, equal components) is one family, so
symbolic work is paid once per shape; all other work is done on the integer tables.

    for i in 2..N-1                          template   s0 - s1*(s2 - 2*s3 + s4)
      der(T[i]) = a*(T[i-1]-2*T[i]+T[i+1])   kinds      der  param  var  var  var
                                             table      [[1, 0, 0, 1, 2], [2, 0, 1, 2, 3], …]
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product
from math import prod

import numpy as np
import sympy as sp

from stiffdsl.check.tables import SeriesData
from stiffdsl.diagnostics import Diagnostic, Span
from stiffdsl.syntax.tree import Expr

TIME = sp.Symbol("time", real=True)


@lru_cache(maxsize=100_000)
def slot(k: int) -> sp.Symbol:
    """The symbol of slot `k` of a template."""
    return sp.Symbol(f"s{k}", real=True)


def total(k: int) -> sp.Symbol:
    """The symbol that stands for the `k`-th sum of a family."""
    return sp.Symbol(f"g{k}", real=True)


# The kind of slot that refers to a declaration of each kind.
SLOT_KINDS = {
    "var": "var",
    "output": "var",
    "potential": "var",
    "flow": "var",
    "hidden": "var",
    "discrete": "var",
    "param": "param",
    "input": "input",
}


@dataclass(frozen=True, eq=False)
class Sum:
    """`Σ term` over the terms that a member owns: `owner[t]` is the member of term `t`, ascending."""

    term: sp.Expr
    kinds: tuple[str, ...]
    table: np.ndarray
    owner: np.ndarray


@dataclass(frozen=True, eq=False)
class Family:
    """`0 = template` for every row of `table`.

    `origins[which[m]]` is the text of member m: equal equations written in several places are one family.
    `kinds[k]` says what slot k counts: `var`, `der` (the derivative of that variable), `param`, `input`, or
    `const` (an index into `FlatModel.constants`). `sums[k]` fills the symbol `g{k}`.
    """

    template: sp.Expr
    kinds: tuple[str, ...]
    table: np.ndarray
    origins: tuple[Span, ...]
    which: np.ndarray
    sums: tuple[Sum, ...] = ()

    @property
    def size(self) -> int:
        return len(self.table)

    @property
    def origin(self) -> Span:
        return self.origins[0]

    def origin_of(self, member: int) -> Span:
        """The text that member `member` was written in."""
        return self.origins[int(self.which[member])]


@dataclass(frozen=True, eq=False)
class Block:
    """One declaration in all its instances: scalars `offset .. offset + size`, row-major over `shape`.

    `path` is the dotted name in segments with the array dimensions of each: `(("rooms", (20,)), ("T", ()))`.
    `kind`: var, output, potential, flow, param, input. `low, high` is the range of a parameter in SI. `sizes` are what
    was declared of `nominal`, `min` and `max`, in SI, one number for each scalar. `labels` are those of the enumeration
    that it is a value of, which count from 1. `of_call`: hidden variables that are the values of a function that stays
    one, or its arguments.
    """

    path: tuple[tuple[str, tuple[int, ...]], ...]
    kind: str
    offset: int
    unit: str | None
    scale: float
    shift: float
    doc: str | None
    span: Span
    low: float | None = None
    high: float | None = None
    sizes: dict[str, np.ndarray] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    of_call: bool = False

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(n for _, dims in self.path for n in dims)

    @cached_property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def name(self) -> str:
        """The dotted name without indices."""
        return ".".join(segment for segment, _ in self.path)

    def scalar_name(self, k: int) -> str:
        """The name of scalar `k` of this block, with 1-based indices: `rooms[3].T`."""
        index = list(np.unravel_index(k, self.shape)) if self.shape else []
        parts = []
        for segment, dims in self.path:
            own, index = index[: len(dims)], index[len(dims) :]
            parts.append(segment + (f"[{','.join(str(int(i) + 1) for i in own)}]" if own else ""))
        return ".".join(parts)

    def scalar_names(self) -> list[str]:
        """The names of all scalars, row-major: as `scalar_name` has them, at a fraction of its cost for each."""
        names = [""]
        for segment, dims in self.path:
            indices = [",".join(map(str, index)) for index in product(*(range(1, n + 1) for n in dims))]
            own = [f"{segment}[{index}]" for index in indices] if dims else [segment]
            names = [f"{before}.{name}" if before else name for before in names for name in own]
        return names

    def patterns(self) -> tuple[str, ...]:
        """The names of all scalars in short: `rooms[20].T` with the length of each array; `=x[3]` is itself alone."""
        segments = (s + (f"[{','.join(str(n) for n in dims)}]" if dims else "") for s, dims in self.path)
        return (".".join(segments),)


@dataclass(frozen=True, eq=False)
class FlatTable:
    """A table that equations look into. Its figures are parameters: `knots` of each argument, `values` row by row, and
    the `slopes` of cubic pieces, which follow from these; `figures` are the defaults of knots and values, in SI."""

    name: str
    method: str
    outside: str
    knots: tuple[Block, ...]
    values: Block
    slopes: Block | None
    figures: tuple[np.ndarray, ...]
    span: Span

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The parameters that hold the table."""
        return (*self.knots, self.values, *(() if self.slopes is None else (self.slopes,)))


@dataclass(frozen=True, eq=False)
class FlatNetwork:
    """A network that equations call. Its weights are parameters: of each layer a `weight` of (outputs, inputs) and a
    `bias`, for each of the `instances`, row by row; `figures` are their initial values.

    `widths`: of all layers, the input's first. `shared`: it is one of a file.
    """

    name: str
    widths: tuple[int, ...]
    activation: str
    blocks: tuple[Block, ...]
    figures: tuple[np.ndarray, ...]
    instances: int
    shared: bool
    arguments: tuple[str, ...]
    result: str
    doc: str | None
    span: Span

    @property
    def size(self) -> int:
        """The number of weights and biases of one instance."""
        return sum(b.size for b in self.blocks) // self.instances


@dataclass(frozen=True, eq=False)
class Definition:
    """`target = value` for scalars that are computed before a solve: parameters, start values, guesses."""

    targets: np.ndarray
    value: Family


@dataclass(frozen=True, eq=False)
class Action:
    """`targets := value` at an event, row k where its member `owner[k]` fires. Targets are declared variables.

    Where it `adds`, the value is written as the target itself plus something: what several such actions add to one
    variable at one instant is summed.
    """

    owner: np.ndarray
    targets: np.ndarray
    value: Family
    adds: bool = False


@dataclass(frozen=True, eq=False)
class Event:
    """A branch of a `when` in all its members.

    It fires where the value of `holds` rises: 1 where the condition holds, else 0; where it is `periodic`, the number
    of times that have passed. `guard` is positive where the condition holds, and continuous where it can be: None where
    time alone decides. It fires at the start where it is `at_start`, and where it is `from_start` and its condition
    holds there. Of the events of one `chain` (`elsewhen`), the first that fires acts. `stop`: the number of
    what ends the run (`FlatModel.stops`), from 1 on; 0: nothing. `branch`: it is
    the change of a condition in an equation (`switches.py`). `quiet`: it keeps books for others (`pending.py`).
    """

    holds: Family
    guard: Family | None
    at_start: bool
    from_start: bool
    periodic: bool
    chain: int
    actions: tuple[Action, ...]
    stop: int
    size: int
    span: Span
    branch: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class RunEnd:
    """An end of a run at an event: `stop text`, or, where it `fails`, an `assert` that is violated, or what `title`
    says."""

    text: str
    fails: bool
    span: Span
    title: str = "an assertion was violated"


@dataclass(frozen=True, eq=False)
class UncertainParameter:
    """A parameter with a distribution, of all its instances: `arguments` define a number for each scalar of `block`
    (targets count from 0), in SI but for pure numbers; of a vector with a `covariance` the last is a matrix for each.

    `role` is `param` or `random`, `text` the distribution as it is written.
    """

    block: Block
    role: str
    distribution: str
    arguments: tuple[tuple[Definition, ...], ...]
    covariance: bool
    text: str
    per: str | None


@dataclass(frozen=True, eq=False)
class Observation:
    """A column of data and the distribution of its values; `arguments` are checked, over the names of part `path`."""

    name: str
    unit: str | None
    distribution: str
    arguments: tuple[Expr, ...]
    text: str
    doc: str | None
    path: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The uncertainty of a model: parameters with distributions, observed columns, names of covariates and of the
    states that are dosed."""

    parameters: tuple[UncertainParameter, ...] = ()
    observations: tuple[Observation, ...] = ()
    covariates: tuple[str, ...] = ()
    doses: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Delay:
    """Hidden `inputs` that are what the variables `sources` were before: so long ago as the hidden parameters `lags`
    say, one by one."""

    inputs: np.ndarray
    sources: np.ndarray
    lags: np.ndarray
    span: Span


@dataclass(frozen=True, eq=False)
class FlatModel:
    """All scalars, and all equations in families.

    `alias[v]`, `sign[v]`: variable v equals `sign * alias`; sign 0 means that it is zero. After alias elimination
    families mention representatives only. `starts` must hold at the initial time, `guesses` are hints.
    `default_start[v]`: the start of v is the default of a part's class, which gives way to what the model says
    otherwise: a start of that part or of an alias, `initial`, or a constraint. Empty: there are none.
    `fixed`: parameters that are in the equations as numbers, by their number (`fixed_parameters.py`). Blocks of
    `tables`, then of `networks`, are among the parameters, behind all that are declared.
    """

    name: str
    doc: str | None
    variables: tuple[Block, ...]
    parameters: tuple[Block, ...]
    inputs: tuple[Block, ...]
    constants: np.ndarray
    equations: tuple[Family, ...]
    initial: tuple[Family, ...]
    parameter_values: tuple[Definition, ...]
    input_values: tuple[Definition, ...]
    starts: tuple[Definition, ...]
    guesses: tuple[Definition, ...]
    is_state: np.ndarray
    alias: np.ndarray
    sign: np.ndarray
    experiment: dict[str, object] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    default_start: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    fixed: dict[int, float] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    stops: tuple[RunEnd, ...] = ()
    tables: tuple[FlatTable, ...] = ()
    networks: tuple[FlatNetwork, ...] = ()
    # Inputs that figures of files drive where a run says nothing else.
    driven: tuple[tuple[Block, SeriesData], ...] = ()
    uncertainty: Uncertainty = field(default_factory=Uncertainty)
    # Hidden variables that hold conditions in steps.
    held: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    # The hidden parameter that holds the time at which a run begins, where something counts from there.
    begins: int | None = None
    delays: tuple[Delay, ...] = ()

    @cached_property
    def size(self) -> int:
        return sum(b.size for b in self.variables)

    @cached_property
    def _offsets(self) -> np.ndarray:
        return np.array([b.offset for b in self.variables], dtype=np.int64)

    def parameter_block(self, k: int) -> Block:
        """The declaration of parameter k."""
        return next(b for b in self.parameters if b.offset <= k < b.offset + b.size)

    def variable_name(self, v: int) -> str:
        k = int(np.searchsorted(self._offsets, v, side="right")) - 1
        while self.variables[k].size == 0 or v >= self.variables[k].offset + self.variables[k].size:
            k -= 1
        return self.variables[k].scalar_name(v - self.variables[k].offset)
