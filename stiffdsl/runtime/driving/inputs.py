"""Inputs as functions of time: constants, tables, JAX functions, and any other Python callable.

The values that a derivative can be taken of (constants, table values) are leaves of a pytree; callables are
static. All values are in SI here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from stiffdsl.solve.base.arguments import mapping, numbers
from stiffdsl.solve.base.times import lane_constants, table

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


# The step of the central difference that stands for the derivative of a callable JAX cannot trace.
_DIFFERENCE = 1e-6
# The attribute of a callable that JAX cannot trace which has what is called with numbers.
HOST = "host"
# Up to so many times of a table, all of them are compared with one that is looked for.
COMPARED = 2048
# Of a field that is no leaf of a pytree.
STATIC = {"static": True}


def interpolated(t: Any, times: Any, values: Any) -> Any:
    """Tables (…, k) at t, as `jnp.interp` gives them, in the few operations that XLA compiles soon."""
    last = times.shape[0] - 1
    if not last:
        return values[..., 0]
    if last < COMPARED:
        behind = jnp.sum(times <= t)
    else:
        behind = jnp.searchsorted(times, t, side="right")
    right = jnp.clip(behind, 1, last)
    (x0, x1), before = times[jnp.stack([right - 1, right])], values[..., right - 1]
    share = (t - x0) / jnp.where(x1 > x0, x1 - x0, 1.0)
    inside = before + share * (values[..., right] - before)
    after = jnp.where(t > times[-1], values[..., -1], inside)
    return jnp.where(t < times[0], values[..., 0], after)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Signal:
    """One driven input: its name as given, its number, its unit's scale and shift, and where its value comes from.

    A table jumps where two of its points have the same time: `jumps` are the first of these points, by number. Tables
    with the same `clock` have the same times.
    """

    name: str = field(metadata=STATIC)
    index: int = field(metadata=STATIC)
    scale: float = field(metadata=STATIC)
    shift: float = field(metadata=STATIC)
    times: Float[Array, " k"] | None
    values: Float[Array, " k"] | None
    function: Callable[..., Any] | None = field(metadata=STATIC)
    jumps: Int[Array, " j"] | None = None
    clock: int = field(metadata=STATIC, default=0)

    def __call__(self, t: Float[Array, ""], side: Any = None) -> Float[Array, ""]:
        """The value at t; next to a jump, that of the same side as `side`."""
        if self.function is not None:
            value = jnp.asarray(self.function(t), dtype=float)
        else:
            assert self.times is not None
            assert self.values is not None
            if side is None or self.jumps is None:
                value = interpolated(t, self.times, self.values)
            else:
                value = self._on_side(t, side)
        return value * self.scale + self.shift

    def jumps_around(self, side: Any) -> tuple[Any, Any]:
        """The times of the last jump before and of the first after `side`, infinite where there is none."""
        assert self.times is not None
        assert self.jumps is not None
        at = self.times[self.jumps]
        k = jnp.searchsorted(at, side, side="right")
        last = at.shape[0] - 1
        before = jnp.where(k > 0, at[jnp.maximum(k - 1, 0)], -jnp.inf)
        return before, jnp.where(k <= last, at[jnp.minimum(k, last)], jnp.inf)

    def _on_side(self, t, side):
        """The straight line between two points that no jump separates from `side`."""
        assert self.times is not None
        assert self.values is not None
        assert self.jumps is not None
        x, f, last = self.times, self.values, self.times.shape[0] - 1
        at = x[self.jumps]
        k = jnp.searchsorted(at, side, side="right")
        # The points of this piece: from the last of those at the jump before, to the first of those at the jump after.
        low = jnp.where(k > 0, jnp.searchsorted(x, at[jnp.maximum(k - 1, 0)], side="right") - 1, 0)
        high = jnp.where(k < at.shape[0], self.jumps[jnp.minimum(k, at.shape[0] - 1)], last)
        right = jnp.clip(jnp.searchsorted(x, t, side="right"), jnp.minimum(low + 1, high), high)
        left = jnp.maximum(right - 1, low)
        width = x[right] - x[left]
        share = (t - x[left]) / jnp.where(width > 0, width, 1.0)
        value = f[left] + jnp.where(width > 0, share, 0.0) * (f[right] - f[left])
        value = jnp.where((t < x[0]) & (k == 0), f[0], value)
        return jnp.where((t > x[last]) & (k == at.shape[0]), f[last], value)

    def with_values(self, values: Any) -> Signal:
        """The same table with other values, which may be traced."""
        return self if values is self.values else replace(self, values=values)

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

    def __call__(self, t: Float[Array, ""], side: Any = None) -> Float[Array, " m"]:
        """All inputs at t; next to a jump of a table, on the same side of it as `side`."""
        u, lines = self.constant, {}
        for signal in self.signals:
            if signal.times is not None and (side is None or signal.jumps is None):
                lines.setdefault((signal.clock, jnp.shape(signal.times)), []).append(signal)
            else:
                u = u.at[signal.index].set(signal(t, side))
        # Tables of the same times are looked into at once: XLA takes as long for each of them alone as for all.
        for same in lines.values():
            values = jnp.stack([jnp.asarray(s.values) for s in same])
            found = interpolated(t, same[0].times, values)
            scale, shift = (np.array([getattr(s, k) for s in same]) for k in ("scale", "shift"))
            u = u.at[np.array([s.index for s in same])].set(found * scale + shift)
        return u

    @property
    def jump(self) -> bool:
        """Whether a table jumps."""
        return any(signal.jumps is not None for signal in self.signals)

    def jumps_around(self, side: Any) -> tuple[Any, Any]:
        """The last jump of any table before `side`, and the first after it."""
        found = [signal.jumps_around(side) for signal in self.signals if signal.jumps is not None]
        before, after = zip(*found, strict=True)
        return jnp.max(jnp.stack(before)), jnp.min(jnp.stack(after))

    def table(self, t: np.ndarray) -> np.ndarray:
        """The inputs at the times t (n,), computed by NumPy: (n, inputs)."""
        u = np.empty((len(t), len(self.constant)))
        u[:] = self.constant
        for signal in self.signals:
            u[:, signal.index] = signal.table(t)
        return u

    def at(self, t: float) -> np.ndarray:
        """The inputs at one time, computed by NumPy: (inputs,)."""
        return self.table(np.array([t]))[0] if self.signals else np.asarray(self.constant)

    @property
    def time_dependent(self) -> bool:
        return bool(self.signals)


def signal(index: int, scale: float, shift: float, given: Any, name: str) -> Signal:
    """A signal from what a user hands over: a callable of t, `(times, values)`, or a pandas Series. Times may be dates.

    Raises `ValueError` for anything that is neither, or for a table that is not ascending and finite.
    """
    if callable(given):
        return Signal(name, index, scale, shift, None, None, _callable(given, name))
    if isinstance(given, Sequence) and lane_constants(given) is not None:
        raise ValueError(
            f"the input `{name}` takes one number, or times and values: several numbers are for the lanes of `ensemble`"
        )
    found = table(given, name)
    if found is None:
        raise ValueError(
            f"the input `{name}` is a number, a function of time, a pair (times, values) or a pandas Series, "
            f"not a {type(given).__name__}"
        )
    times, values = found[0], _kept(found[1])
    values = in_double(values, f"the table of the input `{name}`")
    if times.ndim != 1 or times.shape != values.shape or len(times) < 1:
        raise ValueError(f"the table of the input `{name}` needs as many values as times")
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
        raise ValueError(f"the times of the input `{name}` must ascend")
    if not isinstance(found[1], jax.Array) and not np.isfinite(found[1]).all():
        at = times[np.argmin(np.isfinite(found[1]))]
        raise ValueError(
            f"the table of the input `{name}` must hold finite values, and that at {at:g} s is not"
        )
    first = np.flatnonzero((np.diff(times) == 0) & (np.diff(times, prepend=-np.inf)[:-1] > 0))
    # Numbers also where a program is traced, which would make them its own.
    with jax.ensure_compile_time_eval():
        jumps = jnp.asarray(first) if len(first) else None
        times = jnp.asarray(times)
    return Signal(name, index, scale, shift, times, values, None, jumps)


def _kept(values: Any) -> Any:
    """Values as an array of JAX: numbers stay numbers where a program is traced."""
    if isinstance(values, Tracer):
        return values
    with jax.ensure_compile_time_eval():
        return jnp.asarray(values)


class PrecisionWarning(UserWarning):
    """A number was given in single precision, which holds seven digits."""


def in_double(values: Any, what: str) -> Any:
    """`values` of JAX as double numbers; says so where digits were lost before."""
    if values.dtype in (jnp.float32, jnp.float16, jnp.bfloat16):
        warnings.warn(
            f"{what} is given in {values.dtype}, which holds 7 digits or less: such arrays are made before stiffdsl "
            "turns double precision on. Make them after `sd.load`, or call "
            '`jax.config.update("jax_enable_x64", True)` first',
            PrecisionWarning,
            stacklevel=2,
        )
    if values.dtype == np.float64:
        return values
    with jax.ensure_compile_time_eval() if not isinstance(values, Tracer) else nullcontext():
        return values.astype(np.float64)


def with_clocks(signals: Sequence[Signal]) -> tuple[Signal, ...]:
    """The same signals, which know of each other's times."""
    if not signals:
        return ()
    known: dict[bytes, int] = {}
    clocks = [known.setdefault(np.asarray(s.times).tobytes(), k) for k, s in enumerate(signals)]
    return tuple(replace(s, clock=clock) for s, clock in zip(signals, clocks, strict=True))


