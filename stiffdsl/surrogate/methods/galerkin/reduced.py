"""The formula of surrogates that keep the equations of the model, for a few combinations of its states:

    y = mean + L x,    x' = G f_S(t, y_S, p, u),    outputs = h(t, y, p, u)

f is the model's own right-hand side, of which only the rows S are evaluated: those that the others follow from where
states move together (Galerkin projection on a proper orthogonal decomposition; discrete empirical interpolation:
Chaturantabut and Sorensen, SIAM J. Sci. Comput. 32, 2010, with the rows of Drmac and Gugercin, SIAM J. Sci. Comput. 38,
2016). Steps are of fixed length between knots, so that a batch is a few products of matrices: explicit and stabilised
where that reaches, linearly implicit where it does not. Nothing is learnt but L, G, S: any parameters, any inputs."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from stiffdsl.surrogate.core.between import straight
from stiffdsl.surrogate.core.chunks import chunks
from stiffdsl.surrogate.core.formula import Formula
from stiffdsl.surrogate.core.scaling import Clock, OutputScaling, ParameterScaling
from stiffdsl.surrogate.methods.galerkin.fixed_steps import Steps, graded, integrated
from stiffdsl.surrogate.methods.recurrent.cell import cubic
from stiffdsl.surrogate.regression.neural import NetworkMap

# Lanes that are computed together, at most.
_LANES = 256
# Readers that keep their compiled programs.
_READERS = 8
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class GalerkinProjection:
    """The reduced equations. `mean` (n,) and `lift` (n, r) hold the `kept` states only: those that something reads.

    `rhs` gives the rows S, `gather` (S, r) what they add to x'. `parameters` gives the `used` parameters over `given`
    and `mask`, as in `Equations`, of which these are the entries that it reads; `signals` (inputs, u) and `constant`
    (u,) give the inputs of the model.
    """

    kept: np.ndarray
    used: np.ndarray
    mean: np.ndarray
    lift: np.ndarray
    rhs: Formula
    gather: np.ndarray
    parameters: Formula
    given: np.ndarray
    given_by: np.ndarray
    mask: np.ndarray
    constant: np.ndarray
    signals: np.ndarray

    @property
    def rank(self) -> int:
        return self.lift.shape[1]

    def vector(self, xp: Any, scalars: Float[Any, "k d"]) -> Float[Any, "p k"]:
        """The used parameters of k lanes, for scalars in declared units."""
        if not len(self.used):
            return xp.zeros((0, len(scalars)))
        given = self.given[:, None] + (scalars @ self.given_by).T
        return self.parameters(xp, {"given": given, "mask": self.mask[:, None]})

    def known(self, xp: Any, formula: Formula, p: Any) -> dict[int, Any]:
        """Values of a formula's operations on parameters alone."""
        return formula.known(xp, "p", p[self._places(self.used, formula.reads.get("p"))])

    def states_of(self, formula: Formula) -> np.ndarray:
        """The rows of `lift` that a formula reads."""
        return self._places(self.kept, formula.reads.get("y"))

    @staticmethod
    def _places(among: np.ndarray, some: np.ndarray | None) -> np.ndarray:
        return np.searchsorted(among, _NONE if some is None else some)


@dataclass(frozen=True, eq=False)
class ReducedExpansion:
    """`begin` gives x at the first knot for [z, u], `read` the outputs in SI: declared (x - `shift`) / `scale`."""

    clock: Clock
    parameters: ParameterScaling
    outputs: OutputScaling
    scalars: int
    inputs: int
    knots: np.ndarray
    reduced: GalerkinProjection
    begin: NetworkMap
    steps: Steps
    read: Formula
    scale: np.ndarray
    shift: np.ndarray

    @property
    def start(self) -> None:
        """Its clock begins with the first knot: nothing is before it."""
        return None

    @cached_property
    def _readers(self) -> dict[tuple[bytes, bytes], "ReducedReader"]:
        """The readers asked for last, with compiled programs: a training judges by the reader that answers later."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what was compiled."""
        return {name: value for name, value in self.__dict__.items() if name != "_readers"}

    def reader(self, times: np.ndarray, which: np.ndarray) -> "ReducedReader":
        key = np.asarray(times, dtype=float).tobytes(), np.asarray(which, dtype=np.int64).tobytes()
        if key not in self._readers:
            for oldest in list(self._readers)[: 1 - _READERS]:
                del self._readers[oldest]
            self._readers[key] = ReducedReader(self, times, which)
        return self._readers[key]

    def with_steps(self, steps: Steps) -> "ReducedExpansion":
        return replace(self, steps=steps)


