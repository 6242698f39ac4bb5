"""Conversion of a run's parameters, inputs and initial values, given by name, into vectors in SI."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from stiffdsl.check.quantities.conversion import quantity
from stiffdsl.diagnostics import did_you_mean
from stiffdsl.graph.system import SortedSystem
from stiffdsl.native.host.joined import joined
from stiffdsl.runtime.bounds import refuse
from stiffdsl.runtime.driving.bundles import apart
from stiffdsl.runtime.driving.inputs import Signal, in_double, signal, with_clocks
from stiffdsl.runtime.driving.series import data_key, data_over, of_solution
from stiffdsl.runtime.names import NamedScalars, Names
from stiffdsl.runtime.networks import spread_out
from stiffdsl.solve.base.arguments import finite, mapping

# So many numbers of JAX are joined by a kernel: XLA would take apart as many gradients one by one.
FEW = 4


@dataclass(frozen=True, eq=False)
class Overrides:
    """Vectors with the given values, and masks of where they are given; values may be traced, masks are not.

    `apart_values`, `apart_mask`: the same for states that conserved quantities give, which are not in y. `given` is
    False where no value is.
    """

    values: Any
    mask: np.ndarray
    apart_values: Any = field(default_factory=lambda: np.zeros(0))
    apart_mask: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    given: bool = True


class NamedValues:
    """Reads what a user gives, by the names of one model. Every wrong name or shape raises with a suggestion."""

    def __init__(self, system: SortedSystem, parameters: Names, inputs: Names, variables: Names):
        self.system = system
        self.parameters, self.inputs, self.variables = parameters, inputs, variables
        self._series: dict[tuple[int, Any], Signal] = {}
        self.sizes = {
            "parameter": sum(b.size for b in system.flat.parameters),
            "input": sum(b.size for b in system.flat.inputs),
        }

    def params(self, given: Mapping[str, Any] | None) -> Overrides:
        """Parameters by name, numbers in declared units; a whole array by its name. Raises `KeyError`, `ValueError`."""
        given = spread_out(self.system.flat.networks, mapping(given, "`params`"))
        found = self._scattered(given, self.parameters, self.sizes["parameter"], "parameter")
        for k, value in self.system.flat.fixed.items():
            if found.given and found.mask[k]:
                self._refuse_fixed(k, value, found.values[k])
        if found.given and not isinstance(found.values, Tracer):
            self._refuse_knots(found)
        return found

    def _refuse_knots(self, given: Overrides) -> None:
        """Raises `ValueError` for arguments of a table that do not ascend."""
        for table in self.system.flat.tables:
            for block, figures in zip(table.knots, table.figures, strict=False):
                own = slice(block.offset, block.offset + block.size)
                if given.mask[own].any():
                    x = np.where(given.mask[own], np.asarray(given.values)[own], figures)
                    if np.any(np.diff(x) <= 0):
                        raise ValueError(f"the arguments `{block.name}` of the table must ascend")

    def moves_figures(self, given: Mapping[str, Any] | None) -> bool:
        """Whether figures of tables are given by JAX, so that derivatives by them may be asked for."""
        return any(
            isinstance(value, jax.Array) and self.parameters.find(name).block.kind == "table"
            for name, value in spread_out(self.system.flat.networks, given or {}).items()
        )

    def changes_structure(self, given: Mapping[str, Any] | None) -> bool:
        """Whether values are given for parameters that are in the equations as numbers, other than these."""
        fixed = self.system.flat.fixed
        for name, value in (given or {}).items() if fixed else ():
            if name not in self.parameters:
                continue
            if not fixed.keys().isdisjoint(self.parameters.find(name).scalars.ravel().tolist()):
                try:
                    self.params({name: value})
                except ValueError:
                    return True
        return False

    def _refuse_fixed(self, k: int, value: float, given: Any) -> None:
        """Raises `ValueError` where another value is given for a parameter that is in the equations as a number."""
        if not isinstance(given, Tracer) and float(given) == value:
            return
        block = self.system.flat.parameter_block(k)
        name, declared = block.scalar_name(k - block.offset), (value - block.shift) / block.scale
        raise ValueError(
            f"`{name}` decides the structure of this model at its declared value {declared:.6g} (W0403); "
            "`model.unreduced` has the structure of other values"
        )

    def driven(
        self, given: Mapping[str, Any] | None, span: tuple[float, float] | None = None
    ) -> tuple[Overrides, tuple[Signal, ...]]:
        """Inputs by name: numbers as overrides, everything else as signals over time, and the figures of files that the
        model names for others. With the `span` of a run, what these are outside of their times is known; raises
        `ValueError` where they are nothing there."""
        numbers: dict[str, Any] = {}
        signals: list[Signal] = []
        given = apart(given, self.inputs)
        for name, value in mapping(given, "`inputs`").items():
            found = self._find(self.inputs, name, "input")
            value = of_solution(value, name, found.block.unit)
            if callable(value) or hasattr(value, "to_numpy") or isinstance(value, tuple | list):
                for scalar in found.scalars.ravel():
                    made = signal(int(scalar), found.block.scale, found.block.shift, value, name)
                    if made.values is not None and not isinstance(made.values, Tracer):
                        _refuse_table(found, int(scalar), made)
                    signals.append(made)
            else:
                numbers[name] = value
        if self.system.flat.driven:
            taken = {int(k) for name in given or {} for k in self.inputs.find(name).scalars.ravel()}
            signals += self._of_files(taken, span)
        return self.constants(numbers), with_clocks(signals)

    def of_files(
        self, given: Mapping[str, Any], varied: Mapping[str, Any] | None, span: tuple[float, float]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """The tables of inputs that files drive, in declared units by name, but for those that are given or varied."""
        known = [*given, *(varied or {})]
        taken = {int(k) for n in known if n in self.inputs for k in self.inputs.find(n).scalars.ravel()}
        found = {}
        for block, data in self.system.flat.driven:
            times, values = data_over(data, span)
            for k in range(block.offset, block.offset + block.size):
                if k not in taken:
                    declared = (values - block.shift) / block.scale
                    found[block.scalar_name(k - block.offset)] = times, declared
        return found

    def _of_files(self, taken: set[int], span: tuple[float, float] | None) -> list[Signal]:
        """The signals of inputs that files drive, but for the inputs `taken`."""
        found = []
        for block, data in self.system.flat.driven:
            open_ = [k for k in range(block.offset, block.offset + block.size) if k not in taken]
            key = (block.offset, data_key(data, span))
            if open_ and key not in self._series:
                self._series[key] = signal(block.offset, 1.0, 0.0, data_over(data, span), block.name)
            found += [replace(self._series[key], index=k) for k in open_]
        return found

    def constants(self, given: Mapping[str, Any]) -> Overrides:
        """Inputs that stay what they are, by name."""
        return self._scattered(given, self.inputs, self.sizes["input"], "input")

    def input_rank(self, name: str) -> int:
        """The number of axes of an input. Raises `KeyError`."""
        return len(self._find(self.inputs, name, "input").shape)

    def initial(self, given: Any) -> Overrides:
        """Initial values: entries of y by the name of a state, or y itself.

        Raises `ValueError` for a variable that is computed, or a state that `initial` equations determine.
        """
        system = self.system
        n, apart = system.size, len(system.eliminated)
        if given is None:
            return _none(n, apart)
        if not isinstance(given, Mapping):
            traced = isinstance(given, jax.Array)
            y = in_double(given, "`initial`") if traced else jnp.asarray(finite(given, "`initial`"))
            if y.shape != (n,):
                raise ValueError(f"`initial` takes {n} values (those of `model.states`), not {y.shape}")
            return replace(_none(n, apart), values=y, mask=np.ones(n, dtype=bool), given=True)
        place = np.full(system.flat.size, -1, dtype=np.int64)
        place[system.states] = np.arange(len(system.states))
        algebraic = ~system.implicit_is_der
        place[system.implicit[algebraic]] = len(system.states) + np.flatnonzero(algebraic)
        place[system.eliminated] = n + np.arange(apart)
        mask, placed = np.zeros(n + apart, dtype=bool), []
        determined = set(system.initial.free[system.initial.free < len(system.states)].tolist())
        for name, value in mapping(given, "`initial`").items():
            found = self._find(self.variables, name, "state")
            scalars = found.scalars.ravel()
            at = place[system.flat.alias[scalars]]
            if np.any(at < 0):
                states = ", ".join(f"`{system.flat.variable_name(int(k))}`" for k in system.states[:8])
                states += ", ..." if len(system.states) > 8 else ""
                raise ValueError(
                    f"`{name}` is computed from the states; initial values are those of {states}"
                )
            if determined & set(at.tolist()):
                raise ValueError(f"the initial value of `{name}` is determined by `initial` equations")
            placed.append(_placed(found, at, value, name, "initial value", system.flat.sign[scalars]))
            mask[at] = True
        values = jnp.asarray(_together(n + apart, placed))
        return Overrides(values[:n], mask[:n], values[n:], mask[n:])

    def _scattered(self, given: Mapping[str, Any], names: Names, size: int, what: str) -> Overrides:
        if not given:
            return _none(size)
        mask, placed = np.zeros(size, dtype=bool), []
        for name, value in given.items():
            found = self._find(names, name, what)
            scalars = found.scalars.ravel()
            placed.append(_placed(found, scalars, value, name, what))
            mask[scalars] = True
        return Overrides(_together(size, placed), mask)

    def _find(self, names: Names, name: str, what: str):
        try:
            return names.find(name)
        except KeyError as error:
            others = {
                "parameter": self.parameters,
                "input": self.inputs,
                "variable": self.variables,
            }
            for other, table in others.items():
                if table is not names and name in table:
                    article = "an" if what == "input" else "a"
                    is_a = "an" if other == "input" else "a"
                    raise KeyError(f"`{name}` is {is_a} {other} of the model, not {article} {what}") from None
            known = [b.name for b in names.blocks]
            if not did_you_mean(name, known) and known and "index" not in str(error):
                listed = ", ".join(f"`{k}`" for k in known[:8]) + (", …" if len(known) > 8 else "")
                raise KeyError(f"{error.args[0]}; it has {listed}") from None
            raise


def _refuse_table(found: NamedScalars, scalar: int, made: Signal) -> None:
    block = found.block
    if block.sizes:
        values = np.asarray(made.values) * block.scale + block.shift
        one = NamedScalars(block, np.array(scalar), ())
        refuse(one, values.min(), "input")
        refuse(one, values.max(), "input")


@cache
def _none(size: int, apart: int = 0) -> Overrides:
    """No value at all: the same arrays every time, which nobody writes to."""
    arrays = np.zeros(size), np.zeros(size, dtype=bool), np.zeros(apart), np.zeros(apart, dtype=bool)
    for array in arrays:
        array.flags.writeable = False
    return Overrides(*arrays, given=False)


@dataclass(frozen=True, eq=False)
class _Placed:
    """Numbers in declared units, one for each place of a vector in SI; `sign` is that of an alias."""

    at: np.ndarray
    values: Any
    scale: Any
    shift: Any

    @property
    def alone(self) -> bool:
        """True for one number at one place."""
        return not self.values.ndim and len(self.at) == 1


def _placed(
    found: NamedScalars, at: np.ndarray, value: Any, name: str, what: str, sign: Any = 1.0
) -> _Placed:
    """The value given for one name; raises `ValueError` where it is no number, or not of the name's shape."""
    if isinstance(value, str):
        value = quantity(name, value, found.block.unit, labels=found.block.labels)
    # Plain numbers are what most calls give.
    plain = type(value) is float and math.isfinite(value)
    number = np.float64(value) if plain else _numbers(value, name, what)
    if number.shape not in ((), found.shape):
        raise ValueError(f"the {what} `{name}` has shape {found.shape}, not {number.shape}")
    if found.block.sizes and not isinstance(number, jax.Array):
        refuse(found, number * found.block.scale + found.block.shift, what)
    return _Placed(at, number, found.block.scale * sign, found.block.shift * sign)


