"""A native solve with its derivatives: kernels for those by values, the portable tier for those by times.

The kernels differentiate by initial values, parameters, constant inputs and the values of tables;
`second_derivatives.py` makes second derivatives of that. Derivatives by times (t0, t1, `saveat`, those of tables), and
second ones of models with events, are the portable tier's, which takes the same steps.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from stiffdsl import native
from stiffdsl.native.gradient.rules import LinearKernels, Primal
from stiffdsl.runtime.driving.inputs import Inputs
from stiffdsl.runtime.second_derivatives import SecondDerivatives
from stiffdsl.runtime.system import Args
from stiffdsl.solve.base.undefined import spoiled
from stiffdsl.solve.integrate.loop import Counts
from stiffdsl.solve.integrate.solver import Result, arrived
from stiffdsl.solve.linear.linear_map import linear_map


class KernelArguments(NamedTuple):
    """Arguments of a differentiable solve: interval, start, arguments of the equations, times, tolerances."""

    t0: Any
    t1: Any
    y0: Any
    args: Args
    saveat: Any
    rtol: Any
    atol: Any


class DifferentiatedArguments(NamedTuple):
    """Arguments that the kernels differentiate by; `values` are those of the tables, one by one."""

    y0: Any
    p: Any
    constant: Any
    values: tuple[Any, ...]

    def within(self, given: KernelArguments) -> KernelArguments:
        """`given`, with these values."""
        old = given.args.inputs.signals
        signals = tuple(replace(s, values=v) for s, v in zip(old, self.values, strict=True))
        args = given.args._replace(p=self.p, inputs=Inputs(self.constant, signals))
        return given._replace(y0=self.y0, args=args)


def moving(given: KernelArguments) -> DifferentiatedArguments:
    """The arguments that the kernels differentiate by, from those of a solve or from their tangents."""
    inputs = given.args.inputs
    return DifferentiatedArguments(
        given.y0, given.args.p, inputs.constant, tuple(s.values for s in inputs.signals)
    )


def signal_tables(args: Args, xp: Any) -> native.Tables:
    """The driven inputs in SI, as the kernel reads them, through NumPy or JAX."""
    signals = args.inputs.signals
    if not signals and args.knots is None:
        return native.NO_TABLES
    return native.Tables(
        np.array([s.index for s in signals], dtype=float),
        [xp.asarray(s.times, dtype=float) for s in signals],
        [xp.asarray(s.values, dtype=float) * s.scale + s.shift for s in signals],
        [xp.asarray(s.times)[xp.asarray(s.jumps)] for s in signals if s.jumps is not None],
        args.knots,
    )


class StepLimits(NamedTuple):
    """The greatest number of attempts, the first step (None: chosen), and the longest."""

    most: int
    first: float | None
    longest: float


def differentiable(
    solver: native.NativeSolver, portable: Callable[..., Result], steps: StepLimits
) -> Callable[..., Result]:
    """`solve(t0, t1, y0, args, saveat, rtol, atol) -> Result` by a kernel, for `jit`, `vmap`, `grad`, `jvp`."""

    linear = solver.linear

    @jax.custom_jvp
    def solve(given: KernelArguments) -> Result:
        inputs = given.args.inputs
        found = solver.jax_solve(
            given.t0,
            given.t1,
            given.y0,
            given.args.p,
            inputs.constant,
            signal_tables(given.args, jnp),
            given.saveat,
            given.rtol,
            given.atol,
            first_step=steps.first,
            max_step=steps.longest,
            max_steps=steps.most,
        )
        nobody = jnp.full(3, -1, dtype=jnp.int32)
        return Result(found.t, found.y, found.ys, found.status, nobody, Counts(*found.counts))

    @partial(solve.defjvp, symbolic_zeros=True)
    def _(primals, tangents):
        (given,), (dots,) = primals, tangents
        # The tolerances steer the steps, which are held constant.
        if linear is None:
            # There are no derivatives of explicit kernels: the portable tier takes the same steps.
            return _portable_jvp(portable, given, dots)
        assert derivatives is not None, "kernels of derivatives come with one of them"
        times = (dots.t0, dots.t1, dots.saveat, [s.times for s in dots.args.inputs.signals])
        if not all(map(_is_zero, jax.tree.leaves(times, is_leaf=_is_zero))):
            return _portable_jvp(portable, given, dots)
        result = solve(given)
        directions = jax.tree.map(_instantiated, moving(dots), is_leaf=_is_zero)
        y, ys, *t = linear_map(derivatives.forward, derivatives.backward, given, directions)
        none = jax.tree.map(_no_tangent, result)
        return result, none._replace(y=y, ys=ys, t=t[0] if t else none.t)

    derivatives = None if linear is None else _derivatives(solver, linear, portable, steps, solve)

    def normalized(t0, t1, y0, args: Args, saveat, rtol, atol) -> Result:
        saveat = jnp.asarray(saveat, dtype=float).reshape(-1)
        given = KernelArguments(t0, t1, y0, args, saveat, rtol, atol)
        found = solve(jax.tree.map(_real, given))
        y, ys = arrived(found.y, found.ys, found.status)
        return found._replace(y=y, ys=ys)

    return normalized


def _derivatives(
    solver: native.NativeSolver,
    linear: LinearKernels,
    portable: Callable[..., Result],
    steps: StepLimits,
    solve: Callable[[KernelArguments], Result],
) -> SecondDerivatives:
    """Tangents `forward(given, directions) -> (y, ys)`, with events `(y, ys, t)`, and their transpose
    `backward(given, cotangents)`, whose result is a `DifferentiatedArguments`."""

    def forward(given: KernelArguments, directions: DifferentiatedArguments, guide: KernelArguments | None):
        scaled = [s.scale * v for s, v in zip(given.args.inputs.signals, directions.values, strict=True)]
        values = jnp.concatenate([jnp.zeros(0), *scaled])
        lead = None if guide is None else _primal(guide, steps)
        moved = directions.y0, directions.p, directions.constant, values
        return linear.forward(_primal(given, steps), steps.most, *moved, lead)

    def backward(given: KernelArguments, cotangents, guide: KernelArguments | None):
        lead = None if guide is None else _primal(guide, steps)
        y0, p, constant, values = linear.backward(_primal(given, steps), steps.most, cotangents, lead)
        parts, at = [], 0
        for signal in given.args.inputs.signals:
            assert signal.values is not None, "kernels take tables only"
            count = signal.values.size
            parts.append(signal.scale * values[at : at + count])
            at += count
        return spoiled(DifferentiatedArguments(y0, p, constant, tuple(parts)), cotangents)

    def sizes(given: KernelArguments):
        """By unknown, the largest value that is known of it."""
        found = solve(given)
        known = jnp.concatenate([found.ys, found.y[None], given.y0[None]])
        size = jnp.max(jnp.abs(jnp.nan_to_num(known, posinf=0.0, neginf=0.0)), axis=0)
        size = jnp.where(size > 0, size, jnp.inf)
        return size, jnp.broadcast_to(size, found.ys.shape)

    def portable_ends(given: KernelArguments) -> Callable[[DifferentiatedArguments], Any]:
        def ends(values: DifferentiatedArguments) -> Any:
            found = portable(*values.within(given))
            return (found.y, found.ys, found.t) if solver.eventful else (found.y, found.ys)

        return ends

    def by_portable_forward(given: KernelArguments, directions: DifferentiatedArguments):
        return jax.jvp(portable_ends(given), (moving(given),), (directions,))[1]

    def by_portable_backward(given: KernelArguments, cotangents):
        return jax.vjp(portable_ends(given), moving(given))[1](cotangents)[0]

    elsewhere = by_portable_forward, by_portable_backward
    return SecondDerivatives(
        forward,
        backward,
        moving,
        lambda given, values: values.within(given),
        sizes,
        elsewhere,
        smooth=not solver.eventful,
    )


def _primal(given: KernelArguments, steps: StepLimits) -> Primal:
    inputs = given.args.inputs
    tables = signal_tables(given.args, jnp).flat(jnp)
    return Primal(
        given.t0,
        given.t1,
        given.y0,
        given.args.p,
        inputs.constant,
        tables,
        given.saveat,
        given.rtol,
        given.atol,
        0.0 if steps.first is None else steps.first,
        steps.longest,
    )


def _portable_jvp(
    portable: Callable[..., Result], given: KernelArguments, dots: KernelArguments
) -> tuple[Any, Any]:
    """By the portable tier, with respect to all that moves."""
    *values, rtol, atol = given
    leaves, structure = jax.tree.flatten(values)
    rates = jax.tree.leaves(tuple(dots[:5]), is_leaf=_is_zero)
    moved = [k for k, rate in enumerate(rates) if not _is_zero(rate)]

    def of_moved(*some: Any) -> Result:
        every = list(leaves)
        for k, value in zip(moved, some, strict=True):
            every[k] = value
        return portable(*jax.tree.unflatten(structure, every), rtol, atol)

    return jax.jvp(of_moved, [leaves[k] for k in moved], [rates[k] for k in moved])


def _real(x: Any) -> Any:
    """Numbers as the kernels take them; integers say where tables jump."""
    value = jnp.asarray(x)
    return value if jnp.issubdtype(value.dtype, jnp.integer) else jnp.asarray(x, dtype=float)


def _is_zero(x: Any) -> bool:
    return isinstance(x, SymbolicZero)


def _instantiated(dot: Any) -> Any:
    return jnp.zeros(dot.shape, dot.dtype) if _is_zero(dot) else dot


def _no_tangent(x: Any) -> Any:
    if jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.zeros_like(x)
    return jnp.zeros(x.shape, jax.dtypes.float0)
