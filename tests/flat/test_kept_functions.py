"""Functions that many unlike equations call: one family over all calls, with the values of functions put in place."""

import importlib

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model
from tests.flat.flatten_text import flat, rates

kept_functions = importlib.import_module("stiffdsl.flat.arrays.kept_functions")

FIT = """
function fit(T) = 0.9 + 0.11*T - 0.021*T^2 + 3.1e-3*T^3 - 2.2e-4*T^4 + 1.1e-5*T^5 - 2.3e-7*T^6
"""
# Twelve equations that are unlike; `x1` to `x3` are the unknowns, F the function.
RIGHT = (
    "F(x2)", "-F(x2 + x3)", "F(x1)^2 - x3", "x1*F(x2*x3)", "sin(F(2*x1))", "x2 + 2*F(sin(x3))", "F(x1 + x3)/(1 + x2^2)",
    "F(F(x3)/3)", "exp(-F(x1*x3)) + x2", "x1 - x2*F(x1/2)", "tanh(x3) + F(3*x2)*x3", "F(x1 - x2)*F(x3)",
)  # fmt: skip
# `F(x3)` stands there twice.
CALLS = 13


def model(function: str, right=RIGHT, name: str = "fit") -> str:
    """`y1`, `y2`, … with these rates."""
    lines = [f"  var y{k} start 0" for k in range(len(right))]
    rows = [f"  der(y{k}) = {value.replace('F(', name + '(')}" for k, value in enumerate(right)]
    states = [f"  var x{k} start {0.3 + 0.4 * k}" for k in (1, 2, 3)]
    still = [f"  der(x{k}) = -{k}*x{k}" for k in (1, 2, 3)]
    return "\n".join([function, "model M", *lines, *states, "equations", *rows, *still, "end", ""])


def polynomial(T):
    return 0.9 + 0.11 * T - 0.021 * T**2 + 3.1e-3 * T**3 - 2.2e-4 * T**4 + 1.1e-5 * T**5 - 2.3e-7 * T**6


def expected(function) -> list[float]:
    values = {"F": function, "sin": np.sin, "exp": np.exp, "tanh": np.tanh}
    values |= {f"x{k}": 0.3 + 0.4 * k for k in (1, 2, 3)}
    return [float(eval(right.replace("^", "**"), values)) for right in RIGHT]


def test_a_fit_with_many_calls_is_one_family():
    families = [f for f in flat(model(FIT)).equations if "e-7" in str(f.template)]
    assert [f.size for f in families] == [CALLS]


def test_the_values_are_those_of_the_function():
    found = rates(model(FIT))
    assert [found[f"y{k}"] for k in range(len(RIGHT))] == pytest.approx(expected(polynomial), rel=1e-13)


def jacobian(model) -> np.ndarray:
    p = model.default_parameters
    u = np.asarray(model.interpreted.input_defaults(p))
    y = np.asarray(model.interpreted.start(p, u, 0.0))
    return np.asarray(model.interpreted.jacobian(0.0, y, p, u))


def test_the_program_holds_the_function_once_and_its_derivatives_are_the_same(monkeypatch):
    kept = sd.loads(model(FIT))
    monkeypatch.setattr(kept_functions, "GAIN", 10**9)
    placed = sd.loads(model(FIT))
    sizes = [len(m.program.by_name["jacobian"].ops) for m in (kept, placed)]
    assert sizes[0] < 0.65 * sizes[1]
    assert jacobian(kept) == pytest.approx(jacobian(placed), rel=1e-12)


def test_short_functions_and_few_calls_stay_in_place():
    short = "function product(a) = a*a*3"
    assert "_product" not in str([b.name for b in flat(model(short, name="product")).variables])
    assert not [b.name for b in flat(model(FIT, RIGHT[:3])).variables if b.name.startswith("_")]


def test_equations_that_differ_in_names_are_one_call():
    alike = [f"-x{1 + k % 3}*F(x{1 + k % 2})" for k in range(30)]
    assert not [b.name for b in flat(model(FIT, alike)).variables if b.name.startswith("_")]


ROOT = """
function root(a)
  s = sqrt(a) + 0.1*sqrt(a)^3 - 0.02*sqrt(a)^5
  return s + 0.3*s^2 + 0.01*s^3 + 1/(1 + s) + log(a)
end
"""


def test_what_a_choice_leaves_out_is_not_computed():
    """`root` has no value below zero: a call in a branch stays there."""
    right = [value.replace("-", "+") for value in RIGHT] + ["if x1 > 2 then F(x1 - 2) else x1"]
    text = model(ROOT, right, "root")
    results = [b for b in flat(text).variables if b.name.startswith("_root_") and "argument" not in b.name]
    # In the long statement with a call in a call, `F(x3)` is divided further.
    assert len(results) == CALLS + 1
    assert rates(text)["y12"] == pytest.approx(0.7)


def test_unknowns_of_loops_are_declared_ones():
    """Arguments and results of functions are computed; what a solver iterates on has a start."""
    loops = "\n".join(
        f"  z{k} + 0.1*z{k}^3 = {value.replace('F(', 'fit(').replace('x2', f'z{k}')}"
        for k, value in enumerate(RIGHT)
    )
    head = "\n".join(f"  var z{k} guess 0.5" for k in range(len(RIGHT)))
    states = "\n".join(f"  var x{k} start {0.3 + 0.4 * k}" for k in (1, 3))
    rest = "\n".join(f"  der(x{k}) = -x{k}" for k in (1, 3))
    text = f"{FIT}model M\n{head}\n{states}\nequations\n{loops}\n{rest}\nend\n"
    system = compile_model(Source("m.sml", text), stop_after="graph")
    names = [system.flat.variable_name(v) for v in system.implicit]
    assert sorted(names) == sorted(f"z{k}" for k in range(len(RIGHT)))
    assert [b for b in system.flat.variables if b.name.startswith("_fit")]
