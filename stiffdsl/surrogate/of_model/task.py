"""A model as the task of a surrogate: what varies, what is learnt, and how the full model is solved for it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from stiffdsl.check.quantities.conversion import quantity
from stiffdsl.runtime import tier
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.runtime.export.python_module import identity
from stiffdsl.runtime.names import scalars_of
from stiffdsl.runtime.run.arguments import run_arguments
from stiffdsl.runtime.run.options import run_options
from stiffdsl.runtime.run.times import POINTS, interval, save_times, spread
from stiffdsl.surrogate.core.between import REFINED, refined
from stiffdsl.surrogate.core.signals import at_knots
from stiffdsl.surrogate.core.task import FOREIGN, Drive, Parameter, Task
from stiffdsl.surrogate.of_model.continuous import continuous
from stiffdsl.surrogate.of_model.equations import equations
from stiffdsl.surrogate.of_model.relations import relations
from stiffdsl.surrogate.of_model.solves import TaskSolves

# Up to this many variables all are learnt; of a larger model its outputs, states and what the main model declares.
ALL_VARIABLES = 200


# An input that varies over time is known at the times that are learnt, so many at least.
LEAST_KNOTS = 25
# Steps of clocks and calendars, in seconds.
_CLOCK_STEPS = 60.0 * np.array(
    [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 7200, 10080]
)
# Draws of a user's generator that its range is taken from.
DRAWS = 256


def train_stand_in(
    model: CompiledProgram,
    vary: Mapping[str, Any] | None,
    given: Mapping[str, Any],
    progress: Callable[[str], None] | None,
    **training: Any,
) -> Any:
    """See `CompiledModel.surrogate`; `given` are the arguments of `task_of`, `training` those of `train`."""
    from stiffdsl.surrogate.learn.train import train

    task = task_of(model, vary, **given)
    return train(task, **training) if progress is None else train(task, lines=progress, **training)


def task_of(
    model: CompiledProgram,
    vary: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    time: Any = None,
    times: Any = None,
    outputs: Sequence[str] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    distribution: str = "uniform",
    foreign: float | None = None,
    generator: Callable[[np.random.Generator], Mapping[str, Any]] | None = None,
) -> Task:
    """The training task of a surrogate of `model`. Raises `ValueError` where there is nothing to vary."""
    # What is learnt should be the model and not the errors of its solver.
    fine = run_options(model, rtol, atol)
    if rtol is None:
        least = float(np.min(fine.atol)) * 1e-2
        fine = run_options(model, fine.rtol * 1e-2, least if atol is None else atol)
    fixed = _fixed(model, params, initial, inputs)
    start, end = interval(model, time, times)
    fixed["inputs"] = {**model.bindings.of_files(fixed["inputs"], vary, (start, end)), **fixed["inputs"]}
    driven = generator is not None or any(name in model.input_names for name in vary or ())
    learnt = save_times(times)
    if learnt is None:
        learnt = _learnt(model, start, end, driven)
    elif driven and learnt[0] > start:
        learnt = np.append(start, learnt)
    pieces = REFINED if driven else 1
    knots = refined(learnt, pieces)
    foreign = FOREIGN if foreign is None else foreign
    if not 0 <= foreign <= 1:
        raise ValueError(f"`foreign` is a share from 0 to 1, not {foreign:g}")
    if generator is not None:
        vary = {**(declared_ranges(model) if vary is None else vary), **_generated(generator, knots)}
    if driven and len(learnt) < LEAST_KNOTS:
        raise ValueError(f"an input that varies over time needs more `times` than {len(learnt)}")
    parameters, drives, examples = varied(model, vary, fixed, knots)
    names = tuple(outputs) if outputs is not None else default_outputs(model)
    labels, numbers = scalars_of(model.variable_names, names)
    declared = model.declarations(numbers)
    usual = run_options(model, rtol, atol)
    solves = TaskSolves(model, parameters, drives, fixed, (start, end), learnt, labels, usual, fine)
    return Task(
        name=model.name,
        parameters=parameters,
        outputs=labels,
        units=tuple(b.unit for b in declared),
        times=learnt,
        log_time=bool(model.experiment.get("log")) and times is None,
        solve_many=solves.many,
        solve_one=solves.one,
        solve_batch=solves.batch,
        dense=lambda values: continuous(model, fine, (start, end), labels, *solves.alone(values)),
        full=model,
        start=start,
        fixed={k: float(v) for k, v in fixed["params"].items() if np.ndim(v) == 0},
        given=fixed,
        identity=identity(model),
        headline=headline(model, labels, numbers),
        distribution=distribution,
        drives=drives,
        pieces=pieces,
        examples=examples,
        foreign=foreign,
        generator=None if generator is None else lambda rng: _at_knots(generator, rng, knots),
        relations=lambda: relations(model, numbers, start, solves.alone),
        equations=lambda: equations(model, numbers, parameters, drives, fixed, solves.states),
        physical=tuple(b.shift == 0 for b in declared),
        fingerprint=lambda: fingerprint(
            model, fixed, learnt, (fine.rtol, fine.atol, tier.chosen(model, fine))
        ),
    )


def _learnt(model: CompiledProgram, start: float, end: float, driven: bool) -> np.ndarray:
    """The times that are learnt where none are given: as many as the experiment saves.

    With inputs over time, where the model does not say how many, they are a step apart that data come in: weather by
    the hour then has its knots where the surrogate has its own.
    """
    if driven and "points" not in model.experiment and not model.experiment.get("log"):
        step = _step_of_data(end - start)
        if step is not None:
            return start + step * np.arange(round((end - start) / step) + 1)
    return spread(model, start, end, int(model.experiment.get("points", POINTS)))


def _step_of_data(span: float) -> float | None:
    """The step that people record at and that `span` holds about as many times of as are saved; None for none near."""
    decades = 10.0 ** np.arange(np.floor(np.log10(span)) - 4, np.floor(np.log10(span)) + 1)
    steps = np.concatenate([np.outer(decades, (1, 2, 5)).ravel(), _CLOCK_STEPS])
    count = span / steps
    whole = np.abs(count - np.round(count)) < 1e-9 * count
    off = np.where(whole, np.abs(np.log(count / (POINTS - 1))), np.inf)
    return float(steps[np.argmin(off)]) if off.min() <= np.log(2) else None


def _fixed(
    model: CompiledProgram,
    params: Mapping[str, Any] | None,
    initial: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
) -> dict[str, dict[str, Any]]:
    """Given values that do not vary, texts as numbers in declared units. Raises `KeyError` and `ValueError`."""
    tables = {
        "params": (params, model.parameter_names),
        "initial": (initial, model.variable_names),
        "inputs": (inputs, model.input_names),
    }
    return {
        kind: {
            name: quantity(name, value, names.find(name).block.unit) if isinstance(value, str) else value
            for name, value in (given or {}).items()
        }
        for kind, (given, names) in tables.items()
    }


def _at_knots(
    generator: Callable[[np.random.Generator], Mapping[str, Any]], rng: np.random.Generator, times: np.ndarray
) -> dict[str, np.ndarray]:
    """One draw of a user's generator: each input at the times that are learnt. Raises `ValueError`."""
    made = generator(rng)
    if not isinstance(made, Mapping) or not made:
        raise ValueError("a generator returns a signal for each input, by name: {'u': (times, values)}")
    return {name: np.asarray(at_knots(signal, times, name), dtype=float) for name, signal in made.items()}


