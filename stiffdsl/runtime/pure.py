"""A model's solve as a pure function of JAX: `jit`, `vmap`, `grad`, `jvp` by all that it is given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypedDict, Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer, eval_context
from jax.extend.core import get_opaque_trace_state

from stiffdsl.runtime import tier
from stiffdsl.runtime.artifact import artifact
from stiffdsl.runtime.bindings import Overrides
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.driving.bundles import apart
from stiffdsl.runtime.driving.knots import knots_of_tables
from stiffdsl.runtime.driving.undriven import refuse_undriven
from stiffdsl.runtime.executors import of_lane
from stiffdsl.runtime.names import scalars_of
from stiffdsl.runtime.output_slice import counting, names_of, output_slice
from stiffdsl.runtime.run.arguments import traced_arguments
from stiffdsl.runtime.run.lane import lane
from stiffdsl.runtime.run.times import POINTS, ends_of, interval, save_times, spread, within
from stiffdsl.runtime.tolerance import absolute, names_quadratures
from stiffdsl.solve.base.arguments import mapping, number, told
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.process import check_process
from stiffdsl.solve.base.status import reached
from stiffdsl.solve.base.times import seconds
from stiffdsl.solve.integrate.ensemble import Ensemble
from stiffdsl.solve.integrate.knots import Knots


class PureSolution(NamedTuple):
    """The result of `solve.full`, a pytree: `values` (times, outputs), `status` (0: the end was reached), accepted
    steps, all counts by name, the `Diagnostics` where they were asked for, else None; and the time `t` that the solve
    came to, None for models without events."""

    values: Any
    status: Any
    steps: Any
    stats: dict[str, Any]
    diagnostics: Any
    t: Any = None

    @property
    def success(self) -> Any:
        """Whether the end was reached, or the model stopped the run."""
        return reached(self.status)


class CallSettings(TypedDict, total=False):
    """Times and tolerances that a call may give instead of `model.solver`."""

    saveat: Any
    time: Any
    rtol: Any
    atol: Any


class CallSpan(NamedTuple):
    """Times and tolerances of one call, all of it traced; `saveat` as it was asked for."""

    start: Any
    end: Any
    saveat: Any
    rtol: Any
    atol: Any


class PureSolve:
    """`solve(params=None, initial=None, inputs=None, *, saveat, time, rtol, atol) -> (times, outputs)`, in declared
    units.

    `saveat`, `time`, `rtol` and `atol` are those of `model.solver` where they are not given; given, they may be traced
    and differ between the lanes of a `vmap`. Values have the order of `saveat`, which any order will do for; times that
    were not reached are NaN, and so are derivatives of their values. `jit`, `vmap`, `grad`, `jacfwd`, `jacrev` and
    `hessian` work, by parameters, initial values, inputs, `saveat` and `time`.
    """

    def __init__(
        self,
        model: CompiledProgram,
        options: Options,
        time: Any,
        saveat: Any,
        outputs: Sequence[str] | None,
        figures: Mapping[str, Any] | None = None,
    ):
        """`figures`: parameters that hold in all calls that do not give them, such as figures of tables."""
        self.model, self.options, self.outputs = model, options, outputs
        self._figures = figures
        scalars_of(model.variable_names, names_of(outputs))
        self._time = time
        times = save_times(saveat)
        start, end = interval(model, time, times)
        # The times that are saved where only the interval is given, as parts of it.
        self.spread = None
        if times is None:
            times = spread(model, start, end, model.experiment.get("points", POINTS))
            self.spread = (times - start) / (end - start) if end != start else 0.0 * times
        else:
            times = within(times, start, end)
        self.span = CallSpan(start, end, times, options.rtol, np.asarray(options.atol))
        # What calls that set nothing of their own pass on.
        self._plain = _order(self.span), CallSpan(*map(_real, self.span))
        self._lanes: dict[Any, tuple[Callable[..., Any], bool]] = {}
        self._made: dict[Any, Callable[..., Any]] = {}

    def __call__(
        self,
        params: Mapping[str, Any] | None = None,
        initial: Any = None,
        inputs: Mapping[str, Any] | None = None,
        **settings: Unpack[CallSettings],
    ) -> Any:
        counts = self._counts(settings.get("atol"))
        return self._solve(params, initial, inputs, self._asked(**settings), counts, False)[0]

    def full(
        self,
        params: Mapping[str, Any] | None = None,
        initial: Any = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        diagnostics: bool = False,
        **settings: Unpack[CallSettings],
    ) -> PureSolution:
        """The same solve with its status, steps and counts, inside `jit` and `vmap` too.

        With `diagnostics`, also sums over its steps that are differentiable (`solve.accounting.Diagnostics`): the
        portable tier then makes the solve.
        """
        asked, own = self._asked(**settings), self._counts(settings.get("atol"))
        values, status, counts, sums, t = self._solve(params, initial, inputs, asked, own, diagnostics)
        sums = sums if diagnostics else None
        return PureSolution(values, status, counts.accepted, counts._asdict(), sums, t)

    def __repr__(self) -> str:
        outputs = "all variables" if self.outputs is None else ", ".join(names_of(self.outputs) or ())
        return f"<solver of {self.model.name}: {outputs} at {len(self.span.saveat)} times>"

    def _counts(self, atol: Any) -> bool:
        """Whether quadratures count in a call with this `atol`."""
        return self.options.quadratures or names_quadratures(self.model, atol)

    def _asked(self, *, saveat: Any = None, time: Any = None, rtol: Any = None, atol: Any = None) -> CallSpan:
        """The span of a call: its own settings, the rest from `model.solver`."""
        span = self.span
        if time is not None:
            start, end = _ends(time)
            span = span._replace(start=start, end=end)
            if self.spread is not None:
                span = span._replace(saveat=span.start + (span.end - span.start) * self.spread)
        if saveat is not None:
            times = jnp.asarray(saveat, dtype=float) if _traced(saveat) else seconds(saveat, "`saveat`")
            if times.ndim > 1:
                raise ValueError("`saveat` is a vector of times; give lanes of them through `jax.vmap`")
            times = times.reshape(-1)
            span = span._replace(saveat=times)
            if time is None and self._time is None and times.shape[0]:
                span = span._replace(end=times[-1])
        if (time is not None or saveat is not None) and not _traced(span[:3]):
            span = span._replace(saveat=within(np.asarray(span.saveat), span.start, span.end))
        if rtol is not None:
            span = span._replace(rtol=rtol if _traced(rtol) else number(rtol, "`rtol`"))
        if atol is not None:
            span = span._replace(atol=absolute(self.model, atol))
        return span

    def _solve(
        self, params: Any, initial: Any, inputs: Any, span: CallSpan, quadratures: bool, diagnostics: bool
    ) -> Any:
        check_process()
        model = self.model
        if self._figures:
            params = {**self._figures, **mapping({} if params is None else params, "`params`")}
        ends = None if _traced(span[:2]) else (float(span.start), float(span.end))
        constant, signals = model.bindings.driven(inputs, ends)
        of, given = model.bindings.params(params), model.bindings.initial(initial)
        # Kernels hold the figures of tables: where these may move, the portable tier makes the solve.
        portable = diagnostics or model.bindings.moves_figures(params)
        kind = jax.tree.structure(signals), quadratures, portable
        places = tuple(mask.tobytes() for mask in (of.mask, constant.mask, given.mask, given.apart_mask))
        order, real = self._plain if span is self.span else (_order(span), CallSpan(*map(_real, span)))
        key = kind, places, None if order is None else order.tobytes()
        if key not in self._made:
            refuse_undriven(
                output_slice(model, self.outputs).model, apart(inputs, model.bindings.inputs) or ()
            )
            if kind not in self._lanes:
                part, (start, end) = output_slice(model, self.outputs).model, self.span[:2]
                options = replace(self.options, quadratures=quadratures)
                part = counting(part, quadratures)
                options = tier.expected(part, options, signals, float(start), float(end))
                made = lane(model, options, signals, self.outputs, diagnostics=portable)
                self._lanes[kind] = made[1:]
            # Where values are given; the values themselves may belong to a trace.
            a, b, c = (replace(x, values=None, apart_values=None) for x in (of, constant, given))
            self._made[key] = _compiled(model, a, b, c, order, *self._lanes[kind])
        known = knots_of_tables(signals, span.rtol, span.start, span.end)
        values = of.values, constant.values, given.values, given.apart_values
        return self._made[key](*values, signals, known, real)


@artifact
def solve_of(
    model: CompiledProgram,
    options: Options,
    time: tuple[float, float] | None,
    saveat: tuple[float, ...] | None,
    outputs: tuple[str, ...] | None,
) -> PureSolve:
    """The pure solve of an ensemble's lanes."""
    return PureSolve(model, options, time, saveat, outputs)


