"""A surrogate's prediction as a pure function of JAX, with the flag of its domain inside `jit` too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from stiffdsl.solve.base.status import Status
from stiffdsl.surrogate.core.between import bound, moved
from stiffdsl.surrogate.core.bindings import QueryRows


class Predicted(NamedTuple):
    """The result of `solve.full`, a pytree: the `values` (times, outputs), and whether the call lies `outside` of the
    domain that errors are stated for. The others are those of a model's solve: nothing is stepped here."""

    values: Any
    outside: Any
    status: Any
    steps: Any
    stats: dict[str, Any]
    diagnostics: Any

    @property
    def success(self) -> Any:
        """Always: there is an answer everywhere."""
        return self.status == int(Status.SUCCESS)


class PurePrediction:
    """`solve(params=None, initial=None, inputs=None, *, saveat, time) -> (times, outputs)`, as a model's.

    `saveat` and `time` are those of `surrogate.solver` where they are not given; they are numbers, never traced.
    `rtol`, `atol` and `diagnostics` are accepted and mean nothing here. Outside of the domain it warns where its values
    are numbers; where they are traced, `solve.full(...).outside` tells.
    """

    def __init__(self, surrogate: Any, time: Any, saveat: Any, outputs: Sequence[str] | None):
        self.surrogate, self.outputs = surrogate, outputs
        self._asked = time, saveat
        self._made: dict[bytes, Callable[[QueryRows], Any]] = {}
        self._one()

    def __call__(
        self,
        params: Mapping[str, Any] | None = None,
        initial: Any = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        saveat: Any = None,
        time: Any = None,
        rtol: Any = None,
        atol: Any = None,
    ) -> Any:
        del rtol, atol
        rows = self.surrogate._given.row(params, initial, inputs)
        if not isinstance(rows.values, Tracer):
            self.surrogate._judged(np.asarray(rows.values), np.asarray(rows.hidden), False)
        return self._one(saveat, time)(rows)

    def full(
        self,
        params: Mapping[str, Any] | None = None,
        initial: Any = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        saveat: Any = None,
        time: Any = None,
        rtol: Any = None,
        atol: Any = None,
        diagnostics: bool = False,
    ) -> Predicted:
        """The same prediction with the flag of its domain, inside `jit` and `vmap` too; it does not warn."""
        del rtol, atol, diagnostics
        rows = self.surrogate._given.row(params, initial, inputs)
        values = jnp.asarray(rows.values, dtype=float)
        outside = self.surrogate.region.outside(values, jnp.asarray(rows.hidden), jnp)[0]
        zero = jnp.zeros((), dtype=jnp.int32)
        return Predicted(self._one(saveat, time)(rows), outside, zero, zero, {}, None)

    def _one(self, saveat: Any = None, time: Any = None) -> Callable[[QueryRows], Any]:
        """The compiled formula for the times of a call."""
        if isinstance(saveat, Tracer) or any(isinstance(t, Tracer) for t in time or ()):
            raise ValueError(
                "a surrogate's `saveat` and `time` are numbers: they cannot be traced, as those of its model can"
            )
        if saveat is None and time is None:
            time, saveat = self._asked
        times = self.surrogate._times(time, saveat, None)
        key = times.tobytes()
        if key not in self._made:
            formula, _ = self.surrogate._reader(times, self.outputs)
            compiled = jax.jit(lambda values, change: bound(formula, change)(jnp, values)[0])

            def one(rows: QueryRows) -> Any:
                values = jnp.asarray(rows.values, dtype=float)
                return compiled(values, moved(formula, jnp, rows.off))

            self._made[key] = one
        return self._made[key]
