"""Symbolic work has a limit: what would not fit is counted and told before it is expanded; what is shared stays so."""

import time

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.flat.arrays import shared
from stiffdsl.pipeline import compile_model

# Well above what these take, well below what they took.
SECONDS = 5.0
END = "\nequations\n  der(y) = -y\nend\n"
TOO_MANY = {
    "a sum": "const N = 1e9\n var y start 1\nequations\n der(y) = -y + sum(i for i in 1..N)\nend",
    "a sum of unknowns": "const N = 1e9\n var y start 1\nequations\n der(y) = -y + sum(y/i for i in 1..N)\nend",
    "a product": "const N = 1e9\n var y start 1\nequations\n der(y) = -prod(y/i for i in 1..N)\nend",
    "a loop": "const N = 1e9\n var y start 1\nequations\n for i in 1..N\n  der(y) = -y\n end\nend",
    "loops in loops": "const N = 1e5\n var y start 1\nequations\n for i in 1..N, j in 1..N\n  der(y) = -y\n end\nend",
    "reactions": "const N = 1e9\n var x start 1\n var y start 1\nreactions\n for i in 1..N\n  x -> y @ 1\n end\nend",
    "an array": "const N = 1e9\n var y[N] start 1" + END,
    "a constant": "const c[1e9] = 0\n var y start c[1]" + END,
    "a start": "const N = 1e9\n var y start sum(1/i for i in 1..N)" + END,
    "a sum of sums": "const N = 1e5\n var x[N] start 1\n var y start 1\nequations\n for i in 1..N\n"
    "  der(x[i]) = -sum(x)\n end\n der(y) = -y\nend",
}


def compiled(text: str, stage: str = "program"):
    begun = time.process_time()
    result = compile_model(Source("model.sml", text), stop_after=stage)
    assert time.process_time() - begun < SECONDS
    return result


@pytest.mark.parametrize("name", TOO_MANY)
def test_sizes_are_counted_before_anything_is_expanded(name):
    with pytest.raises(ModelError) as wrong:
        compiled(f"model M\n {TOO_MANY[name]}", "flat")
    found = wrong.value.diagnostics[0]
    assert found.code == "E0304"
    assert found.labels[0].span.line >= 2


def test_models_in_models_are_counted():
    text = "model M0\n var x start 1\nequations\n der(x) = -x\nend\n"
    text += "".join(f"model M{k}\n part a : M{k - 1}\n part b : M{k - 1}\nend\n" for k in range(1, 31))
    with pytest.raises(ModelError, match="2,147,483,647 parts"):
        compiled(text, "flat")


def functions_of_functions(levels: int) -> str:
    text = "function f0(a) = a*a/(1 + a)\n"
    return text + "".join(f"function f{k}(a) = f{k - 1}(a + f{k - 1}(a))\n" for k in range(1, levels + 1))


def value_of(levels: int, a):
    return a * a / (1 + a) if levels == 0 else value_of(levels - 1, a + value_of(levels - 1, a))


def test_functions_in_functions_are_shared():
    text = functions_of_functions(7) + "model F\n const N = 3\n var x[N] start (i/10 for i in 1..N)\n"
    text += "equations\n for i in 1..N\n  der(x[i]) = -f7(x[i]/100)\n end\nend"
    program = compiled(text)
    assert program.work.f[1] < 3000
    found = sd.loads(text).simulate(time=(0, 0.1), rtol=1e-10, atol=1e-13)
    x = np.array([0.1, 0.2, 0.3])
    for _ in range(10):
        middle = x - 0.005 * value_of(7, x / 100)
        x = x - 0.01 * value_of(7, middle / 100)
    np.testing.assert_allclose(found["x"][-1], x, rtol=1e-9)


def test_a_value_that_cannot_be_divided_is_told():
    text = functions_of_functions(7) + "model F\n param p = 0.1\n param q = f7(p)\n var x start q\n"
    with pytest.raises(ModelError, match="operations once functions are put in place") as wrong:
        compiled(text + "equations\n der(x) = -x\nend", "flat")
    assert wrong.value.diagnostics[0].code == "E0236"


def test_short_statements_stay_as_they_are():
    text = functions_of_functions(1) + "model F\n var x start 1\nequations\n der(x) = -f1(x)\nend"
    flat = compiled(text, "flat")
    assert flat.size == 1
    assert shared.LONG > 50


@pytest.mark.parametrize("n", [5, 10])
def test_powers_of_differences_are_not_multiplied_out(n):
    text = f"""
model P
  param a = 0.1
  var x start 1.05
  var y guess 0.5
  var vx start 0
  var vy
  var l
equations
  der(x) = vx
  der(y) = vy
  der(vx) = -l*(x - a)
  der(vy) = -l*(y - a) - 9.81
  (x - a)^{n} + (y - a)^{n} = 1
end
"""
    program = compiled(text)
    assert program.work.jacobian[1] < 150
    assert len(program.system.invariants) == 2


def test_high_powers_on_both_sides():
    compiled("model P\n var x start 1\n var y guess 1\nequations\n der(x) = -x\n (x+y)^60 = (x-y+1)^59\nend")


def test_fits_in_many_equations():
    """Five polynomials of degree six, put in place in 40 equations."""
    fits = "".join(
        f"function {name}(T) = 1000"
        + "".join(f" + {k + j}.5*((T - 273.15)/50)^{k}" for k in range(1, 7))
        + "\n"
        for j, name in enumerate(("rho_l", "rho_v", "h_l", "h_v", "p_s"))
    )
    declared, equations = "", ""
    for k in range(1, 6):
        declared += f" var m{k} start 1\n var U{k} start 1.1e3\n var T{k} guess 280\n var x{k} guess 0.4\n"
        declared += f" var h{k}\n var p{k}\n var u{k}\n var rho{k}\n"
        T, other = f"T{k}", f"T{k % 5 + 1}"
        equations += f"""
 1/rho{k} = 1/rho_l({T}) + x{k}*(1/rho_v({T}) - 1/rho_l({T}))
 h{k} = h_l({T}) + x{k}*(h_v({T}) - h_l({T}))
 p{k} = p_s({T})
 u{k} = h{k} - p{k}/rho{k}
 U{k} = m{k}*u{k}
 rho{k} = m{k}/0.5
 der(m{k}) = 1e-3*(rho_l({other}) - rho_l({T}))
 der(U{k}) = 1e-3*(h_v({other})*rho_v({other}) - h_v({T})*rho_v({T})) + (300 - {T})
"""
    program = compiled(f"{fits}model Cycle\n{declared}equations{equations}end")
    assert program.system.blocks["equations"] == 40


def test_a_bound_beyond_all_indices_is_told():
    text = "model M\n  param v[1] = (0.5*k for k in 1e300..2)\n  var x start 1\nequations\n  der(x) = -x*v[1]\nend\n"
    with pytest.raises(ModelError, match="beyond all indices"):
        compile_model(Source("m.sml", text))
