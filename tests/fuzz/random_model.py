"""Random models: their text, and the same equations as Python source over plain numbers."""

from dataclasses import dataclass, field
from random import Random

from .expressions import Material
from .tree import EvaluationScope, Node, num, show, source

# Text, scale, shift: value in SI = value*scale + shift.
UNITS = (
    ("1/min", 1 / 60, 0.0),
    ("mol/L", 1000.0, 0.0),
    ("degC", 1.0, 273.15),
    ("mm", 1e-3, 0.0),
    ("h", 3600.0, 0.0),
)
NO_UNIT = ("", 1.0, 0.0)


@dataclass
class DraftParameter:
    """A scalar; `value` is Python source of its value in SI. `own` tells whether it is given as a number."""

    name: str
    value: str
    unit: tuple[str, float, float] = NO_UNIT
    own: bool = True


@dataclass
class DraftVariable:
    """A scalar; `start` is Python source in SI, or None. `state`: its derivative is in the equations."""

    name: str
    state: bool
    start: str | None = None
    unit: tuple[str, float, float] = NO_UNIT


@dataclass
class RandomModel:
    """A model's text and its meaning: `residuals` are Python source over the lists v, d, p, u and the time t."""

    text: str
    parameters: list[DraftParameter]
    variables: list[DraftVariable]
    inputs: list[DraftParameter]
    residuals: list[str]
    features: list[str]


@dataclass
class Draft:
    """A model that is being put together."""

    rng: Random
    smooth: bool = False
    edges: bool = False
    files: list[str] = field(default_factory=list)
    declarations: list[str] = field(default_factory=list)
    equations: list[str] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    parameters: list[DraftParameter] = field(default_factory=list)
    variables: list[DraftVariable] = field(default_factory=list)
    inputs: list[DraftParameter] = field(default_factory=list)
    residuals: list[str] = field(default_factory=list)
    functions: dict[str, tuple[tuple[str, ...], Node]] = field(default_factory=dict)
    leaves: list[Node] = field(default_factory=list)
    parameter_leaves: list[Node] = field(default_factory=list)
    arrays: list[tuple[str, int]] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    counter: int = 0
    waiting: dict[str, str] = field(default_factory=dict)

    # --- names and places ---

    def name(self, stem: str) -> str:
        self.counter += 1
        return f"{stem}{self.counter}"

    def place(self, name: str) -> str:
        """Python source of a scalar."""
        if name.startswith("der("):
            return f"d[{self._number(self.variables, name[4:-1])}]"
        for letter, table in (("v", self.variables), ("p", self.parameters), ("u", self.inputs)):
            k = self._number(table, name)
            if k is not None:
                return f"{letter}[{k}]"
        raise AssertionError(name)

    def _number(self, table, name: str):
        return next((k for k, row in enumerate(table) if row.name == name), None)

    @property
    def scope(self) -> EvaluationScope:
        return EvaluationScope(self.place, self.functions)

    def source(self, e: Node, **at: int) -> str:
        return source(e, self.scope, at)

    def show(self, e: Node, whole=None) -> str:
        return show(e, self.rng, whole)

    def material(self, *more: Node, time: bool = True, functions: bool = True) -> Material:
        takes = {name: len(args) for name, (args, _) in self.functions.items()} if functions else {}
        leaves = [*self.leaves, *more]
        return Material(
            self.rng, leaves, self.parameter_leaves, takes, self.arrays, self.smooth, self.edges, time
        )

    # --- statements ---

    def equation(self, left: Node, right: Node, at: tuple[dict[str, int], ...] = ({},), whole=None) -> str:
        """The text of an equation, its sides in any order; its meaning for every `at` is noted."""
        for own in at:
            self.residuals.append(f"{self.source(left, **own)} - {self.source(right, **own)}")
        roll = self.rng.random()
        if roll < 0.15:
            left, right = right, left
        elif roll < 0.25 and whole is None:
            left, right = ("-", left, right), num(0)
        text = f"{self.show(left, whole)} = {self.show(right, whole)}"
        # What begins with `if` would be a block of equations.
        return (
            text if not text.startswith("if") else f"({self.show(left, whole)}) = {self.show(right, whole)}"
        )

    def declare(self, text: str) -> None:
        if self.rng.random() < 0.1:
            text += ' "a documented thing"'
        if self.rng.random() < 0.05:
            text += "  # a comment"
        self.declarations.append(text)

    def number(self, low: float = 0.3, high: float = 2.0) -> str:
        return f"{self.rng.uniform(low, high):.{self.rng.randint(1, 4)}g}"


def random_model(rng: Random, size: int = 3, smooth: bool = False, edges: bool = False) -> RandomModel:
    """A model of some `size` features."""
    from . import features

    d = Draft(rng, smooth, edges)
    features.parameters(d)
    for _ in range(rng.randint(0, 2)):
        features.function(d)
    features.states(d)
    for _ in range(rng.randint(1, size)):
        part = rng.choice(features.FEATURES)
        d.features.append(part.__name__)
        part(d)
    return features.finish(d)
