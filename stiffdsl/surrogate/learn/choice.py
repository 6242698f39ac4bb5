"""The choice of methods for a task: those that fit it, and whether one that is asked for does."""

from collections.abc import Sequence

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.surrogate.core.method import SurrogateMethod
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.learn import gather
from stiffdsl.surrogate.methods import registry

AUTO = "auto"
DESIGNS = ("sobol", "lhs")


def available(task: Task) -> tuple[str, ...]:
    """The methods that fit the task, in the order that `auto` tries them."""
    return tuple(m.name for m in registry.candidates(task) if m.misfit(task) is None)


def methods_of(
    task: Task, asked: str | SurrogateMethod | Sequence[SurrogateMethod]
) -> tuple[SurrogateMethod, ...]:
    """The methods to compare: one by name, or all that fit for `auto`; or records of methods as they are given, with
    settings of their own. Raises `ValueError` for one that there is not, or that does not fit."""
    if asked == AUTO:
        return tuple(registry.method_of(task, name) for name in available(task))
    if isinstance(asked, str):
        _verify_method(task, asked)
        return (registry.method_of(task, asked),)
    given = tuple(asked) if isinstance(asked, Sequence) else (asked,)
    for method in given:
        misfit = method.misfit(task)
        if misfit is not None:
            raise ValueError(f"the method `{method.name}` {misfit}")
    if len({method.name for method in given}) < len(given):
        raise ValueError("methods that are compared need names of their own")
    return given


def verify(samples: int, goal: float | None, budget: float | None, design: str) -> None:
    """Raises `ValueError` for what makes no sense."""
    if samples < gather.LEAST_SAMPLES:
        raise ValueError(f"a surrogate needs at least {gather.LEAST_SAMPLES} samples, not {samples}")
    if goal is not None and not 0 < goal < 1:
        raise ValueError(f"the goal is a relative error between 0 and 1 (0.01 is 1 %), not {goal:g}")
    if budget is not None and not budget > 0:
        raise ValueError(f"the budget is a number of seconds above zero, not {budget:g}")
    if design not in DESIGNS:
        raise ValueError(f"samples are drawn as {' or '.join(DESIGNS)}, not `{design}`")


def _verify_method(task: Task, method: str) -> None:
    known = (AUTO, *registry.names())
    if method not in known:
        hint = did_you_mean(method, known)
        raise ValueError(
            f"there is no surrogate method `{method}`; " + (hint or f"there are {', '.join(known)}")
        )
    found = next((m for m in registry.candidates(task) if m.name == method), None)
    if found is not None:
        misfit = found.misfit(task)
    elif task.drives:
        misfit = f"cannot take inputs that vary over time; {', '.join(available(task))} and auto can"
    else:
        misfit = "needs an input that varies over time"
    if misfit is not None:
        raise ValueError(f"the method `{method}` {misfit}")