def lane_inputs(
    given: Mapping[str, Any] | None, rank: Callable[[str], int]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The inputs of the first lane, and what differs between lanes: the values (lanes, times) of tables, and constants
    (lanes, ...), by name. `rank` tells the number of axes of an input."""
    first: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    constants: dict[str, Any] = {}
    for name, value in mapping(given, "`inputs`").items():
        first[name] = value
        if (lanes := lane_constants(value, rank(name))) is not None:
            if not isinstance(lanes, Tracer) and not (len(lanes) and np.all(np.isfinite(lanes))):
                raise ValueError(f"the input `{name}` needs a finite value for each lane, and at least one")
            constants[name], first[name] = lanes, lanes[0]
            continue
        if isinstance(value, Sequence) and len(value) == 2 and np.ndim(value[1]) == 2:
            if isinstance(value[1], Tracer):
                tables[name], first[name] = value[1], (value[0], value[1][0])
                continue
            tables[name] = numbers(value[1], f"each value in the table of the input `{name}`")
            if not len(tables[name]) or not np.all(np.isfinite(tables[name])):
                raise ValueError(f"the table of the input `{name}` needs finite values for at least one lane")
            first[name] = (value[0], tables[name][0])
    return first, tables, constants


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

    setattr(call, HOST, host)
    return call
