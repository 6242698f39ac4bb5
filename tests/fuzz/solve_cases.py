"""Solutions of random models against SciPy's of their own meaning; lanes, both tiers, gradients."""

import itertools
from random import Random
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from .model_cases import compiled, numbers
from .outcome import Mismatch, Skipped
from .own import Own
from .random_model import RandomModel, random_model

END = 1.0
# Times at which the conditions of `expressions.condition` change.
BREAKS = (0.0, 0.3, 0.55, END)
ALLOWED = 1e-4
# Evaluations that the reference may take; no case of 100 that SciPy solved took as many.
EVALUATIONS = 3_000


def solves(rng: Random, keep: dict[str, Any]) -> None:
    """The kernel's solution."""
    made, own, model = prepared(rng, keep)
    method = rng.choice(("auto", "auto", "rodas5p"))
    against_scipy(made, own, model, keep, method=method)


def portable(rng: Random, keep: dict[str, Any]) -> None:
    """The solution by a method of the portable tier."""
    made, own, model = prepared(rng, keep)
    method = rng.choice(("fbdf", "kvaerno5", "radau5", "rodas4pw", "tsit5", "switching"))
    if method in ("tsit5", "switching") and not np.all(model.mass):
        method = "fbdf"  # explicit methods have nothing to solve algebraic equations by
    against_scipy(made, own, model, keep, method=method)


def lanes(rng: Random, keep: dict[str, Any]) -> None:
    """An ensemble against single solves, and the gradient against differences."""
    made, own, model = prepared(rng, keep)
    with np.errstate(all="ignore"):
        solved(own)  # a model without a solution up to the end is left out
    names = [row.name for row in made.parameters if row.own and not row.unit[0]]
    name = rng.choice(names)
    value = float(model.parameters[name].value)
    values = value * np.array([0.9, 1.0, 1.1])
    outputs = [row.name for row in made.variables if row.state][:2]
    options = {"rtol": 1e-8, "atol": 1e-10, "time": (0.0, END)}
    single = [simulated(model, {name: v}, options, outputs) for v in values]
    together = model.ensemble({name: values}, saveat=[END], outputs=outputs, **options)
    found = np.asarray(together.values)[:, -1]
    differ("ensemble", outputs, np.array(single), found, 1e-6)
    if rng.random() < 0.5:
        gradients(model, name, value, outputs, options)


def gradients(model: Any, name: str, value: float, outputs: list[str], options: dict[str, Any]) -> None:
    import jax

    solve = model.solver(saveat=[END], outputs=outputs, **options)
    step = 1e-4 * (abs(value) or 1.0)
    ends = [simulated(model, {name: value + s * step}, options, outputs) for s in (-2, -1, 1, 2)]
    # Pair by pair: of a parameter that does nothing the difference is zero, however large the solution.
    expected = (ends[0] - ends[3] + 8 * (ends[2] - ends[1])) / (12 * step)
    found = np.asarray(jax.jacrev(lambda k: solve({name: k})[-1])(value))
    forward = np.asarray(jax.jacfwd(lambda k: solve({name: k})[-1])(value))
    differ("gradient in reverse", outputs, expected, found, 2e-3)
    differ("gradient forward", outputs, forward, found, 1e-6)


def simulated(
    model: Any, params: dict[str, float], options: dict[str, Any], outputs: list[str]
) -> np.ndarray:
    solution = model.simulate(params=params, saveat=[END], **options)
    if not solution.success:
        raise Mismatch("a solve that failed", solution.reason)
    return np.array([solution[name][-1] for name in outputs])


def differ(what: str, names: list[str], expected: np.ndarray, found: np.ndarray, allowed: float) -> None:
    off = ~(np.abs(expected - found) <= allowed * (1 + np.abs(expected)))
    if off.any():
        raise Mismatch(what, f"{found.tolist()}, expected {expected.tolist()} of {names}")


def prepared(rng: Random, keep: dict[str, Any]) -> tuple[RandomModel, Own, Any]:
    made = random_model(rng, rng.randint(1, 3), smooth=True)
    keep["text"], keep["features"] = made.text, made.features
    return made, Own(made), compiled(made)


def against_scipy(made: RandomModel, own: Own, model: Any, keep: dict[str, Any], method: str) -> None:
    with np.errstate(all="ignore"):
        expected = solved(own)
    keep["text"] = f"# simulate(time=(0, {END:g}), method={method!r}, rtol=1e-7, atol=1e-9)\n{made.text}"
    options = {"time": (0.0, END), "method": method, "rtol": 1e-7, "atol": 1e-9}
    solution = model.simulate(**options, saveat=list(BREAKS), check=True)
    if not solution.success:
        raise Mismatch("a solve that failed", solution.reason)
    names = [row.name for row in made.variables]
    every = np.asarray(model.evaluator("variables", solution.t, solution.y, *given(model)))
    found = every[:, numbers(model.variable_names, names)]
    size = np.array([row.unit[1] for row in made.variables])
    off = ~(np.abs(found - expected) <= ALLOWED * (size + np.abs(expected)))
    if off[:, own.states].any():
        k, j = np.argwhere(off)[0]
        told = f"{names[j]} at {BREAKS[k]}: {found[k, j]!r}, expected {expected[k, j]!r} ({method})"
        raise Mismatch("a solution", told)
    if solution.check.verdict == "failed":
        raise Mismatch("the check of a right solution", str(solution.check))


def given(model: Any) -> tuple[Any, Any]:
    args = model.args()
    return np.asarray(args.p), args.inputs


def solved(own: Own) -> np.ndarray:
    """All variables at `BREAKS`, by SciPy at tight tolerance between them."""
    p = own.parameters()
    u = own.inputs(p)
    x = own.starts(p)[own.states]
    rows = [everything(own, 0.0, x, p, u)]
    memory = [np.full(len(own.model.variables), 0.1)]
    evaluations = itertools.count()

    def f(t, x):
        if next(evaluations) >= EVALUATIONS:
            raise Skipped("SciPy needs too many evaluations")
        memory[0], solved = newton(own, t, x, memory[0], p, u)
        if not solved:
            raise Skipped("equations that cannot be solved")
        return memory[0][: len(own.states)]

    for low, high in itertools.pairwise(BREAKS):
        span = np.nextafter(low, high), np.nextafter(high, low)
        found = solve_ivp(f, span, x, "LSODA", rtol=1e-9, atol=1e-11 * scale(own))
        if not found.success or not np.isfinite(found.y[:, -1]).all() or np.abs(found.y[:, -1]).max() > 1e6:
            raise Skipped("SciPy has no solution")
        x = found.y[:, -1]
        rows.append(everything(own, high, x, p, u))
    return np.array(rows)


def scale(own: Own) -> np.ndarray:
    return np.array([own.model.variables[k].unit[1] for k in own.states])


def everything(own: Own, t: float, x: np.ndarray, p, u) -> np.ndarray:
    found = own.points(np.array([t]), x[None], p, u)
    if not found.good[0]:
        raise Skipped("equations that cannot be solved")
    return found.v[0]


def newton(own: Own, t: float, x: np.ndarray, w: np.ndarray, p, u) -> tuple[np.ndarray, bool]:
    """The unknowns at one state, from values near them."""
    for _ in range(20):
        values, slopes, _ = own.linearized(np.array([t]), x[None], w[None], p, u, False)
        if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
            return w, False
        try:
            step = np.linalg.solve(slopes[0], -values[0])
        except np.linalg.LinAlgError:
            return w, False
        w = w + step
        if (np.abs(step) <= 1e-10 * (1 + np.abs(w))).all():
            return w, True
    return w, False