def traced_ensemble(
    solve: PureSolve,
    varied: Mapping[str, Mapping[str, Any]],
    fixed: Mapping[str, Mapping[str, Any]],
    inputs: Mapping[str, Any],
) -> Ensemble:
    """The ensemble of values that are traced, as a part of what they are traced for: `vmap` of `solve`. `varied` holds
    what differs between lanes, tables of inputs too."""

    def lane(own: Mapping[str, Mapping[str, Any]]) -> PureSolution:
        tables = {name: of_lane(inputs[name], values) for name, values in own["inputs"].items()}
        initial = {**fixed["initial"], **own["initial"]}
        return solve.full({**fixed["params"], **own["params"]}, initial or None, {**inputs, **tables})

    found = jax.vmap(lane)(varied)
    stats = {name: jnp.sum(count) for name, count in found.stats.items()}
    labels = output_slice(solve.model, solve.outputs).labels
    return Ensemble(np.asarray(solve.span.saveat), labels, found.values, found.status, stats)


# What JAX does where no transformation is under way, also where this module is imported within one.
with eval_context():
    _UNTRACED = get_opaque_trace_state()

# The order of `saveat` where it is not known before the program runs.
_TRACED = np.zeros(0, dtype=np.int64)


def _order(span: CallSpan) -> np.ndarray | None:
    """The permutation that puts `saveat` into the order of integration; None where it is in order, `_TRACED`
    where its values are not known."""
    if any(isinstance(value, Tracer) for value in span[:3]):
        return _TRACED
    times = np.asarray(span.saveat)
    passed = times if float(span.start) <= float(span.end) else -times
    return None if (passed[1:] >= passed[:-1]).all() else np.argsort(passed, kind="stable")


