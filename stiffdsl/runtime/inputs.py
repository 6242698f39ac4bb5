"""Inputs as functions of time: constants, tables, JAX functions, and any other Python callable.

The values that a derivative can be taken of (constants, table values) are leaves of a pytree; callables are
static. All values are in SI here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# The step of the central difference that stands for the derivative of a callable JAX cannot trace.
_DIFFERENCE = 1e-6


class Signal(eqx.Module):
    """One driven input: its name as given, its number, its unit's scale and shift, and where its value comes from."""

    name: str = eqx.field(static=True)
    index: int = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    shift: float = eqx.field(static=True)
    times: Float[Array, " k"] | None
    values: Float[Array, " k"] | None
    function: Callable[..., Any] | None = eqx.field(static=True)

    def __call__(self, t: Float[Array, ""]) -> Float[Array, ""]:
        if self.function is not None:
            value = jnp.asarray(self.function(t), dtype=float)
        else:
            assert self.times is not None
            assert self.values is not None
            value = jnp.interp(t, self.times, self.values)
        return value * self.scale + self.shift

    def with_values(self, values: Any) -> "Signal":
        """The same table with other values, which may be traced."""
        return self if values is self.values else eqx.tree_at(lambda s: s.values, self, values)

    def table(self, t: np.ndarray) -> np.ndarray:
        """The values at the times t (n,), by NumPy."""
        if self.function is not None:
            function = self.function
            values = np.array([float(np.asarray(function(jnp.asarray(s, dtype=float)))) for s in t])
        else:
            values = np.interp(t, np.asarray(self.times), np.asarray(self.values))
        return values * self.scale + self.shift


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Inputs:
    """All inputs of a model: constant values, some of them overruled by signals."""

    constant: Float[Array, " m"]
    signals: tuple[Signal, ...]

    def __call__(self, t: Float[Array, ""]) -> Float[Array, " m"]:
        u = self.constant
        for signal in self.signals:
            u = u.at[signal.index].set(signal(t))
        return u

    def table(self, t: np.ndarray) -> np.ndarray:
        """The inputs at the times t (n,), computed by NumPy: (n, inputs)."""
        u = np.empty((len(t), len(self.constant)))
        u[:] = self.constant
        for signal in self.signals:
            u[:, signal.index] = signal.table(t)
        return u

    @property
    def time_dependent(self) -> bool:
        return bool(self.signals)


def signal(index: int, scale: float, shift: float, given: Any, name: str) -> Signal:
    """A signal from what a user hands over: a callable of t, `(times, values)`, or a pandas Series.

    Raises `ValueError` for anything that is neither, or for a table that is not ascending and finite.
    """
    if callable(given):
        return Signal(name, index, scale, shift, None, None, _callable(given, name))
    if hasattr(given, "index") and hasattr(given, "to_numpy"):
        times, values = np.asarray(given.index, dtype=float), given.to_numpy(dtype=float)
    elif isinstance(given, Sequence) and len(given) == 2:
        times, values = np.asarray(given[0], dtype=float), jnp.asarray(given[1], dtype=float)
    else:
        raise ValueError(
            f"the input `{name}` is a number, a function of time, a pair (times, values) or a pandas Series, "
            f"not a {type(given).__name__}"
        )
    if times.ndim != 1 or times.shape != values.shape or len(times) < 1:
        raise ValueError(f"the table of the input `{name}` needs as many values as times")
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
        raise ValueError(f"the times of the input `{name}` must ascend")
    return Signal(name, index, scale, shift, jnp.asarray(times), jnp.asarray(values), None)


def lane_tables(given: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inputs of the first lane, and the values (lanes, times) of those tables that differ between lanes."""
    first: dict[str, Any] = {}
    tables: dict[str, np.ndarray] = {}
    for name, value in (given or {}).items():
        first[name] = value
        if isinstance(value, Sequence) and len(value) == 2 and np.ndim(value[1]) == 2:
            tables[name] = np.asarray(value[1], dtype=float)
            if not len(tables[name]) or not np.all(np.isfinite(tables[name])):
                raise ValueError(f"the table of the input `{name}` needs finite values for at least one lane")
            first[name] = (value[0], tables[name][0])
    return first, tables


def _callable(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`function` itself where JAX can trace it, else called back from the compiled solver."""
    scalar = jax.ShapeDtypeStruct((), jnp.float64)
    try:
        shape = jax.eval_shape(function, scalar)
        if getattr(shape, "shape", None) == ():
            return function
    except Exception:  # whatever a user's function does with a tracer: then it is called with numbers
        pass
    try:
        float(np.asarray(function(0.0)))
    except Exception as error:
        raise ValueError(f"the input `{name}` must give one number for a time: {error}") from error
    return _called_back(function)


def _called_back(function: Callable[..., Any]) -> Callable[..., Any]:
    def host(t) -> np.ndarray:
        return np.asarray(float(function(float(t))))

    @jax.custom_jvp
    def call(t):
        return jax.pure_callback(host, jax.ShapeDtypeStruct((), jnp.float64), t, vmap_method="sequential")

    @call.defjvp
    def _(primals, tangents):
        (t,), (dt,) = primals, tangents
        step = _DIFFERENCE * jnp.maximum(1.0, jnp.abs(t))
        return call(t), (call(t + step) - call(t - step)) / (2 * step) * dt

    return call
