"""The text of a program: what a reader sees, and that it is the same every time."""

import os
import subprocess
import sys

import pytest

from stiffdsl.program.show import show

from .programs import MODELS, of_text, program

ROBERTSON = '''\
def rhs(t, y, p, u=None):
    """The derivative of every state, then the residuals: f of M dy/dt = f."""
    A = y[0]
    B = y[1]
    k1 = p[0]
    k2 = p[1]
    k3 = p[2]
    # A + B + C = 1
    C = 1.0 - A - B
    v1 = k3*B*C
    v2 = k1*A
    # der(A) = -k1*A + k3*B*C
    der_A = v1 - v2
    # der(B) = k1*A - k3*B*C - k2*B^2
    der_B = v2 - k2*(B*B) - v1
    return stack([der_A, der_B])


def jacobian(t, y, p, u=None):
    """The structural nonzeros of df/dy, row by row."""
    A = y[0]
    B = y[1]
    k1 = p[0]
    k2 = p[1]
    k3 = p[2]
    C = 1.0 - A - B
    v1 = k3*B
    v2 = k3*C
    return stack([-k1 - v1, v2 - v1, k1 + v1, -v2 - 2.0*B*k2 + v1])


def variables(t, y, p, u=None):
    """Every declared variable."""
    A = y[0]
    B = y[1]
    C = 1.0 - A - B
    return stack([A, B, C])
'''


def test_robertson():
    assert ROBERTSON in show(program("chemistry/robertson.sml"))


def test_a_family_is_written_over_slices():
    text = """
model Rod
  const N = 300
  param a = 2
  input q = 1
  var T[N] start 0
equations
  der(T[1]) = q + a*(T[2] - T[1])
  for i in 2..N-1
    der(T[i]) = a*(T[i-1] - 2*T[i] + T[i+1])
  end
  der(T[N]) = a*(T[N-1] - T[N])
end
"""
    rhs = show(of_text(text)).split("def ")[1]
    assert "u = input_defaults(p) if u is None else u" in rhs
    assert "a = p[" in rhs
    assert "T = y[:298]" in rhs
    assert "take(" not in rhs
    assert rhs.count("\n") < 25


@pytest.mark.parametrize("name", ["rooms[3].T", "class", "der(x)", "take", "y", "xp", "2nd", "a b", "Δ"])
def test_names_of_a_model_never_break_the_text(name):
    from stiffdsl.program.ops import Op
    from stiffdsl.program.program import Function
    from stiffdsl.program.text import write

    ops = (Op("input", (), "y", 2), Op("element", (0,), 0), Op("mul", (1, 1)), Op("stack", (2,), None, 1))
    function = Function("f", ("y",), "A test.", ops, {1: name, 2: name})
    space = {"stack": list}
    exec(write(function, {}), space)
    assert space["f"]([3.0, 0.0]) == [9.0]


def test_the_text_does_not_depend_on_hash_seeds():
    code = (
        "from stiffdsl.pipeline import compile_model\n"
        "from stiffdsl.sources import read\n"
        "from stiffdsl.program.show import show\n"
        "for f in ('chemistry/pollu', 'examples/building', 'examples/two_tank', 'examples/drive_train'):\n"
        f"    print(show(compile_model(read(r'{MODELS}/' + f + '.sml'), stop_after='program')))"
    )
    printed = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        printed.append(
            subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        )
    assert printed[0].stdout == printed[1].stdout
    assert len(printed[0].stdout) > 10_000
