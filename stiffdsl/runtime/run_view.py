"""The variables of a model over time, computed from its states; read by name in declared units."""

import re
from functools import cached_property
from typing import Any

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.runtime.names import NamedScalars

_DER = re.compile(r"der\(\s*(.+?)\s*\)")


class ModelView:
    """One run's parameters and inputs, for reading named quantities from states (`solve.solution.View`)."""

    def __init__(
        self,
        model: CompiledProgram,
        p: np.ndarray,
        driven: Inputs,
        only: tuple[str, ...] | None = None,
    ):
        """`only`: the variables that were computed, where not all were asked for."""
        self.model_name = model.name
        self._evaluator = model.evaluator
        self._variables, self._parameters = model.variable_names, model.parameter_names
        self._inputs = model.input_names
        self._model, self._p, self._driven, self._only = model, p, driven, only

    def __reduce__(self) -> Any:
        for signal in self._driven.signals:
            if signal.function is not None:
                raise TypeError(
                    f"the input `{signal.name}` is a function, which a copy of the solution cannot take along: give "
                    "a table of its values"
                )
        return ModelView, (self._model, self._p, self._driven, self._only)

    @property
    def names(self) -> list[str]:
        return list(self._units)

    @property
    def units(self) -> dict[str, str | None]:
        return self._units

    @cached_property
    def _units(self) -> dict[str, str | None]:
        if self._only is not None:
            return {name: self._variables.find(name).block.unit for name in self._only}
        blocks = (*self._variables.blocks, *self._inputs.blocks)
        return {name: b.unit for b in blocks for name in b.scalar_names()}

    def doc(self, name: str) -> str | None:
        for names in (self._variables, self._inputs, self._parameters):
            if name in names:
                return names.find(name).block.doc or None
        return None

    def modes(self, name: str) -> tuple[str, ...]:
        return self._variables.find(name).block.labels if name in self._variables else ()

    @property
    def highlights(self) -> list[str]:
        """Outputs, what the main model itself declares, and the states inside of its parts."""
        if self._only is not None:
            return list(self._only)
        system = self._evaluator.program.system
        state = np.zeros(system.flat.size, dtype=bool)
        state[system.states] = True
        state[system.eliminated] = True
        outputs, own, inside = [], [], []
        for block in self._variables.blocks:
            if block.kind == "output":
                outputs.append(block)
            elif len(block.path) == 1:
                own.append(block)
            elif np.any(state[block.offset : block.offset + block.size]):
                inside.append(block)
        return [name for b in outputs + own + inside for name in b.scalar_names()]

    @property
    def parameters(self) -> np.ndarray:
        """The parameters of the run, in SI."""
        return self._p

    def variables_at(self, t: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Every declared variable in SI, (n, variables)."""
        return self._evaluator("variables", t, y, self._p, self._driven)

    def evaluate(self, t: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "t": t,
            "y": y,
            "variables": self._evaluator("variables", t, y, self._p, self._driven),
            "inputs": self._driven.table(t),
        }

    def pick(self, every: dict[str, np.ndarray], name: str) -> np.ndarray:
        derivative = _DER.fullmatch(name)
        if derivative is not None:
            found = self._variables.find(derivative.group(1))
            self._check(found, name)
            if "derivatives" not in every:
                every["derivatives"] = self._evaluator(
                    "derivatives", every["t"], every["y"], self._p, self._driven
                )
            return every["derivatives"][:, found.scalars] / found.block.scale
        if name in self._inputs:
            return _declared(every["inputs"], self._inputs.find(name))
        if name in self._parameters:
            found = self._parameters.find(name)
            values = (self._p[found.scalars] - found.block.shift) / found.block.scale
            return np.broadcast_to(values, (len(every["t"]), *found.shape))
        try:
            found = self._variables.find(name)
        except KeyError:
            known = [b.name for n in (self._variables, self._inputs, self._parameters) for b in n.blocks]
            hint = did_you_mean(name, known)
            if hint is None or "[" in name:
                raise
            raise KeyError(f"the model has no `{name}`; {hint}") from None
        self._check(found, name)
        return _declared(every["variables"], found)

    def _check(self, found: NamedScalars, name: str) -> None:
        """Raises `KeyError` for what was not asked for."""
        asked = set(self._only or ())
        scalars = found.scalars.ravel() - found.block.offset
        if self._only is not None and not all(found.block.scalar_name(int(k)) in asked for k in scalars):
            raise KeyError(f"`{name}` was not computed: it is not among the outputs asked for")

    def table(self, every: dict[str, np.ndarray]) -> np.ndarray:
        if self._only is not None:
            return np.stack([self.pick(every, name) for name in self._only], axis=1)
        columns = []
        for values, names in ((every["variables"], self._variables), (every["inputs"], self._inputs)):
            scale, shift = names.units()
            columns.append((values[:, names.numbers()] - shift) / scale)
        return np.concatenate(columns, axis=1)


def _declared(values: np.ndarray, found: NamedScalars) -> np.ndarray:
    return (values[:, found.scalars] - found.block.shift) / found.block.scale