def _compiled(
    model: CompiledProgram,
    of: Overrides,
    constant: Overrides,
    initial: Overrides,
    order: np.ndarray | None,
    one: Callable[..., Any],
    alone: bool,
) -> Callable[..., Any]:
    """The run for values in these places: outside of `jit` too, one call of XLA and not one for each operation.

    Where nothing is traced XLA's part of a solve `alone`, by a kernel, is compiled in half of the time: what it does is
    little.
    """

    def solve(p, u, y, apart, signals, knots: Knots | None, span: CallSpan):
        args = traced_arguments(model, replace(of, values=p), replace(constant, values=u), signals)
        args = args._replace(knots=knots)
        given = replace(initial, values=y, apart_values=apart)
        places = order
        if order is _TRACED:
            passed = jnp.where(span.end < span.start, -span.saveat, span.saveat)
            places = jnp.argsort(jax.lax.stop_gradient(passed))
        saveat = jnp.asarray(span.saveat)
        times = saveat if places is None else saveat[places]
        values, *others = one(span.start, span.end, times, args, given, (span.rtol, span.atol))
        if places is not None:
            values = values[jnp.argsort(jnp.asarray(places))]
        return values, *others

    # Not inlined: outside of `jit` its derivative would be one call for each operation of it.
    inside = jax.jit(solve)
    if not alone:
        return inside
    apart = jax.jit(solve, compiler_options={"xla_backend_optimization_level": 0})

    return lambda *given: (apart if get_opaque_trace_state() == _UNTRACED else inside)(*given)


def _real(value: Any) -> Any:
    """Traced values as they are, others as NumPy's numbers: what JAX takes up fastest."""
    return value if isinstance(value, jax.Array) else np.asarray(value, dtype=float)


def _traced(value: Any) -> bool:
    """Whether there are numbers of JAX in it, which may have no value yet."""
    return any(isinstance(part, jax.Array) for part in jax.tree.leaves(value))


def _ends(time: Any) -> tuple[Any, Any]:
    """Start and end of `time`, which may be traced."""
    if not _traced(time):
        return ends_of(time)
    try:
        start, end = time
    except (TypeError, ValueError):
        raise ValueError(f"`time` is a pair (start, end), not {told(time)}") from None
    return start, end