def _together(size: int, placed: list[_Placed]) -> Any:
    """The vector of `size` entries in SI, zero where nothing is given.

    Numbers of JAX are joined, then converted and put in place by one operation each: XLA's time for a chain of updates
    grows with the square of its length.
    """
    values = np.zeros(size)
    if not any(isinstance(one.values, jax.Array) for one in placed):
        for one in placed:
            given = one.values.ravel() if one.values.ndim else one.values
            values[one.at] = given * one.scale + one.shift
        return values
    scale, shift = np.ones(size), np.zeros(size)
    # The index of the number for each place: among `values`, or behind them, among those of JAX.
    source, known = np.arange(size), size
    alone = [one for one in placed if isinstance(one.values, jax.Array) and one.alone]
    whole = [one for one in placed if isinstance(one.values, jax.Array) and not one.alone]
    behind: dict[int, np.ndarray] = {}
    for one in (*alone, *whole):
        behind[id(one)] = known + np.arange(len(one.at))
        known += len(one.at)
    for one in placed:
        if id(one) in behind:
            source[one.at], scale[one.at], shift[one.at] = behind[id(one)], one.scale, one.shift
        else:
            values[one.at] = np.ravel(one.values) * one.scale + one.shift
            source[one.at], scale[one.at], shift[one.at] = one.at, 1.0, 0.0
    given = tuple(one.values for one in alone), tuple(one.values for one in whole)
    return _in_place(values, *given, source, scale, shift, lengths=tuple(len(one.at) for one in whole))


@partial(jax.jit, static_argnames="lengths")
def _in_place(values, alone, whole, source, scale, shift, lengths: tuple[int, ...]) -> Any:
    """`values`, and numbers `alone` and of `whole` arrays, from their sources: one program, not one for each of these
    operations and of their derivatives."""
    parts = []
    if len(alone) < FEW:
        parts = [jnp.reshape(one, 1) for one in alone]
    elif alone:
        parts = [joined([_float(one) for one in alone])]
    parts += [jnp.broadcast_to(one.reshape(-1), length) for one, length in zip(whole, lengths, strict=True)]
    joined_up = jnp.concatenate([values, *parts]).astype(float)
    chosen = joined_up.at[source].get(mode="promise_in_bounds", wrap_negative_indices=False)
    return chosen * scale + shift


def _numbers(value: Any, name: str, what: str) -> Any:
    """`value` as a NumPy or JAX array of numbers, finite where that can be known."""
    if not isinstance(value, jax.Array):
        return finite(value, f"the {what} `{name}`")
    return in_double(value, f"the {what} `{name}`")


def _float(number: jax.Array) -> jax.Array:
    return number if number.dtype == np.float64 else number.astype(np.float64)
