"""Odd arguments to the public calls: an answer, or an exception that we raise with words, never one of a library."""

import math
import traceback
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from .outcome import Mismatch

PACKAGE = str(Path(__file__).resolve().parents[2] / "stiffdsl")

TEXT = """\
model Odd
  const N = 3
  param k = 0.5 [1/min] in 0.1..1
  param w[N] = {1, 2, 3}
  param T0 = 20 [degC]
  input u = 0.1
  var x start 1
  var a[N] start (i/N for i in 1..N)
  var T [degC] start 25
  var z
equations
  der(x) = -k*x + u
  for i in 1..N
    der(a[i]) = -w[i]*a[i] + x
  end
  der(T) = 0.1 [1/s]*(T0 - T)
  z + 0.3*tanh(z) = x
experiment
  time 0..1, rtol 1e-5, atol 1e-8
end
"""

ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1,
        2.5,
        1e-320,
        1e308,
        math.nan,
        math.inf,
        -math.inf,
        10**400,
        3 + 4j,
        "",
        "x",
        "0.5",
    ),
    *(
        (),
        [],
        [1],
        [1, 2, 3],
        (0, 1),
        (1, 0),
        (0, 0),
        (0, math.nan),
        [[0, 1], [2, 3]],
        {},
        {"k": 1},
        {"x": 2},
    ),
    *(
        {"nope": 1},
        {"k": None},
        {"k": "a"},
        {"k": [1, 2]},
        {"w": 1},
        {"w": [1, 2]},
        {"w": [1, 2, 3]},
        {"w[2]": 5},
    ),
    *(
        {"k": 10**400},
        {"k": math.nan},
        {1: 2},
        {"u": ([0, 1], [1, 2])},
        {"u": ([1, 0], [1, 2])},
        {"u": math.sin},
    ),
    *({"u": (0, 1)}, {"u": ([0, 1], [1])}, {"u": "sin"}, {"u": lambda: 0}, {"u": ([0, 0, 1], [1, 2, 3])}),
    *(
        np.array([0.1, 0.2]),
        np.array(["a"]),
        np.array([]),
        np.zeros((2, 2)),
        np.array(0.5),
        object(),
        lambda t: t,
    ),
    *(
        b"k",
        {"x": math.inf},
        {"z": 1},
        {"der(x)": 1},
        ("x",),
        ("x", "nope"),
        "auto",
        "rodas5p",
        "fbdf",
        "nope",
        10**10,
    ),
)
SIMULATE = (
    *("time", "params", "inputs", "rtol", "atol", "method", "saveat", "points", "initial", "max_steps"),
    *("first_step", "max_step", "outputs", "linear"),
)
SOLVER = ("saveat", "outputs", "time", "rtol", "atol", "method", "max_steps", "linear")


@cache
def model() -> Any:
    import stiffdsl as sd

    return sd.loads(TEXT)


@cache
def solution() -> Any:
    return model().simulate()


def arguments(rng: Random, keep: dict[str, Any]) -> None:
    """One call with one to three odd arguments."""
    call = rng.choice(CALLS)
    name, run = call(rng)
    keep["text"] = f"{name}\n\nof the model\n\n{TEXT}"
    keep["features"] = [name.split("(")[0]]
    try:
        run()
    except Exception as error:
        if not ours(error):
            what = f"{keep['features'][0]}: {type(error).__name__} of {raiser(error)}"
            raise Mismatch(what, f"{name}: {type(error).__name__}: {error}") from error


def ours(error: BaseException) -> bool:
    """Whether a `raise` of the package made the exception (or the last one of its chain), with words."""
    if not isinstance(error, ValueError | KeyError | TypeError | OSError | _model_error()) or not str(
        error
    ).strip("'\" "):
        return False
    if isinstance(error, _model_error()):
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    return last.filename.startswith(PACKAGE) and (last.line or "").lstrip().startswith("raise")


def raiser(error: BaseException) -> str:
    """The innermost line of the package, and whether it raised itself."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(PACKAGE)]
    return f"{Path(own[-1].filename).name}:{own[-1].name}" if own else "a library"


def _model_error() -> type[BaseException]:
    import stiffdsl as sd

    return sd.ModelError


def odd(rng: Random) -> Any:
    return rng.choice(ODD)


def named(rng: Random, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: odd(rng) for name in rng.sample(names, rng.choice((1, 1, 2, 3)))}
    # No endless work: what would take that is not odd but long.
    if isinstance(found.get("points"), int | float) and abs(found["points"]) > 1e6:
        found["points"] = -5
    return found


def simulated(rng: Random):
    given = {"method": "rodas5p", **named(rng, SIMULATE)}
    return f"simulate({given})", lambda: model().simulate(**given)


def looked_at(rng: Random):
    """Calls that compile nothing."""
    value, other = odd(rng), odd(rng)
    m, s = model(), solution()
    return rng.choice(
        (
            (f"parameter_vector({value!r})", lambda: m.parameter_vector(value)),
            (f"initial_state({value!r}, {other!r})", lambda: m.initial_state(value, other)),
            (f"solution[{value!r}]", lambda: s[value]),
            (f"solution({value!r})", lambda: s(value)),
            (f"start_report({value!r})", lambda: m.start_report(value, initial=other)),
        )
    )


def made(rng: Random):
    given = named(rng, SOLVER)
    return f"solver({given})", lambda: model().solver(**given)


def loaded(rng: Random):
    import stiffdsl as sd

    value, other = odd(rng), odd(rng)
    return rng.choice(
        (
            (f"loads({value!r})", lambda: sd.loads(value)),
            (f"loads(TEXT, {value!r})", lambda: sd.loads(TEXT, value)),
            (f"loads(TEXT, constants={value!r})", lambda: sd.loads(TEXT, constants=value)),
            (f"loads(TEXT, constants={{'N': {other!r}}})", lambda: sd.loads(TEXT, constants={"N": other})),
            (f"load_surrogate({value!r})", lambda: sd.load_surrogate(value)),
        )
    )


CALLS = (simulated, simulated, simulated, looked_at, looked_at, made, loaded)
