"""`model.surrogate(part=...)`: cut the part out, run whole and part, fit, put the surrogate in, and compare."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.runtime.compiled import CompiledProgram
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.learn.gather import Data
from stiffdsl.surrogate.learn.progress import silent, telling
from stiffdsl.surrogate.learn.sample_store import remembered
from stiffdsl.surrogate.part.cutting.cut import Cut, cuts_of
from stiffdsl.surrogate.part.cutting.place import find
from stiffdsl.surrogate.part.cutting.separate import Moved, by_itself
from stiffdsl.surrogate.part.fit import LEFT, Candidate
from stiffdsl.surrogate.part.methods import METHODS
from stiffdsl.surrogate.part.part_surrogate import PartSurrogate
from stiffdsl.surrogate.part.runs import Runs, solved, task_with
from stiffdsl.surrogate.part.whole import replaced, speed

# Runs of the whole to learn from.
SAMPLES = 48
# An error below this (root mean square, of half the range) is good enough to stop.
_ENOUGH = 2e-3
# A reservoir has to err so much less, since it has many more states.
# The bound of what is left out counts signals that never come: it begins at so many times the goal, and is divided.
_FIRST, _DIVIDED = 100.0, 4.0
# The error of the part alone (root mean square), as a share of the goal, at which nothing richer is tried.
_ENOUGH_SHARE = 0.2
# The 95th percentile of errors in the loop below which no other surrogate is tried.
_GOOD = 0.01


def train_part(
    model: CompiledProgram,
    part: str,
    vary: Mapping[str, Any] | None,
    given: Mapping[str, Any],
    progress: Callable[[str], None] | None,
    *,
    method: str | None,
    samples: int | None,
    seed: int,
    held_out_samples: int | None,
    design: str,
    resume: str | Path | None,
    goal: float | None = None,
) -> PartSurrogate:
    """See `CompiledModel.surrogate`; `given` are the arguments of `task_of`.

    With a `goal`, a worst relative error of the whole, the part gets as few states as meet it.
    """
    if goal is not None and not goal > 0:
        raise ValueError(f"the goal is a relative error above zero, not {goal:g}")
    if samples is not None and samples < 1:
        raise ValueError(f"a surrogate of a part needs at least one sample, not {samples}")
    method = method or "auto"
    if method not in ("auto", *METHODS):
        hint = did_you_mean(method, ("auto", *METHODS)) or f"there are auto, {', '.join(METHODS)}"
        raise ValueError(f"a part cannot have a surrogate by the method `{method}`; {hint}")
    if model.origin is None:
        raise ValueError("a part can be replaced in a model that was compiled from its text only")
    if model.origin.tables:
        names = ", ".join(f"`{name}`" for name in model.origin.tables)
        raise ValueError(
            f"the text of a part's surrogate would not hold the figures of {names} that `load` was given: write them "
            "into the model, or into a file"
        )

    tell = silent if progress is None else progress
    model, part, moved = by_itself(model, part)
    if moved is not None:
        vary, given = _moved(moved, vary), {k: _moved(moved, v) for k, v in given.items()}
    assert model.origin is not None
    place = find(model.origin(stop_after="check"), part)
    part = place.name
    wanted = tuple(given["outputs"] or ())
    kept = [n[len(part) + 1 :].partition("[")[0] for n in wanted if n.startswith(part + ".")]
    cuts = cuts_of(model, place, kept, given["params"] or {})
    tell(f"replacing `{part}`")
    task = task_with(model, place.name, (*cuts[0].signals, *cuts[0].outputs), vary, given)
    data = solved(
        telling(remembered(task, resume), tell),
        SAMPLES if samples is None else samples,
        held_out_samples,
        seed,
        design,
        lambda share: None,
    )
    tell(f"fitting surrogates of `{part}` to {len(data.training):,} runs")
    methods = tuple(METHODS) if method == "auto" else (method,)
    runs, fits = _best_cut(model, task, cuts, data, given, methods, seed)
    if not fits:
        raise ValueError(
            f"no surrogate of `{part}` by the method {' or '.join(methods)} follows its runs; "
            "a smaller range, or shorter signals, may help"
        )
    tell(f"putting surrogates of `{part}` into the whole")
    best: PartSurrogate | None = None
    for fit in (*_smaller(runs, goal, methods, seed), *fits):
        made = replaced(model, task, runs, data, fit, fits, seed)
        if goal is not None:
            made.validation["goal"] = {"worst": goal, "met": made.validation["worst"] <= goal}
            if made.validation["goal"]["met"]:
                best = made
                break
        if best is None or made.validation["p95"] < best.validation["p95"]:
            best = made
        # One that is right alone may be wrong in the loop: then the next one is tried.
        if goal is None and made.validation["p95"] < _GOOD:
            break
    assert best is not None
    if not np.isfinite(best.validation["p95"]):
        raise ValueError(
            f"with a surrogate of `{part}` the whole cannot be solved: more than 5 % of the runs end early; "
            "a smaller range, or another method, may help"
        )
    tell("measuring errors and speed")
    best.speed = speed(model, best, task, given, data)
    return best


def _smaller(runs: Runs, goal: float | None, methods: tuple[str, ...], seed: int) -> Iterator[Candidate]:
    """Reduced models of more and more states, from those that may do for the goal."""
    if goal is None or "balanced" not in methods:
        return
    size, left = 0, _FIRST * goal
    while left > LEFT:
        for fit in runs.fitted(("balanced",), seed, left, _ENOUGH_SHARE * goal):
            if fit.system.dynamics.size > size:
                size = fit.system.dynamics.size
                yield fit
        left /= _DIVIDED


def _moved(moved: Moved, given: Any) -> Any:
    """Names in keys, or in a list of outputs, as they are now."""
    if isinstance(given, Mapping):
        return {moved(k): v for k, v in given.items()}
    if isinstance(given, Sequence) and all(isinstance(n, str) for n in given) and not isinstance(given, str):
        return tuple(moved(n) for n in given)
    return given


def _best_cut(
    model: CompiledProgram,
    task: Task,
    cuts: Sequence[Cut],
    data: Data,
    given: Mapping[str, Any],
    methods: tuple[str, ...],
    seed: int,
) -> tuple["Runs", list[Candidate]]:
    """The direction of the cut in which the part is learnt best, with the surrogates that were fitted there.

    A battery answers to a current by states that are nearly linear; to a voltage it does not. Directions are compared
    by the first method, which takes seconds; the others are tried where that leaves more than is worth it.
    """
    found: list[tuple[float, Runs, list[Candidate]]] = []
    failure: ValueError | None = None
    for direction in cuts:
        runs = Runs(model, task, direction, data, given)
        try:
            runs.learn(seed)
        except ValueError as error:
            failure = failure or error
            continue
        fits = runs.fitted(methods[:1], seed)
        found.append((fits[0].error if fits else np.inf, runs, fits))
        if found[-1][0] < _ENOUGH:
            break
    if not found:
        assert failure is not None
        raise failure
    error, runs, fits = min(found, key=lambda f: f[0])
    if error > _ENOUGH and len(methods) > 1:
        fits = sorted(fits + runs.fitted(methods[1:], seed), key=lambda f: f.error * METHODS[f.method].cost)
    return runs, fits
