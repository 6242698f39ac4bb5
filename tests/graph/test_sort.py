"""Small models whose sorted form is known."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stiffdsl.graph import sort

from .build import model
from .evaluate import residual, run, unsatisfied

ROBERTSON = """
var A start 1
var B start 0
var C start 0
param k1 = 0.04
param k2 = 3e7
param k3 = 1e4
der(A) = -k1*A + k3*B*C
der(B) = k1*A - k3*B*C - k2*B^2
A + B + C = 1
"""


def test_a_constraint_gives_the_variable_that_is_not_differentiated():
    system = sort(model(ROBERTSON))
    assert system.size == 2
    assert [a.kind for a in system.assignments] == ["var", "der", "der"]
    values = run(system, [0.5, 0.25], [0.04, 3e7, 1e4])
    assert values.of["var"][2] == pytest.approx(0.25)
    assert unsatisfied(system, values) == 0


def test_the_start_of_a_determined_variable_is_a_check():
    initial = sort(model(ROBERTSON)).initial
    assert initial.free.size == 0
    assert initial.conditions == ()
    assert [f.kinds for f in initial.checks] == [("var", "start")]


def test_a_linear_loop_is_solved():
    system = sort(
        model("""
        var v1
        var v2
        var i
        input u
        param R1 = 2
        param R2 = 3
        v1 = R1*i
        v2 = R2*i
        u = v1 + v2
        """)
    )
    assert system.size == 0
    assert system.blocks["loops"] == 1
    values = run(system, [], [2, 3], [10])
    assert values.of["var"] == pytest.approx([4, 6, 2])


def test_a_nonlinear_loop_keeps_one_unknown():
    system = sort(
        model("""
        var v
        var i
        input u
        param R = 2
        param I = 1e-3
        i = I*(exp(v) - 1)
        u - v = R*i
        """)
    )
    assert len(system.implicit) == 1
    values = run(system, [0.3], [2, 1e-3], [1])
    assert unsatisfied(system, values) == 1
    assert abs(residual(system, values)[0]) > 1e-3


def test_equal_loops_become_one_loop():
    lines = []
    for k in range(5):
        lines += [f"var a{k}", f"var b{k}", f"a{k} + 2*b{k} = {0}*time + 5", f"a{k} = b{k}^3 + time"]
    system = sort(model("\n".join(lines)))
    assert system.blocks["loops"] == 5
    assert len(system.implicit) == 5
    assert len(system.residuals) == 1
    assert len(system.assignments) == 1


def test_derivatives_in_a_loop_are_solved_together():
    # A mass matrix: two derivatives in two equations.
    system = sort(
        model("""
        var w1 start 0
        var w2 start 0
        param m = 2
        2*der(w1) + m*cos(w1 - w2)*der(w2) = 1
        m*cos(w1 - w2)*der(w1) + 3*der(w2) = time
        """)
    )
    assert system.size == 2
    assert unsatisfied(system, run(system, [0.1, 0.9], [2])) == 0


def test_an_equation_that_is_nonlinear_in_its_own_unknown_stays_implicit():
    system = sort(model("var x start 1\nvar y guess 1\nder(x) = -y\ny + y^3 = x"))
    assert len(system.implicit) == 1
    assert not system.implicit_is_der[0]


def test_a_logarithm_is_inverted_and_an_exponential_is_not():
    assert sort(model("var y\nlog(y) = time")).size == 0
    assert sort(model("var y\nexp(y) = 2 + time")).size == 1


def test_a_derivative_may_stay_implicit():
    system = sort(model("var x start 1\nder(x) + der(x)^3 = -x"))
    assert system.implicit_is_der.tolist() == [True]
    assert system.size == 2


def test_no_division_where_none_is_needed():
    # `v = R*i` with `i` known elsewhere: never v/R.
    system = sort(
        model("var v\nvar i\nvar u start 1\nparam R = 0\nparam C = 1\nC*der(u) = i\ni = u\nv = R*i")
    )
    values = run(system, [1.0], [0, 1])
    assert values.of["var"][0] == 0


def test_initial_equations_free_the_states_without_start():
    system = sort(
        model("""
        var T guess 290
        var Q
        input u
        param C = 2
        C*der(T) = Q
        Q = u - 3*T
        initial der(T) = 0
        """)
    )
    assert system.initial.free.tolist() == [0]
    assert [f.kinds for f in system.initial.conditions] == [("der",)]
    assert system.warnings == ()


def test_a_start_on_an_algebraic_variable_determines_a_state():
    system = sort(model("var x\nvar y start 4\nder(x) = -x\ny = 2*x"))
    assert system.initial.free.tolist() == [0]
    assert len(system.initial.conditions) == 1


def test_a_state_without_start_begins_at_zero_with_a_warning():
    (warning,) = sort(model("var x\nvar y\nder(x) = -x\nder(y) = x\ninitial x = 3")).warnings
    assert warning.code == "W0401"
    assert warning.title == "`y` has no start value and begins at 0"


def test_initial_equation_for_a_fixed_state_is_a_check():
    system = sort(model("var x start 1\nder(x) = -x\ninitial der(x) = -1"))
    assert system.initial.free.size == 0
    assert len(system.initial.checks) == 1


def test_residual_rows_match_implicit_unknowns():
    system = sort(model("var x\nvar y\nvar z\nx + x^3 = time\ny + y^3 = x\nz*z*z + z = x + y"))
    assert sum(f.size for f in system.residuals) == len(system.implicit) == 3
    assert np.array_equal(system.implicit, [0, 1, 2])


def test_two_capacitors_in_parallel_share_one_derivative():
    system = sort(
        model("""
        var v start 0
        var i1
        var i2
        input u
        param C1 = 1
        param C2 = 2
        i1 = C1*der(v)
        i2 = C2*der(v)
        i1 + i2 = u
        """)
    )
    assert system.size == 1
    values = run(system, [0.0], [1, 2], [6])
    assert values.of["der"][0] == pytest.approx(2)
    # Also where one of them has no capacity: the closed form divides by the sum only.
    assert run(system, [0.0], [0, 2], [6]).of["der"][0] == pytest.approx(3)


def test_a_loop_of_ten_is_torn_at_few_unknowns():
    lines = [f"var x{k}" for k in range(10)]
    lines += [f"x{k} = cos(x{(k + 1) % 10}) + {k}" for k in range(10)]
    system = sort(model("\n".join(lines)))
    assert len(system.implicit) == 1
    assert system.blocks["largest"] == 10


def test_a_dense_nonlinear_loop_keeps_what_it_must():
    names = [f"x{k}" for k in range(6)]
    lines = [f"var {n}" for n in names]
    lines += [f"{n} = {' + '.join(f'sin({m})' for m in names if m != n)} + time" for n in names]
    system = sort(model("\n".join(lines)))
    assert len(system.implicit) == 5


def test_the_same_model_gives_the_same_dump_whatever_the_hash_seed():
    program = "from graph.test_sort import BRIDGE, model, sort; from stiffdsl.graph.show import show; "
    program += "from graph.test_reduce import CAR_AXIS; "
    program += "print(show(sort(model(BRIDGE))), show(sort(model(CAR_AXIS))))"
    path = f"{Path(__file__).parents[1]}{os.pathsep}{Path(__file__).parents[2]}"
    dumps = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(dumps) == 1


BRIDGE = """
var a
var b
var i1
var i2
var i3
var i4
var i5
input u
param R1 = 1
param R2 = 2
param R3 = 3
param R4 = 4
param R5 = 5
u - a = R1*i1
u - b = R2*i2
a = R3*i3
b = R4*i4
a - b = R5*i5
i1 = i3 + i5
i2 + i5 = i4
"""


def test_a_bridge_is_solved_in_closed_form():
    system = sort(model(BRIDGE))
    assert system.size == 0
    values = run(system, [], [1, 2, 3, 4, 5], [10])
    assert unsatisfied(system, values) == 0
