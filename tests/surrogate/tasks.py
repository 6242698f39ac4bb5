"""Models with solutions in closed form, as tasks: no compiler and no solver is needed to test a surrogate."""

from collections.abc import Callable

import numpy as np

from stiffdsl.solve.integrate.ensemble import Ensemble
from stiffdsl.surrogate.core.task import Parameter, Task


def task(
    names: dict[str, tuple[float, float, float]],
    outputs: tuple[str, ...],
    times: np.ndarray,
    solution: Callable[..., list[np.ndarray]],
    log_time: bool = False,
    fails: Callable[[np.ndarray], bool] = lambda values: False,
    **more,
) -> Task:
    """`names` gives (low, high, default); `solution(t, *values)` one array for each output."""

    def one(values: np.ndarray) -> np.ndarray:
        return np.stack(np.broadcast_arrays(*solution(times, *values)), axis=1)

    def many(values: np.ndarray, progress: Callable[[float], None]):
        progress(1.0)
        bad = [fails(v) for v in values]
        reasons = ["the step size shrank to nothing" if b else None for b in bad]
        return np.array([one(v) for v in values]), ~np.array(bad), reasons

    parameters = tuple(Parameter(n, low, high, at, "1/s") for n, (low, high, at) in names.items())
    units = ("mol",) * len(outputs)
    return Task("Closed", parameters, outputs, units, times, log_time, many, one, **more)


def chain(fails=lambda values: False, **more) -> Task:
    """A -> B -> C with rates a thousand times apart, over eight decades of time: B spans decades, A falls to zero."""

    def solution(t, slow, fast):
        a = np.exp(-slow * t)
        b = slow / (fast - slow) * (np.exp(-slow * t) - np.exp(-fast * t))
        return [a, b, -np.expm1(-slow * t) - b + 1e-12 * t]

    times = np.concatenate([[0.0], np.geomspace(1e-6, 10.0, 80)])
    names = {"slow": (0.05, 0.15, 0.1), "fast": (500.0, 1500.0, 1000.0)}
    return task(names, ("A", "B", "C"), times, solution, True, fails, **more)


def moving(**more) -> Task:
    """A start that depends on the parameter, in log time."""
    times = np.concatenate([[0.0], np.geomspace(1e-3, 10.0, 40)])
    names = {"a": (1.0, 2.0, 1.5)}
    return task(names, ("x", "y"), times, lambda t, a: [a * np.exp(-t), a**2 + t], True, **more)


def mixed(**more) -> Task:
    """Linear time and every kind of output: oscillating, constant, zero, offset, and one that spans decades."""

    def solution(t, w, d):
        return [
            np.exp(-d * t) * np.cos(w * t),
            np.full_like(t, 7.0),
            np.zeros_like(t),
            293.15 + w * t,
            np.exp(-10 * d * t),
            np.sinh(20 * (t - 0.5) * d) * w,
        ]

    outputs = ("x", "constant", "zero", "T", "small", "wide")
    names = {"w": (3.0, 5.0, 4.0), "d": (0.5, 1.0, 0.7)}
    return task(names, outputs, np.linspace(0.0, 1.0, 60), solution, **more)


def six(**more) -> Task:
    """Six parameters, one output that mixes them all and one array."""

    def solution(t, a, b, c, d, e, f):
        first = a * np.exp(-b * t) + c * np.exp(-d * t) + 0.1 * e * f
        return [first, e * np.sin(f * t) + 3, first**2]

    names = {f"k[{i}]": (0.5, 1.5, 1.0) for i in range(1, 7)}
    outputs = ("s", "v[1]", "v[2]")
    return task(names, outputs, np.linspace(0.0, 2.0, 50), solution, **more)


def front(fine: bool = True, **more) -> Task:
    """A front that comes at times four times apart, is steeper than the times are close, and changes its height."""

    def solution(t, when, height):
        return [
            height * (0.05 + 1 / (1 + np.exp(-np.clip(2000 * (t - when), -40, 40)))),
            1 + 0.5 * height * t,
        ]

    times = np.linspace(0.0, 1.0, 60)
    if fine:
        more["dense"] = lambda values: lambda t: np.stack(solution(t, *values), axis=1)
    names = {"when": (0.2, 0.8, 0.5), "height": (1.0, 2.0, 1.5)}
    return task(names, ("x", "y"), times, solution, **more)


def decay(**more) -> Task:
    """One parameter."""
    names = {"k": (1.0, 3.0, 2.0)}
    return task(names, ("x",), np.linspace(0.0, 1.0, 40), lambda t, k: [np.exp(-k * t)], **more)


class Full:
    """The model behind `mixed`, as far as a surrogate asks it."""

    def simulate(self, time=None, params=None, *, saveat=None, **options) -> str:
        return f"solved for w = {params['w']}"

    def ensemble(self, params, saveat, outputs, **options) -> Ensemble:
        shape = (len(params["w"]), len(saveat), len(outputs))
        return Ensemble(saveat, outputs, np.full(shape, 42.0), np.zeros(shape[0], dtype=int), {})
