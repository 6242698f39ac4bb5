"""What a user hands over for one run (parameters, inputs, initial values by name) as vectors in SI."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.graph.system import SortedSystem
from stiffdsl.runtime.inputs import Signal, signal, with_clocks
from stiffdsl.runtime.names import Names


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


class Given:
    """Reads what a user gives, by the names of one model. Every wrong name or shape raises with a suggestion."""

    def __init__(self, system: SortedSystem, parameters: Names, inputs: Names, variables: Names):
        self.system = system
        self.parameters, self.inputs, self.variables = parameters, inputs, variables
        self.sizes = {
            "parameter": sum(b.size for b in system.flat.parameters),
            "input": sum(b.size for b in system.flat.inputs),
        }

    def params(self, given: Mapping[str, Any] | None) -> Overrides:
        """Parameters by name, numbers in declared units; a whole array by its name. Raises `KeyError`, `ValueError`."""
        return self._scattered(given or {}, self.parameters, self.sizes["parameter"], "parameter")

    def driven(self, given: Mapping[str, Any] | None) -> tuple[Overrides, tuple[Signal, ...]]:
        """Inputs by name: numbers as overrides, everything else as signals over time."""
        numbers: dict[str, Any] = {}
        signals: list[Signal] = []
        for name, value in (given or {}).items():
            found = self._find(self.inputs, name, "input")
            if callable(value) or hasattr(value, "index") or isinstance(value, tuple | list):
                for scalar in found.scalars.ravel():
                    signals.append(signal(int(scalar), found.block.scale, found.block.shift, value, name))
            else:
                numbers[name] = value
        return self._scattered(numbers, self.inputs, self.sizes["input"], "input"), with_clocks(signals)

    def initial(self, given: Any) -> Overrides:
        """Initial values: entries of y by the name of a state, or y itself.

        Raises `ValueError` for a variable that is computed, or a state that `initial` equations determine.
        """
        system = self.system
        n, apart = system.size, len(system.eliminated)
        if given is None:
            return _none(n, apart)
        if not isinstance(given, Mapping):
            y = jnp.asarray(given)
            if y.shape != (n,):
                raise ValueError(f"`initial` takes {n} values (those of `model.states`), not {y.shape}")
            return replace(_none(n, apart), values=y, mask=np.ones(n, dtype=bool), given=True)
        place = np.full(system.flat.size, -1, dtype=np.int64)
        place[system.states] = np.arange(len(system.states))
        algebraic = ~system.implicit_is_der
        place[system.implicit[algebraic]] = len(system.states) + np.flatnonzero(algebraic)
        place[system.eliminated] = n + np.arange(apart)
        values, mask = jnp.zeros(n + apart), np.zeros(n + apart, dtype=bool)
        determined = set(system.initial.free[system.initial.free < len(system.states)].tolist())
        for name, value in given.items():
            found = self._find(self.variables, name, "state")
            scalars = found.scalars.ravel()
            at = place[system.flat.alias[scalars]]
            if np.any(at < 0):
                raise ValueError(
                    f"`{name}` is computed from the states; give initial values to `model.states`"
                )
            if determined & set(at.tolist()):
                raise ValueError(f"the initial value of `{name}` is determined by `initial` equations")
            si = jnp.asarray(value, dtype=float) * found.block.scale + found.block.shift
            si = jnp.broadcast_to(si, found.shape).ravel() * system.flat.sign[scalars]
            values = values.at[at].set(si)
            mask[at] = True
        return Overrides(values[:n], mask[:n], values[n:], mask[n:])

    def _scattered(self, given: Mapping[str, Any], names: Names, size: int, what: str) -> Overrides:
        if not given:
            return _none(size)
        values, mask = np.zeros(size), np.zeros(size, dtype=bool)
        for name, value in given.items():
            found = self._find(names, name, what)
            number = _numbers(value, name, what)
            if number.shape not in ((), found.shape):
                raise ValueError(f"the {what} `{name}` has shape {found.shape}, not {number.shape}")
            si = number * found.block.scale + found.block.shift
            scalars = found.scalars.ravel()
            mask[scalars] = True
            if not isinstance(si, jax.Array) and isinstance(values, np.ndarray):
                values[scalars] = np.broadcast_to(si, found.shape).ravel()
            else:
                spread = jnp.broadcast_to(jnp.asarray(si), found.shape).ravel()
                values = jnp.asarray(values).at[scalars].set(spread)
        return Overrides(values, mask)

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


@cache
def _none(size: int, apart: int = 0) -> Overrides:
    """No value at all: the same arrays every time, which nobody writes to."""
    arrays = np.zeros(size), np.zeros(size, dtype=bool), np.zeros(apart), np.zeros(apart, dtype=bool)
    for array in arrays:
        array.flags.writeable = False
    return Overrides(*arrays, given=False)


def _numbers(value: Any, name: str, what: str) -> Any:
    """`value` as a NumPy or JAX array of numbers, finite where that can be known."""
    if not isinstance(value, jax.Array):
        try:
            value = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"the {what} `{name}` must be a number, not {value!r}") from None
        if not np.all(np.isfinite(value)):
            raise ValueError(f"the {what} `{name}` must be finite, not {value}")
    return value
