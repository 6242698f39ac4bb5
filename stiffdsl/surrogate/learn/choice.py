"""The methods by name: which of them fit a task, what `auto` tries and in which order."""

from stiffdsl.diagnostics import did_you_mean
from stiffdsl.surrogate.core.task import Task
from stiffdsl.surrogate.learn import gather
from stiffdsl.surrogate.methods.recurrent import fit as recurrent_fit

AUTO = "auto"
REGISTERED, REGRESSION = "registered", "regression"
RECURRENT, GALERKIN = "recurrent", "galerkin"
# Both in the order that `auto` tries them: what is quick comes first.
METHODS = ("rbf", "lpctesn", "npctesn", "neural", REGISTERED, REGRESSION)
DRIVEN = ("lpctesn", "npctesn", RECURRENT, GALERKIN)
DESIGNS = ("sobol", "lhs")


def available(task: Task) -> tuple[str, ...]:
    """The methods that fit the task, in the order that `auto` tries them."""
    if not task.drives:
        return tuple(m for m in METHODS if m != REGRESSION or not _led(task))
    found = DRIVEN if recurrent_fit.possible(task.times) else tuple(m for m in DRIVEN if m != RECURRENT)
    return tuple(m for m in found if m != GALERKIN or not isinstance(task.equations(), str))


def verify(
    task: Task, method: str, samples: int, goal: float | None, budget: float | None, design: str
) -> None:
    """Raises `ValueError` for what makes no sense."""
    known = (AUTO, *dict.fromkeys((*METHODS, *DRIVEN)))
    if method not in known:
        hint = did_you_mean(method, known)
        raise ValueError(
            f"there is no surrogate method `{method}`; " + (hint or f"there are {', '.join(known)}")
        )
    if method != AUTO and method not in available(task):
        raise ValueError(_misfit(task, method))
    if samples < gather.LEAST_SAMPLES:
        raise ValueError(f"a surrogate needs at least {gather.LEAST_SAMPLES} samples, not {samples}")
    if goal is not None and not 0 < goal < 1:
        raise ValueError(f"the goal is a relative error between 0 and 1 (0.01 is 1 %), not {goal:g}")
    if budget is not None and not budget > 0:
        raise ValueError(f"the budget is a number of seconds above zero, not {budget:g}")
    if design not in DESIGNS:
        raise ValueError(f"samples are drawn as {' or '.join(DESIGNS)}, not `{design}`")


def _led(task: Task) -> bool:
    """Whether the times begin with a start that the logarithm of time does not reach."""
    return task.log_time and task.times[0] <= task.start


def _misfit(task: Task, method: str) -> str:
    """The reason why a method that exists does not fit the task."""
    if method not in DRIVEN:
        if task.drives:
            fit = ", ".join(available(task))
            return f"the method `{method}` cannot take inputs that vary over time; {fit} and auto can"
        return f"the method `{method}` does not reach the start of an experiment in logarithmic time"
    if not task.drives:
        return f"the method `{method}` needs an input that varies over time"
    if method == RECURRENT:
        return f"the method `{method}` needs times that are equally far apart"
    return f"the method `{method}` needs equations it can reduce: {task.equations()}"