def _generated(
    generator: Callable[[np.random.Generator], Mapping[str, Any]], times: np.ndarray
) -> dict[str, tuple[float, float]]:
    """The inputs that a generator draws, and how far they go in a number of draws."""
    draws = [_at_knots(generator, np.random.default_rng([0, k]), times) for k in range(DRAWS)]
    ranges = {}
    for name in draws[0]:
        low, high = min(d[name].min() for d in draws), max(d[name].max() for d in draws)
        if not low < high:
            raise ValueError(f"the generator draws one constant for the input `{name}`; give it in `inputs`")
        ranges[name] = float(low), float(high)
    return ranges


def headline(model: CompiledProgram, labels: tuple[str, ...], numbers: np.ndarray) -> tuple[str, ...]:
    """The outputs that the model declares as such, else the first of each set of aliases."""
    kinds = [block.kind for block in model.declarations(numbers)]
    declared = tuple(label for label, kind in zip(labels, kinds, strict=True) if kind == "output")
    if declared:
        return declared
    first = np.unique(model.program.system.flat.alias[numbers], return_index=True)[1]
    return tuple(labels[k] for k in sorted(first))


def fingerprint(
    model: CompiledProgram, fixed: Mapping[str, Mapping[str, Any]], times: np.ndarray, how: tuple[Any, ...]
) -> str:
    """Digest of all that a solve depends on beside varied values: compiled model, fixed values, and `how`."""
    from stiffdsl.runtime.export.python_module import source

    digest = hashlib.sha256(source(model).encode())
    args = run_arguments(
        model, model.bindings.params(fixed["params"]), *model.bindings.driven(fixed["inputs"])
    )
    begin = model.bindings.initial(fixed["initial"] or None)
    for array in (args.p, args.inputs.table(times), begin.values, begin.mask):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(repr(how).encode())
    return digest.hexdigest()


