"""`CompiledModel`: what `stiffdsl.load` returns; a model's functions, its tables, and the calls that solve it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from stiffdsl.runtime.session import prepare

prepare()

import jax  # noqa: E402  (float64 is turned on first)
import jax.numpy as jnp  # noqa: E402

from stiffdsl.diagnostics import render  # noqa: E402
from stiffdsl.native.factors import krylov  # noqa: E402
from stiffdsl.native.host import interrupt  # noqa: E402
from stiffdsl.runtime import compile_report, executors, pure, tier, uncertainty  # noqa: E402
from stiffdsl.runtime.compiled import CompiledProgram  # noqa: E402
from stiffdsl.runtime.delayed.delays import refuse_delays  # noqa: E402
from stiffdsl.runtime.initialization.consistent_start import Anchor  # noqa: E402
from stiffdsl.runtime.initialization.initial_state import anchor  # noqa: E402
from stiffdsl.runtime.lookup_tables import LookupTable, tables_of, with_figures  # noqa: E402
from stiffdsl.runtime.output_slice import output_slice  # noqa: E402
from stiffdsl.runtime.run.arguments import run_arguments  # noqa: E402
from stiffdsl.runtime.run.ensemble import ensemble  # noqa: E402
from stiffdsl.runtime.run.lane_values import lanes_told  # noqa: E402
from stiffdsl.runtime.run.options import default_method, run_options  # noqa: E402
from stiffdsl.runtime.run.simulate import initial_state, simulate, start_report  # noqa: E402
from stiffdsl.runtime.system import Args  # noqa: E402
from stiffdsl.runtime.tables import Table  # noqa: E402
from stiffdsl.solve.base import arguments, kernels  # noqa: E402
from stiffdsl.solve.base.process import check_process  # noqa: E402
from stiffdsl.solve.base.progress import caller  # noqa: E402
from stiffdsl.solve.integrate.ensemble import Ensemble, InterruptedRuns  # noqa: E402
from stiffdsl.solve.integrate.solution import Solution  # noqa: E402

if TYPE_CHECKING:
    from stiffdsl.surrogate.core.method import SurrogateMethod

krylov.provide()
kernels.stopping = interrupt.stopping


@dataclass(frozen=True, eq=False, repr=False)
class CompiledModel(CompiledProgram):
    """A model `M y' = f(t, y, p, u)`: states and implicit unknowns y, parameters p, inputs u.

    By name, values are in declared units. `rhs` and `jacobian` work on vectors in SI.
    """

    # `reduced`: the model that this is the unreduced form of.
    reduced: "CompiledModel | None" = None
    declared_start: Callable[[CompiledProgram], Anchor | None] = anchor

    # --- what the model is ---

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The parameters that are declared with a range, and the ranges in declared units: what surrogates explore.

        A parameter that is computed from others is left out: it varies with those.
        """
        from stiffdsl.surrogate.of_model.task import declared_ranges

        return declared_ranges(self)

    # --- what is not certain ---

    @cached_property
    def distributions(self) -> tuple[uncertainty.DistributedParameter, ...]:
        """The parameters with a distribution (`~`, `random`), with its arguments at the declared values."""
        return uncertainty.distributions(self)

    @cached_property
    def observations(self) -> tuple[uncertainty.Observed, ...]:
        """The columns of data that the model declares by `observe`, and how they relate to it."""
        return uncertainty.observations(self)

    @cached_property
    def covariates(self) -> Table:
        """The parameters that are declared as covariates: values by subject, from data."""
        names = self.program.system.flat.uncertainty.covariates
        blocks = [b for b in self.parameter_names.blocks if b.name in names]
        return Table([self.parameters[n] for b in blocks for n in b.scalar_names()])

    @property
    def doses(self) -> tuple[str, ...]:
        """The states that doses of a data table are added to, in the order of its compartments."""
        return self.program.system.flat.uncertainty.doses

    def draw(
        self,
        count: int,
        seed: int = 0,
        *,
        params: Mapping[str, Any] | None = None,
        names: Iterable[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Values of `count` lanes by name, in declared units, for `ensemble`: those of parameters with a distribution
        (`~`, truncated by `in`; random effects), and evenly over `in` those of parameters that have a range alone.

        `params` are values that stay as given, on which distributions may depend. `names` draws these only. Equal seeds
        give equal values. Raises `ValueError` where there is nothing to draw, or a distribution makes no sense.
        """
        return uncertainty.draw(self, count, seed, params, names, self.ranges)

    @cached_property
    def jacobian_pattern(self) -> scipy.sparse.coo_array:
        """The structural nonzeros of df/dy, row by row, as a matrix of ones."""
        p = self.program
        return scipy.sparse.coo_array((np.ones(len(p.rows)), (p.rows, p.columns)), shape=(p.size, p.size))

    @cached_property
    def report(self) -> dict[str, Any]:
        """Report of the compilation in numbers, as `stiffdsl compile --json` prints it."""
        p = self.program
        flat, blocks = p.system.flat, p.system.blocks
        warnings = (*flat.warnings, *p.system.warnings)
        algebraic = flat.counts["unknowns_before"] > blocks["states"]
        n = p.size
        return {
            "name": self.name,
            "doc": flat.doc,
            "equations_before": flat.counts["equations_before"],
            "unknowns_before": flat.counts["unknowns_before"],
            "equations_after": n,
            "unknowns_after": n,
            "aliases": flat.counts["aliases"],
            "states": len(p.system.states),
            "implicit": len(p.system.implicit),
            "parameters": sum(
                b.size for b in self.parameter_names.blocks if b.kind not in ("table", "network")
            ),
            "tables": [t.name for t in p.system.flat.tables],
            "networks": [n.name for n in p.system.flat.networks],
            "inputs": self.bindings.sizes["input"],
            "assignments": blocks["assignments"],
            "blocks": blocks["blocks"],
            "loops": blocks["loops"],
            "largest_block": blocks["largest"],
            "solved": blocks["solved"],
            "tears": blocks["tears"],
            "index": max(blocks["index"], int(algebraic)),
            "reduction": compile_report.reduction_facts(self),
            "conserved": compile_report.conserved_facts(self),
            "operations": p.operations,
            "work": compile_report.work_facts(p),
            "jacobian": {"size": n, "nonzeros": len(p.rows), "density": len(p.rows) / max(1, n * n)},
            "tier": tier.name(self, default_method(self)),
            "method": default_method(self),
            "no_kernel": tier.about(self, run_options(self), ()).get("no_kernel"),
            "stages": dict(self.seconds),
            "warnings": [render(w) for w in warnings],
        }

    @property
    def tables(self) -> dict[str, LookupTable]:
        """The tables that equations look into, by name, in declared units."""
        return tables_of(self)

    # --- the functions ---

    def rhs(self, t: Any, y: Any, p: Any = None, u: Any = None) -> Any:
        """f of `M y' = f(t, y, p, u)`: derivatives of the states, then residuals. Pure JAX, SI.

        `p` is the vector of all parameters, or a mapping by name in declared units; left out, the declared values.
        `u` is the vector of inputs; left out, the declared values.
        """
        return self.functions.rhs(*self._point(t, y), *self._vectors(p, u))

    def jacobian(self, t: Any, y: Any, p: Any = None, u: Any = None) -> Any:
        """The analytic values of df/dy in the order of `jacobian_pattern`; arguments as for `rhs`."""
        return self.functions.jacobian(*self._point(t, y), *self._vectors(p, u))

    def _vectors(self, p: Any, u: Any) -> tuple[Any, Any]:
        if p is None or isinstance(p, Mapping):
            given = self.bindings.params(p)
            p = self.functions.parameters(jnp.asarray(given.values), jnp.asarray(given.mask, dtype=float))
        p = _vector(p, self.default_parameters.shape, "`p`", "parameters")
        if u is None:
            return p, self.functions.input_defaults(p)
        return p, _vector(u, (self.bindings.sizes["input"],), "`u`", "inputs")

    def _point(self, t: Any, y: Any) -> tuple[Any, Any]:
        check_process()
        return _vector(t, (), "`t`", "times"), _vector(y, (self.program.size,), "`y`", "unknowns")

    def initial_state(self, params: Mapping[str, Any] | None = None, time: float | None = None) -> np.ndarray:
        """The consistent state y (in SI) that a simulation begins with. Raises `ValueError` where there is none."""
        return initial_state(self, params, time)

    def start_report(
        self,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        time: float | None = None,
        initial: Any = None,
    ) -> Any:
        """Report on the start of a simulation: unknowns solved for, the method, start values that give way.

        A `stiffdsl.runtime.initialization.start_report.StartReport`, the same that `solution.start` is.
        """
        return start_report(self, params, inputs, time, initial)

    # --- solving ---

    def simulate(
        self,
        time: tuple[float, float] | None = None,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        rtol: float | None = None,
        atol: Any = None,
        method: str | None = None,
        saveat: Any = None,
        points: int | None = None,
        initial: Any = None,
        max_steps: int | None = None,
        first_step: float | None = None,
        max_step: float | None = None,
        progress: Callable[[str], None] | bool | None = None,
        outputs: Sequence[str] | None = None,
        linear: str | None = None,
        check: bool = False,
        include_quadratures: bool | None = None,
        tables: Mapping[str, Any] | None = None,
    ) -> Solution:
        """Solves the model over `time`; everything left out is what the `experiment` section says.

        The solution holds the times `saveat`, or `points` times over the interval (log-spaced where the experiment
        says `log`), or the solver's own steps. With `outputs` it holds these only, and what they do not depend
        on is not computed. `atol` is a number (in units of what is declared `nominal`), one for each of `self.states`
        (in SI), or tolerances by name in declared units. States that nothing reads and that follow smoothly from others
        stay outside of the error norm unless `include_quadratures` is true. `linear` names how linear systems are
        solved: dense, klu, krylov (for grids), static (for devices). With `check` the solution is held against the
        equations as they were written and its steps against another method (`solution.check`). A solve that fails is a
        solution with a status and a reason. `tables` are other figures for tables by name, as many as in the model:
        `{"ocv": (x, values)}`. Raises `KeyError` for a wrong name and `ValueError` for values that make no
        sense, or that lie outside of the declared `min` and `max`.
        """
        params = with_figures(self, params, tables)
        model = self._structured(params)
        options = run_options(
            model, rtol, atol, method, max_steps, first_step, max_step, linear, include_quadratures
        )
        return simulate(
            model, options, time, params, inputs, saveat, points, initial, progress, outputs, check
        )

    def solver(
        self,
        saveat: Any = None,
        outputs: Sequence[str] | None = None,
        *,
        time: tuple[float, float] | None = None,
        rtol: float | None = None,
        atol: Any = None,
        method: str | None = None,
        max_steps: int | None = None,
        first_step: float | None = None,
        max_step: float | None = None,
        linear: str | None = None,
        include_quadratures: bool | None = None,
        tables: Mapping[str, Any] | None = None,
    ) -> pure.PureSolve:
        """A pure function `solve(params=None, initial=None, inputs=None) -> (times, outputs)` in declared units.

        `saveat`, `time`, `rtol` and `atol` can also be given to it, traced and by lane; see `pure.PureSolve`. `jit`,
        `vmap`, `grad`, `jacfwd` and `hessian` work on it, by any parameter, initial value, input or time. Times that
        were not reached are NaN. `solve.full(...)` tells the status, too. Without `outputs`, all variables of
        `self.variables`; with them, states that they do not depend on are not solved for. `tables` are other figures
        for tables, as in `simulate`, in all calls that do not give them as parameters.
        """
        options = run_options(
            self, rtol, atol, method, max_steps, first_step, max_step, linear, include_quadratures
        )
        return pure.PureSolve(self, options, time, saveat, outputs, with_figures(self, None, tables))

    def ensemble(
        self,
        params: Mapping[str, Any] | None = None,
        saveat: Any = None,
        outputs: Sequence[str] | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        time: tuple[float, float] | None = None,
        rtol: float | None = None,
        atol: Any = None,
        method: str | None = None,
        max_steps: int | None = None,
        first_step: float | None = None,
        max_step: float | None = None,
        progress: Callable[[float], None] | bool | None = None,
        executor: Any = None,
        linear: str | None = None,
        include_quadratures: bool | None = None,
        tables: Mapping[str, Any] | None = None,
    ) -> Ensemble:
        """Solves once for each entry of the arrays in `params`, `initial` and `inputs`; numbers are the same for all.

        An input is what `simulate` takes for all lanes, a table `(times, values)` with values (lanes, times), or an
        array of constants, one for each lane.

        `tables` are as in `simulate`. Lanes step on their own and run on all cores; `progress` is told the fraction
        that is done, and Ctrl-C raises `InterruptedRuns`, which has an `ensemble` of those that were finished.
        `executor` sends them elsewhere: a pool of `concurrent.futures`, a Dask client, the module `ray` once it is
        initialised, or a list of JAX devices. Workers compile the model from its text. Inside `jit`, `grad` or `vmap`
        it is a part of the program, and differentiable as `vmap` of `solver`.
        """
        params = with_figures(self, params, tables)
        model = self._structured(params)
        options = run_options(
            model, rtol, atol, method, max_steps, first_step, max_step, linear, include_quadratures
        )

        def traced(outputs: Any, *given: Any) -> Ensemble:
            times = None if saveat is None else tuple(np.asarray(saveat).tolist())
            interval = None if time is None else (float(time[0]), float(time[1]))
            solve = pure.solve_of(model, options, interval, times, outputs)
            return pure.traced_ensemble(solve, *given)

        given = (time, saveat, outputs, params, initial, inputs, progress)

        def described(solved: Ensemble, own: Any = None) -> Ensemble:
            varied, units, docs = lanes_told(model, solved.outputs, params, initial, inputs)
            if own is not None:
                varied = {name: np.asarray(v)[own] for name, v in varied.items()}
            return solved.described(self.name, varied, units, docs)

        try:
            return described(ensemble(model, options, *given, executor=executor, traced=traced))
        except InterruptedRuns as stop:
            if stop.ensemble is not None:
                described(stop.ensemble, stop.lanes)
            raise

    def args(self, params: Mapping[str, Any] | None = None, inputs: Mapping[str, Any] | None = None) -> Args:
        """The arguments that the `System` of this model takes beside time and state."""
        return run_arguments(self, self.bindings.params(params), *self.bindings.driven(inputs))

    # --- stand-ins and files ---

    @cached_property
    def identity(self) -> str:
        """A digest of the compiled equations: equal for models that are the same."""
        from stiffdsl.runtime.export.python_module import identity

        return identity(self)

    def surrogate(
        self,
        vary: Mapping[str, Any] | None = None,
        method: "str | SurrogateMethod | Sequence[SurrogateMethod] | None" = None,
        samples: int | None = None,
        seed: int = 0,
        *,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        time: tuple[float, float] | None = None,
        times: Any = None,
        outputs: Sequence[str] | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        goal: float | None = None,
        budget: float | None = None,
        max_samples: int = 1024,
        held_out_samples: int | None = None,
        design: str = "sobol",
        resume: str | Path | None = None,
        progress: Callable[[str], None] | bool | None = None,
        part: str | None = None,
        distribution: str = "uniform",
        foreign: float | None = None,
        generator: Callable[..., Mapping[str, Any]] | None = None,
    ) -> Any:
        """Trains a stand-in over the ranges `vary` (by default, of every parameter that is declared with one).

        A name in `vary` is a parameter, a state (its start value varies), or an input: that varies over time, anywhere
        in a range `(low, high)`, or as a list of examples (functions of time, tables) does. Returns a
        `stiffdsl.surrogate.Surrogate`, which answers the calls of this model. `times` are the times it learns (200 over
        the experiment by default; with inputs over time about as many steps that data come in), `samples` the number of
        solves (64, or 512 with inputs over time).
        Examples of several inputs belong together, one by one (the sun and the temperature of a week); `foreign` is the
        greatest share of a drawn signal that is mixed into some of them in training (0.3; 0 for none). `generator`, a
        function of a NumPy random generator that returns a signal for each input by name, draws inputs instead. For
        `goal`, `budget`, `max_samples`, `held_out_samples`, `design` and `resume` see
        `stiffdsl.surrogate.learn.train.train`. Errors and coverage are stated for values drawn evenly over the ranges;
        with `distribution` "log", evenly in the logarithm of ranges that span more than ten times.

        With `part` (`"plant.chiller"`, `"rooms[3]"`) that component alone is replaced: returns a
        `stiffdsl.surrogate.part.part_surrogate.PartSurrogate`, whose `model` is this one with the surrogate at the
        connectors. With a `goal` it has as few states as meet that.
        """
        refuse_delays(self, "there is no surrogate of")
        from stiffdsl.surrogate.of_model.task import train_stand_in

        given = {
            "params": params,
            "inputs": inputs,
            "initial": initial,
            "time": time,
            "times": times,
            "outputs": outputs,
            "rtol": rtol,
            "atol": atol,
            "distribution": distribution,
            "foreign": foreign,
            "generator": generator,
        }
        training = {
            "method": method,
            "samples": None if samples is None else arguments.whole(samples, "`samples`", 0),
            "seed": arguments.whole(seed, "`seed`", 0),
            "goal": None if goal is None else arguments.number(goal, "`goal`"),
            "held_out_samples": (
                None
                if held_out_samples is None
                else arguments.whole(held_out_samples, "`held_out_samples`", 0)
            ),
            "design": design,
            "resume": resume,
        }
        tell = caller(progress, "`progress`")
        if part is None:
            limits = {
                "budget": None if budget is None else arguments.number(budget, "`budget`"),
                "max_samples": arguments.whole(max_samples, "`max_samples`", 1),
            }
            return train_stand_in(self, vary, given, tell, **training, **limits)
        if budget is not None:
            raise ValueError("`budget` is for surrogates of a whole model, not of a part")
        from stiffdsl.surrogate.part.train import train_part

        return train_part(self, part, vary, given, tell, **training)

    @cached_property
    def unreduced(self) -> "CompiledModel":
        """The model with the structure of other values of those parameters that decide it (`W0403`: time constants
        that are declared as zero, coils without leakage); itself where there are none. `simulate` and `ensemble` take
        it where such values are given."""
        general = self.program.general
        if general is None:
            return self
        return CompiledModel(general, self.seconds, self.origin, self.thresholds, reduced=self)

    def _structured(self, params: Mapping[str, Any] | None) -> "CompiledModel":
        """The model with the structure of a run's parameters."""
        return self.unreduced if self.bindings.changes_structure(params) else self

    def write(self, directory: str | Path) -> Path:
        """Writes the model as a readable Python module that needs no `.sml` file, into a folder or as `FILE.py`;
        returns its path."""
        from stiffdsl.runtime.export.python_module import write

        refuse_delays(self, "there is no written module of")
        return write(self, directory)

    # --- copies ---

    def __reduce__(self) -> Any:
        """A model travels as what it was compiled from, and is compiled where it arrives."""
        if self.origin is None:
            raise TypeError(f"`{self.name}` was not compiled from a text, so that it cannot be pickled")
        if self.whole is not None:
            return _part, self.whole
        if self.reduced is not None:
            return _unreduced, (self.reduced,)
        return executors.compiled, (self.origin,)

    def __copy__(self) -> "CompiledModel":
        return self

    def __deepcopy__(self, memo: Any) -> "CompiledModel":
        """Itself: nothing that can be asked of a model changes it."""
        del memo
        return self

    def _repr_html_(self) -> str:
        """The model for a notebook: its size, and the table of its parameters."""
        return f"<p>{escape(repr(self))}</p>{self.parameters._repr_html_()}"

    def __repr__(self) -> str:
        return f"<CompiledModel {self.name}: {len(self.program.system.states)} states, {self.program.size} unknowns>"


def _vector(value: Any, shape: tuple[int, ...], name: str, what: str) -> Any:
    """An array of JAX of this shape. Raises `ValueError`: positions in it are not checked when a function runs."""
    traced = any(isinstance(part, jax.Array) for part in jax.tree.leaves(value))
    array = jnp.asarray(value if traced else arguments.numbers(value, name), dtype=float)
    if array.shape != shape:
        size = shape[0] if shape else 1
        raise ValueError(
            f"{name} takes {size} numbers ({what} of the model), not an array of shape {array.shape}"
        )
    return array


def _part(whole: CompiledProgram, outputs: tuple[str, ...]) -> CompiledProgram:
    return output_slice(whole, outputs).model


def _unreduced(model: CompiledModel) -> CompiledModel:
    return model.unreduced
