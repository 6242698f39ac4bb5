"""A compiled model below its facade: a program as functions, its names, and the values that it declares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from stiffdsl.flat.model import Block, FlatNetwork
from stiffdsl.program.program import Program
from stiffdsl.runtime.bindings import NamedValues
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.runtime.emit import functions, numpy_functions
from stiffdsl.runtime.evaluator import Evaluator
from stiffdsl.runtime.initialization.consistent_start import Anchor
from stiffdsl.runtime.names import Names
from stiffdsl.runtime.networks import NetworkParameters, parameters_of
from stiffdsl.runtime.system import Args, ModelSystem
from stiffdsl.runtime.tables import Row, Table
from stiffdsl.runtime.thresholds import THRESHOLDS, Thresholds


@dataclass(frozen=True, eq=False, repr=False)
class CompiledProgram:
    """A program `M y' = f(t, y, p, u)` with its functions over JAX and NumPy; states and implicit unknowns y.

    Every module of `runtime` takes this; users hold a `stiffdsl.model.CompiledModel`, which adds the calls that solve.
    `origin` compiles the model again from its text (`stiffdsl.pipeline.Origin`), and can be pickled. `whole` is the
    model that this is a part of, and the outputs that the part is for. `declared_start` looks for the consistent start
    of the declared values, by which kernels plan their pivots; handed over, since kernels look for it. `artifacts`
    holds what later modules made of the model, once for all calls (`runtime/artifact.py`).
    """

    program: Program
    seconds: Mapping[str, float] = field(default_factory=dict)
    origin: Any = None
    thresholds: Thresholds = THRESHOLDS
    whole: "tuple[CompiledProgram, tuple[str, ...]] | None" = None
    declared_start: "Callable[[CompiledProgram], Anchor | None]" = lambda model: None
    artifacts: dict[tuple[Any, tuple[Any, ...]], Any] = field(default_factory=dict, init=False)

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.program.system.flat.name

    @cached_property
    def variable_names(self) -> Names:
        return Names(self.program.system.flat.variables, "variable")

    @cached_property
    def parameter_names(self) -> Names:
        return Names(self.program.system.flat.parameters, "parameter")

    @cached_property
    def input_names(self) -> Names:
        return Names(self.program.system.flat.inputs, "input")

    @cached_property
    def functions(self) -> Any:
        """The functions of the program over JAX."""
        return functions(self.program)

    @cached_property
    def interpreted(self) -> Any:
        """The functions of the program over NumPy."""
        return numpy_functions(self.program)

    @cached_property
    def bindings(self) -> NamedValues:
        """Vectors of parameters, inputs and start values from what is given by name."""
        return NamedValues(self.program.system, self.parameter_names, self.input_names, self.variable_names)

    @cached_property
    def evaluator(self) -> Evaluator:
        """All variables at given states."""
        return Evaluator(self.program, self.functions, self.interpreted)

    @cached_property
    def parameters(self) -> Table:
        """All parameters, with the values they have when none is given."""
        blocks = [b for b in self.parameter_names.blocks if b.kind not in ("table", "network")]
        flat = self.program.system.flat
        networks = {n.name: partial(self._network, n) for n in flat.networks}
        return Table(_rows(blocks, self.default_parameters), networks)

    def _network(self, network: FlatNetwork, name: str) -> NetworkParameters:
        """The initial weights of a network, of all its parts or of those that `name` says."""
        return parameters_of(network, name, self.parameter_names.find, self.default_parameters)

    @cached_property
    def inputs(self) -> Table:
        """All inputs, with the values they have when nobody drives them."""
        return Table(_rows(self.input_names.blocks, self.default_inputs))

    @cached_property
    def states(self) -> Table:
        """The entries of y in their order: `state`, then `algebraic` for those solved with the residual rows."""
        system = self.program.system
        values = self.start_values
        rows = []
        for v in system.states:
            rows.append(self._variable_row(int(v), "state", values))
        for v, is_der in zip(system.implicit, system.implicit_is_der, strict=True):
            row = self._variable_row(int(v), "algebraic", values)
            rows.append(Row(f"der({row.name})", None, None, None, row.doc, "algebraic") if is_der else row)
        return Table(rows)

    @cached_property
    def variables(self) -> Table:
        """Every declared variable, with its start value (or guess) where it has one."""
        return Table(_rows(self.variable_names.blocks, self.start_values))

    @property
    def mass(self) -> np.ndarray:
        """The diagonal of M: one for a state, zero for an algebraic row."""
        return self.program.mass

    @cached_property
    def default_parameters(self) -> np.ndarray:
        """The vector p in SI, with every parameter at its declared value; nobody writes to it."""
        return _read_only(self.parameter_vector(None))

    @cached_property
    def default_inputs(self) -> np.ndarray:
        """The vector u in SI, of inputs that nobody drives; nobody writes to it."""
        with np.errstate(all="ignore"):
            u = self.interpreted.input_defaults(self.default_parameters)
        return _read_only(np.array(u, dtype=float))

    def parameter_vector(self, params: Mapping[str, Any] | None) -> np.ndarray:
        """The vector p in SI for parameters given by name in declared units; dependent ones follow."""
        given = self.bindings.params(params)
        with np.errstate(all="ignore"):
            return np.asarray(
                self.interpreted.parameters(np.asarray(given.values), given.mask.astype(float)), dtype=float
            )

    @cached_property
    def conserved(self) -> list[str]:
        """Weighted sums of states that no solution changes, such as `A + B + C`, as they are written."""
        return self.conserved_found.texts

    @cached_property
    def conserved_found(self) -> Any:
        """The conserved quantities, and whether these are all (`graph.conserved.Found`)."""
        from stiffdsl.graph.conservation.conserved import conserved

        return conserved(self.program.system.flat)

    @property
    def experiment(self) -> dict[str, Any]:
        """The settings of the model's `experiment` section."""
        return dict(self.program.system.flat.experiment)

    def system(self, driven: bool) -> ModelSystem:
        """The `System` of this model; `driven` where some input changes with time."""
        return self._driven if driven else self._still

    @cached_property
    def _driven(self) -> ModelSystem:
        return ModelSystem(self.program, self.functions, lambda: self.names_of_y, True)

    @cached_property
    def _still(self) -> ModelSystem:
        return ModelSystem(self.program, self.functions, lambda: self.names_of_y, False)

    @cached_property
    def start_values(self) -> np.ndarray:
        """Start values, or guesses, by variable in SI; NaN where there are none."""
        p = self.default_parameters
        with np.errstate(all="ignore"):
            u = self.default_inputs
            t = float(self.experiment.get("time", (0.0, 0.0))[0])
            start = np.asarray(self.interpreted.start(p, u, t))
            return np.where(np.isnan(start), np.asarray(self.interpreted.guess(p, u, t)), start)

    @cached_property
    def names_of_y(self) -> tuple[str, ...]:
        """The name of every entry of y."""
        return tuple(self.states.names)

    def _variable_row(self, v: int, kind: str, values: np.ndarray) -> Row:
        (block,) = self.declarations([v])
        return _row(block, v - block.offset, values, kind)

    def declarations(self, numbers: Any) -> list[Block]:
        """The declaration of each variable number."""
        blocks = self.program.system.flat.variables
        return [blocks[int(k)] for k in np.searchsorted(self._block_ends, numbers, side="right")]

    @cached_property
    def _block_ends(self) -> np.ndarray:
        return np.array([b.offset + b.size for b in self.program.system.flat.variables])

    def default_arguments(self) -> Args:
        """The declared parameters and inputs as a `System` takes them, on the host."""
        u: Any = self.default_inputs
        return Args(self.default_parameters, Inputs(u, ()))


def _read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values


def _rows(blocks: Sequence[Block], values: np.ndarray) -> list[Row]:
    return [_row(b, k, values, b.kind) for b in blocks for k in range(b.size)]


def _row(block: Block, k: int, values: np.ndarray, kind: str) -> Row:
    si = float(values[block.offset + k])
    value = None if np.isnan(si) else (si - block.shift) / block.scale
    bounds = None
    if block.low is not None and block.high is not None:
        bounds = ((block.low - block.shift) / block.scale, (block.high - block.shift) / block.scale)
    return Row(block.scalar_name(k), block.unit, value, bounds, block.doc, kind, block.labels)