def varied(
    model: CompiledProgram,
    vary: Mapping[str, Any] | None,
    fixed: dict[str, dict[str, Any]],
    times: np.ndarray,
) -> tuple[tuple[Parameter, ...], tuple[Drive, ...], dict[str, np.ndarray]]:
    """Varied quantities: scalars (an array name means all its elements), inputs over time, and their examples.

    A name is a parameter, an input, or a state, whose start value varies. Raises `ValueError` and `KeyError`.
    """
    if vary is None:
        vary = {
            name: bounds for name, bounds in declared_ranges(model).items() if name not in fixed["params"]
        }
        if not vary:
            raise ValueError(
                "there is nothing to vary: no parameter of the model has a range; "
                "give vary={'k1': (0.02, 0.06)}, or write `param k1 = 0.04 in 0.02..0.06` in the model"
            )
    parameters: list[Parameter] = []
    drives: list[Drive] = []
    examples: dict[str, np.ndarray] = {}
    for name, what in vary.items():
        if name in model.input_names:
            drive, known = _drive(model, name, what, fixed["inputs"], times)
            drives.append(drive)
            if known is not None:
                examples[name] = known
        elif name in model.variable_names and name not in model.parameter_names:
            parameters += _starts(
                model, name, _bounds(name, what, model.variable_names.find(name).block.unit)
            )
        else:
            unit = model.parameter_names.find(name).block.unit
            parameters += _scalars(model, name, _bounds(name, what, unit), fixed["params"])
    both = [p.name for p in parameters if p.kind == "start" and p.name in fixed["initial"]]
    if both:
        raise ValueError(f"the start value of `{both[0]}` is given, and it varies: only one can be")
    return tuple(parameters), tuple(drives), examples


def _bounds(name: str, what: Any, unit: str | None) -> tuple[float, float]:
    """A pair of numbers, or of texts in units that fit."""
    if isinstance(what, tuple | list) and any(isinstance(b, str) for b in what):
        what = [quantity(name, b, unit) if isinstance(b, str) else b for b in what]
    try:
        low, high = (float(b) for b in what)
    except (TypeError, ValueError):
        raise ValueError(f"the range of `{name}` is a pair (low, high), not {what!r}") from None
    return low, high


def _scalars(
    model: CompiledProgram, name: str, bounds: tuple[float, float], given: Mapping[str, Any]
) -> list[Parameter]:
    found = []
    for label in scalars_of(model.parameter_names, (name,))[0]:
        row = model.parameters[label]
        assert row.value is not None, "every parameter has a value"
        default = float(given.get(label, row.value))
        found.append(Parameter(label, *bounds, default, row.unit))
    return found


def _starts(model: CompiledProgram, name: str, bounds: tuple[float, float]) -> list[Parameter]:
    """Start values of states. Raises `ValueError` for what is computed, or determined by `initial` equations."""
    low, high = bounds
    labels, numbers = scalars_of(model.variable_names, (name,))
    model.bindings.initial(dict.fromkeys(labels, 0.5 * (low + high)))
    found = []
    for label, declared in zip(labels, model.declarations(numbers), strict=True):
        row = model.variables[label]
        default = row.value if row.value is not None else 0.5 * (low + high)
        found.append(Parameter(label, low, high, default, declared.unit, "start"))
    return found


def _drive(
    model: CompiledProgram, name: str, what: Any, given: Mapping[str, Any], times: np.ndarray
) -> tuple[Drive, np.ndarray | None]:
    """An input that varies over time in a range, or as examples (functions or tables) do."""
    if name in given:
        raise ValueError(f"the input `{name}` is given, and it varies: only one can be")
    block = model.input_names.find(name).block
    rows = [row for row in model.inputs if row.name == name or row.name.startswith(name + "[")]
    known = None
    if isinstance(what, Sequence) and len(what) and all(np.ndim(w) == 0 and not callable(w) for w in what):
        low, high = _bounds(name, what, block.unit)
    elif isinstance(what, Sequence) and len(what):
        known = np.array([at_knots(w, times, name) for w in what], dtype=float)
        low, high = float(known.min()), float(known.max())
        if not low < high:
            raise ValueError(
                f"the examples of the input `{name}` are all one constant; give them, or a range"
            )
    else:
        raise ValueError(
            f"the input `{name}` varies in a range (low, high), or as in a list of functions of time and tables "
            f"(times, values), not {what!r}"
        )
    default = rows[0].value if rows and rows[0].value is not None else 0.5 * (low + high)
    return Drive(name, low, high, float(default), block.unit), known


def declared_ranges(model: CompiledProgram) -> dict[str, tuple[float, float]]:
    """See `CompiledModel.ranges`."""
    flat = model.program.system.flat
    computed = [d.targets for d in flat.parameter_values if "param" in d.value.kinds]
    numbers = np.concatenate([np.zeros(0, dtype=np.int64), *computed])
    # Figures of tables come last, and are no rows of `parameters`.
    follows = np.isin(model.parameter_names.numbers(), numbers)[: len(model.parameters)]
    return {
        row.name: row.range
        for row, follows_others in zip(model.parameters, follows, strict=True)
        if row.range is not None and not follows_others
    }


def default_outputs(model: CompiledProgram) -> tuple[str, ...] | None:
    blocks = model.variable_names.blocks
    if sum(b.size for b in blocks) <= ALL_VARIABLES:
        return None
    states = {row.name for row in model.states}
    chosen = []
    for b in blocks:
        if b.kind == "output" or (len(b.path) == 1 and b.kind == "var"):
            chosen.append(b.name)
        elif b.kind == "var":
            chosen += [n for n in (b.scalar_name(k) for k in range(b.size)) if n in states]
    return tuple(dict.fromkeys(chosen))
