"""Calls of the `simulate` of a written module: what would be one of `model.simulate` is refused, with what is meant."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

OPTIONS = ("method", "rtol", "atol", "max_steps", "first_step", "max_step", "linear", "progress")
_WAY = "a module is run by `simulate(parameters({name: value}), time=(0.0, 1.0))`"
_VECTORS = {
    "p": "p is the vector that `parameters({name: value})` returns",
    "u": "u is the vector that `input_defaults(p)` returns",
}


def check_call(
    p: Any, u: Any, time: Any, options: Mapping[str, Any], checked: Callable[[str, str, Any], None]
) -> None:
    """Raises `TypeError` for arguments of another form, as `checked` of the module does for vectors of another length,
    and `ValueError` without a time."""
    for name, value in (("p", p), ("u", u)):
        if value is None:
            continue
        if not hasattr(value, "shape"):
            raise TypeError(f"`simulate`: {_VECTORS[name]}, not {value!r}; {_WAY}")
        checked("simulate", name, value)
    for name in options:
        if name not in OPTIONS:
            near = difflib.get_close_matches(name, OPTIONS, 1)
            hint = f"; did you mean `{near[0]}`?" if near else f": {_WAY}, with {', '.join(OPTIONS)}"
            raise TypeError(f"`simulate` takes no `{name}`{hint}")
    if time is None:
        raise ValueError("which time to simulate? Give `time=(start, end)`")
    if np.shape(time) != (2,):
        raise TypeError(f"`simulate`: time is the start and the end, `time=(0.0, 1.0)`, not {time!r}")