class ReducedReader:
    """A `ReducedExpansion` at fixed times, for some outputs."""

    def __init__(self, expansion: ReducedExpansion, times: np.ndarray, which: np.ndarray):
        from stiffdsl.surrogate.core.formula import narrowed

        self.expansion, self.times, self.which = expansion, times, which
        self.outputs = expansion.outputs
        knots = expansion.knots
        # Cubics look one knot ahead.
        count = max(2, min(len(knots), int(np.searchsorted(knots, times.max())) + 2))
        self._knots = knots[:count]
        self._at = None if np.array_equal(self._knots, times) else cubic(self._knots, times)
        self._straight = straight(times, self._knots)
        self._grid = graded(self._knots)
        self._on_grid = straight(self._grid, self._knots)
        self._of_grid = np.flatnonzero(np.isin(self._grid, self._knots))
        self._read = narrowed(expansion.read, which)

    def __call__(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """x in declared units, for values in declared units."""
        if xp is np:
            return self._in_chunks(np.asarray(values, dtype=float))
        return self._lanes(values)

    def rows(self, xp: Any, values: Float[Any, "k d"]) -> Float[Any, "k q m"]:
        """x with the times last."""
        return self(xp, values).swapaxes(1, 2)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """(k, m, q) y in scaled outputs."""
        with np.errstate(invalid="ignore"):
            return self.outputs.scale_some(self(np, values), self.which)

    def unscaled(self, values: np.ndarray, scaled: np.ndarray) -> np.ndarray:
        """(k, m, q) x for what `scaled` gave, shifted or not."""
        del values
        return self.outputs.unscale(scaled, self.which)

    @cached_property
    def _compiled(self) -> Any:
        return jax.jit(self._lanes)

    def _in_chunks(self, values: np.ndarray) -> np.ndarray:
        parts = [
            np.asarray(self._compiled(values[which]))[: lanes.stop - lanes.start]
            for lanes, which in chunks(len(values), _LANES)
        ]
        return np.concatenate(parts)

    def _lanes(self, values: Float[Any, "k d"]) -> Float[Any, "k m q"]:
        """Lanes stand last while it is computed: what is taken from a vector is then taken row by row."""
        expansion, reduced = self.expansion, self.expansion.reduced
        scaled = expansion.parameters.scale(jnp, values)
        scalars, first = values[:, : expansion.scalars], scaled[:, expansion.scalars :: len(expansion.knots)]
        drives = values[:, expansion.scalars :].reshape(len(values), expansion.inputs, len(expansion.knots))
        drives = jnp.moveaxis(drives[..., : len(self._knots)], 0, -1)
        u = reduced.constant[:, None] + jnp.einsum("dmk,di->mik", drives, reduced.signals)
        begin = expansion.begin(jnp, jnp.concatenate([scaled[:, : expansion.scalars], first], axis=1)).T
        p = reduced.vector(jnp, scalars)
        g = slopes(reduced, p, expansion.steps.dtype)
        x = integrated(expansion.steps, g, begin, self._grid, jnp.tensordot(self._on_grid, u, 1))
        x = x[self._of_grid].astype(float)
        x = x if self._at is None else jnp.tensordot(self._at, x, 1)
        return self._outputs(x, jnp.tensordot(self._straight, u, 1), p)

    def _outputs(self, x: Float[Any, "m r k"], u: Float[Any, "m i k"], p: Any) -> Float[Any, "k m q"]:
        expansion, reduced, formula = self.expansion, self.expansion.reduced, self._read
        known = reduced.known(jnp, formula, p)
        # What depends on parameters alone is the same at all times.
        known = {k: v[:, None] if formula.ops[k].size is not None else v for k, v in known.items()}
        mine = reduced.states_of(formula)
        y = reduced.mean[mine][:, None, None] + jnp.einsum("nr,mrk->nmk", reduced.lift[mine], x)
        given = {"y": y, "u": u.swapaxes(0, 1)[formula.reads.get("u", _NONE)], "t": self.times[:, None]}
        found = jnp.broadcast_to(formula(jnp, given, known), (len(self.which), *y.shape[1:]))
        scale, shift = (a[self.which][:, None, None] for a in (expansion.scale, expansion.shift))
        return jnp.moveaxis((found - shift) / scale, 2, 0).swapaxes(1, 2)


def slopes(reduced: GalerkinProjection, p: Float[Any, "p k"], dtype: Any) -> Any:
    """`g(t, x (r, k), u (i, k))`: x' in `dtype`, for the used parameters `p`."""
    formula = reduced.rhs
    known = {k: jnp.asarray(v).astype(dtype) for k, v in reduced.known(jnp, formula, p).items()}
    mine = reduced.states_of(formula)
    mean, lift = (np.ascontiguousarray(a[mine]).astype(dtype) for a in (reduced.mean, reduced.lift))
    gather = np.ascontiguousarray(reduced.gather.T).astype(dtype)
    reads = formula.reads.get("u", _NONE)

    def g(t: Any, x: Any, u: Any) -> Any:
        f = formula(jnp, {"y": mean[:, None] + lift @ x, "u": u[reads], "t": t}, known)
        return gather @ jnp.broadcast_to(f, (len(f), x.shape[1]))

    return g
