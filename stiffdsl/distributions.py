"""Distributions in one table, which the checker and draws read: what stands behind `~`.

A distribution is added by an entry. Its arguments have roles, which say in what unit they are: `location` in that of
the value, `spread` as a difference of two, `log` and `shape` as pure numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Distribution:
    """`form` is how it is written. `of_values`: of parameters, with `quantile(u, *arguments)` and the probability
    `share(x, *arguments)` below x; `of_data`: of observations. A `log` argument is the logarithm of the number in the
    declared unit."""

    form: str
    roles: tuple[str, ...]
    of_values: bool
    of_data: bool
    quantile: Callable[..., Any] | None = None
    share: Callable[..., Any] | None = None


def _normal(u: Any, mean: Any, deviation: Any) -> Any:
    from scipy.special import ndtri

    return mean + deviation * ndtri(u)


def _normal_share(x: Any, mean: Any, deviation: Any) -> Any:
    from scipy.special import ndtr

    return ndtr((x - mean) / deviation)


def _lognormal(u: Any, mean: Any, deviation: Any) -> Any:
    return np.exp(_normal(u, mean, deviation))


def _lognormal_share(x: Any, mean: Any, deviation: Any) -> Any:
    with np.errstate(divide="ignore"):
        return _normal_share(np.log(np.maximum(x, 0.0)), mean, deviation)


def _uniform(u: Any, low: Any, high: Any) -> Any:
    return low + (high - low) * u


def _uniform_share(x: Any, low: Any, high: Any) -> Any:
    return np.clip((x - low) / (high - low), 0.0, 1.0)


DISTRIBUTIONS: dict[str, Distribution] = {
    "normal": Distribution(
        "normal(mean, deviation)", ("location", "spread"), True, True, _normal, _normal_share
    ),
    "lognormal": Distribution(
        "lognormal(mean, deviation)", ("log", "shape"), True, True, _lognormal, _lognormal_share
    ),
    "uniform": Distribution(
        "uniform(low, high)", ("location", "location"), True, False, _uniform, _uniform_share
    ),
    "student": Distribution(
        "student(degrees, location, scale)", ("shape", "location", "spread"), False, True
    ),
    "poisson": Distribution("poisson(mean)", ("shape",), False, True),
    "bernoulli": Distribution("bernoulli(probability)", ("shape",), False, True),
}

# What other tools call them.
OTHER_NAMES = {
    "gaussian": "normal", "norm": "normal", "gauss": "normal", "lognorm": "lognormal", "log_normal": "lognormal",
    "logn": "lognormal", "unif": "uniform", "student_t": "student", "studentt": "student", "t": "student",
}  # fmt: skip
