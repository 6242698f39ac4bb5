"""The state of one flattening: numbers given out, rows and diagnostics gathered. Every pass of `flat` writes here."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stiffdsl.check.model import CheckedModel, Class
from stiffdsl.check.quantities.conversion import numbered
from stiffdsl.check.quantities.units import parse_unit
from stiffdsl.check.tables import SeriesData
from stiffdsl.diagnostics import Diagnostic, ModelError, Span
from stiffdsl.flat.arrays.kept_functions import kept_calls
from stiffdsl.flat.arrays.shared import Sharing, sharing
from stiffdsl.flat.domain import IterationDomain
from stiffdsl.flat.families import Collector, Rows
from stiffdsl.flat.instance import MOST_MEMBERS, Bound, Fault, Node
from stiffdsl.flat.kinetics.stoichiometry import Stoichiometry
from stiffdsl.flat.model import SLOT_KINDS, Block, Delay, Event, RunEnd
from stiffdsl.flat.networks import NetworkShape, NetworksUsed
from stiffdsl.flat.tables import TablesUsed
from stiffdsl.syntax import tree


def _label(root: Class, name: str, value: str) -> float:
    """The number of the label that replaces the `const` of a dotted name. Raises `ValueError`."""
    *path, last = name.split(".")
    cls: Class | None = root
    for segment in path:
        cls = next((use.cls for use in cls.components if use.name == segment), None) if cls else None
    labels = next((v.labels for v in cls.variables if v.name == last), ()) if cls else ()
    if not labels:
        raise ValueError(f"the constant `{name}` must be a number, not {value!r}")
    return numbered(name, value, labels)


class Context:
    """Numbers of unknowns, parameters, inputs and constants; equations, values and mistakes gathered so far.

    `measure(context, node, sizes, name)` gives array dimensions as numbers.
    `evaluate(context, node, name)` gives the value of a `const` when first asked for: values are expanded, and
    expanded expressions ask for values.
    """

    def __init__(
        self,
        checked: CheckedModel,
        overrides: Mapping[str, float | str],
        evaluate: Callable[["Context", Node, str], np.ndarray],
        measure: Callable[["Context", Node, tuple[tree.Expr, ...], str], tuple[int, ...]],
    ):
        self.checked = checked
        self.evaluate, self.measure = evaluate, measure
        self.overrides = tuple(overrides)
        self.diagnostics: list[Diagnostic] = []
        self.variables: list[Block] = []
        self.parameters: list[Block] = []
        self.inputs: list[Block] = []
        self.next = {"var": 0, "param": 0, "input": 0}
        self.equations = Collector()
        self.initial = Collector()
        self.parameter_values: list[tuple[np.ndarray, Rows]] = []
        self.input_values: list[tuple[np.ndarray, Rows]] = []
        self.starts: list[tuple[np.ndarray, Rows]] = []
        self.default_starts: list[Block] = []
        self.events: list[Event] = []
        self.chains = 0
        # Hidden variables that hold conditions in steps (`switches.py`).
        self.held: list[np.ndarray] = []
        self.stops: list[RunEnd] = []
        # Events with a priority, which are compared with one another (`pending.py`).
        self.prioritized: list[Any] = []
        # The hidden parameter that holds the time at which a run begins.
        self.begins: int | None = None
        self.delays: list[Delay] = []
        self.guesses: list[tuple[np.ndarray, Rows]] = []
        # -1, 0 and 1 come first: signs refer to them by number.
        self._constants: list[np.ndarray] = [np.array([-1.0, 0.0, 1.0])]
        self._constant_count = 3
        self._known_constants: dict[float, int] = {-1.0: 0, 0.0: 1, 1.0: 2}
        self.tables = TablesUsed()
        self.networks = NetworksUsed()
        self.driven: list[tuple[Block, SeriesData]] = []
        self.evaluating: list[tuple[Node, str]] = []
        self.stoichiometry = Stoichiometry()
        self.hidden_count: dict[str, int] = {}
        # Parts of statements that are computed by themselves (`shared.py`), with a word for each, and their shapes.
        self.shared: dict[int, str] = {}
        self.kept_functions: dict[str, bool] = {}
        self.held_values: dict[tuple, np.ndarray] = {}
        self.shapes: dict[tuple[int, int], tuple[IterationDomain, tuple[int, ...]]] = {}
        span = checked.root.span
        modifiers: dict[tuple[str, str], Bound] = {}
        self.root = Node(checked.root, (), None, None, modifiers)
        for name, value in overrides.items():
            number = _label(checked.root, name, value) if isinstance(value, str) else float(value)
            modifiers[name, "value"] = Bound(tree.Number(number, None, span), self.root, span)

    @property
    def constants(self) -> np.ndarray:
        """The values of all constants, by their number."""
        return np.concatenate(self._constants)

    def constant(self, value: float) -> int:
        if value not in self._known_constants:
            self._known_constants[value] = self._constant_count
            self._constants.append(np.array([value]))
            self._constant_count += 1
        return self._known_constants[value]

    def constant_ids(self, values: np.ndarray) -> np.ndarray:
        """Numbers of the constants `values`; equal ones in one call share a number."""
        unique, inverse = np.unique(values.astype(float), return_inverse=True)
        first = self._constant_count
        self._constants.append(unique)
        self._constant_count += len(unique)
        return first + inverse.reshape(values.shape)

    def constant_of(self, node: Node, name: str) -> np.ndarray:
        """The value of `const name` of `node`."""
        return self.evaluate(self, node, name)

    def network(self, node: Node, call: tree.NetworkCall) -> tuple[int, NetworkShape]:
        """The number of the network that a statement of `node` calls, and its shape."""
        return self.networks.called(call, node, lambda *given: self.measure(self, *given))

    def hidden(self, size: int, label: str, span: Span, of_call: bool = False) -> int:
        """New variables the user did not declare (rates, intermediate values): the number of the first."""
        self.hidden_count[label] = self.hidden_count.get(label, 0) + 1
        path = ((f"_{label}_{self.hidden_count[label]}", (size,)),)
        return self.block(path, "hidden", None, None, span, of_call=of_call).offset

    def hidden_inputs(
        self, size: int, label: str, group: str, span: Span, doc: str | None = None
    ) -> np.ndarray:
        """New scalars of `group` (input, param) that the user did not declare, by number."""
        first = self.next[group]
        self.next[group] += size
        path = ((label, () if size == 1 else (size,)),)
        block = Block(path, "hidden", first, None, 1.0, 0.0, doc, span)
        {"param": self.parameters, "input": self.inputs}[group].append(block)
        return first + np.arange(size)

    def beginning(self, span: Span) -> int:
        """The parameter that holds the time at which a run begins: the run gives it its value."""
        if self.begins is None:
            self.begins = self.next["param"]
            self.next["param"] += 1
            path, doc = (("_begins", ()),), "the time at which a run begins"
            self.parameters.append(Block(path, "hidden", self.begins, "s", 1.0, 0.0, doc, span))
            zero = Rows(("num", 0.0), (), (), (), 1, span)
            self.parameter_values.append((np.array([self.begins]), zero))
        return self.begins

    def block(
        self,
        path,
        kind: str,
        unit: str | None,
        doc: str | None,
        span: Span,
        low=None,
        high=None,
        labels=(),
        of_call=False,
    ) -> Block:
        """The scalars of one declaration, numbered."""
        group = SLOT_KINDS[kind]
        scale, shift = 1.0, 0.0
        if unit is not None:
            parsed = parse_unit(unit)
            scale, shift = parsed.scale, parsed.shift
        block = Block(
            path, kind, self.next[group], unit, scale, shift, doc, span, low, high, {}, labels, of_call
        )
        self.next[group] += block.size
        if self.next[group] > MOST_MEMBERS:
            raise Fault("E0304", f"the model has more than {MOST_MEMBERS:,} unknowns", span)
        {"var": self.variables, "param": self.parameters, "input": self.inputs}[group].append(block)
        return block

    def divide(self, *expressions: tree.Expr) -> Sharing:
        """The parts that a statement shares, noted before it is expanded."""
        found = sharing(*expressions)
        self.shared |= dict.fromkeys(found.parts, "part")
        if self.kept_functions:
            self.shared |= kept_calls(expressions, self.kept_functions)
        return found

    # --- diagnostics ---

    def attempt(self, action: Callable[[], object]) -> object:
        """Run `action`; a mistake in the model is kept, so that others are found as well."""
        try:
            return action()
        except Fault as fault:
            # What is declared for another, such as the fluxes of a field, has its mistakes too.
            found = fault.diagnostic
            same = found.code == "E0304" and any(
                d.code == found.code and d.labels == found.labels for d in self.diagnostics
            )
            if not same and found not in self.diagnostics:
                self.diagnostics.append(found)
            return None

    def stop_on_errors(self) -> None:
        """Raises `ModelError` where mistakes have been found."""
        if self.diagnostics:
            raise ModelError(self.diagnostics)
