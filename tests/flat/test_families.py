"""Equations of one shape are one family, however many there are and however they were written."""

import time

import numpy as np
import pytest

from tests.flat.flatten_text import aliases, equations, flat

HEAT_ROD = """
model Rod
  const N = 5
  param a = 2
  var T[N] start 1
equations
  der(T[1]) = a*(T[2] - T[1])
  for i in 2..N-1
    der(T[i]) = a*(T[i-1] - 2*T[i] + T[i+1])
  end
  der(T[N]) = a*(T[N-1] - T[N])
end
"""


def test_a_loop_is_one_family():
    model = flat(HEAT_ROD)
    assert sorted(f.size for f in model.equations) == [2, 3]
    assert "0 = -a*(T[1] - 2*T[2] + T[3]) + der(T[2])" in equations(model)


def test_the_number_of_families_does_not_depend_on_the_size():
    small, large = flat(HEAT_ROD), flat(HEAT_ROD, {"N": 100_000})
    assert len(small.equations) == len(large.equations)
    assert large.size == 100_000


def test_a_hundred_thousand_equations_take_seconds():
    start = time.process_time()
    flat(HEAT_ROD, {"N": 100_000})
    assert time.process_time() - start < 20  # a guard against quadratic work; benchmarks measure


def test_hand_written_equations_of_one_shape_are_one_family():
    lines = "".join(f"  der(x[{i}]) = {0.1 * i + 0.05} - x[{i}]*x[{i % 200 + 1}]\n" for i in range(1, 201))
    model = flat(f"model M\n  var x[200] start 0\nequations\n{lines}end\n")
    assert len(model.equations) == 1
    assert model.equations[0].size == 200


def test_whole_arrays_are_elementwise_and_scalars_broadcast():
    model = flat("model M\n param k = 2\n var x[3] start {1, 2, 3}\nequations\n der(x) = -k*x + 1\nend\n")
    assert equations(model) == [f"0 = der(x[{i}]) + k*x[{i}] - 1" for i in (1, 2, 3)]
    assert model.starts[0].value.size == 3


def test_conditions_on_the_index_split_the_members():
    model = flat(
        "model M\n const N = 4\n var x[N] start 0\nequations\n"
        " for i in 1..N\n  der(x[i]) = (if i == 1 then 1 else x[i-1]) - x[i]\n end\nend\n"
    )
    assert equations(model)[0] == "0 = der(x[1]) + x[1] - 1"
    assert equations(model)[1] == "0 = der(x[2]) - x[1] + x[2]"


def test_short_sums_are_written_out_and_long_sums_are_index_arrays():
    text = (
        "model M\n const N = {n}\n param w = 2\n var x[N] start 1\n var y\nequations\n"
        " der(x) = -x\n y = sum(w*x[i]^2 for i in 1..N)\nend\n"
    )
    short = flat(text.replace("{n}", "3"))
    assert "0 = -w*x[1]**2 - w*x[2]**2 - w*x[3]**2 + y" in equations(short)
    long = flat(text.replace("{n}", "50"))
    (family,) = [f for f in long.equations if f.sums]
    assert len(family.sums[0].table) == 50


@pytest.mark.parametrize("function", ["prod", "min", "max"])
def test_long_reductions_need_a_logarithmic_number_of_families(function):
    text = f"model M\n const N = 1000\n var x[N] start 1\n var y\nequations\n der(x) = -x\n y = {function}(x)\nend\n"
    assert len(flat(text).equations) < 40


def test_consts_shape_the_model_and_can_be_replaced():
    assert flat(HEAT_ROD, {"N": 7}).size == 7


def test_parameters_depend_on_parameters_in_order():
    model = flat("model M\n param c = a + b\n param b = 2*a\n param a = 1\n var x = c\nend\n")
    order = [int(t) for d in model.parameter_values for t in d.targets]
    names = ["c", "b", "a"]
    assert [names[k] for k in order] == ["a", "b", "c"]


def test_parts_of_parts_take_modifiers_from_outside():
    model = flat(
        "model Cell\n param R = 1\n var v start R\nequations\n der(v) = -v/R\nend\n"
        "model Pack\n part cells[3] : Cell\nequations\nend\n"
        "model Main\n part a : Pack(cells.R = {4, 5, 6})\nequations\nend\n"
    )
    assert len(model.equations) == 1
    values = model.constants[model.parameter_values[0].value.table[:, 0]]
    assert np.array_equal(values, [4, 5, 6])
    assert model.variable_name(1) == "a.cells[2].v"


CIRCUIT = """
connector Pin
  potential v [V]
  flow i [A]
end
partial model TwoPin
  port p : Pin
  port n : Pin
  var v
  var i
equations
  v = p.v - n.v
  i = p.i
  p.i + n.i = 0
end
model R extends TwoPin
  param R = 1
equations
  v = R*i
end
model C extends TwoPin
  param C = 1
equations
  C*der(v) = i
end
model G
  port p : Pin
equations
  p.v = 0
end
model Main
  part r : R
  part c : C(v start 1)
  part g : G
equations
  connect r.p, c.p
  connect r.n, c.n, g.p
end
"""


def test_connections_become_aliases_and_states_keep_their_names():
    model = flat(CIRCUIT)
    found = aliases(model)
    assert found["r.v"] == "c.v"
    assert found["g.p.v"] == "0"
    assert "c.v" not in found
    assert len(equations(model)) == 3 or len(equations(model)) == 2


def test_a_flow_that_is_connected_to_nothing_is_zero():
    model = flat(CIRCUIT.replace("  connect r.n, c.n, g.p\n", "  connect r.n, g.p\n"))
    assert aliases(model)["c.n.i"] == "0"


def test_capacitors_in_parallel_are_one_state():
    model = flat(
        CIRCUIT.replace("  part g : G\n", "  part g : G\n  part d : C(C = 2)\n")
        .replace("connect r.p, c.p", "connect r.p, c.p, d.p")
        .replace("c.n, g.p", "c.n, d.n, g.p")
    )
    assert int(model.is_state.sum()) == 1


REACTIONS = """
model M
  param k1 = 1
  param k2 = 2
  param k3 = 3
  var A start 1
  var B start 0
  var C start 0
reactions
  A -> B @ k1
  B + B -> C + B @ k2
  B + C <-> A + C @ k3, k1
end
"""


def test_mass_action_counts_catalysts_once():
    model = flat(REACTIONS)
    shown = "\n".join(equations(model))
    assert model.counts["equations_before"] == 7
    assert "0 = -B**2*k2 + _rate_2[1]" in shown


def test_powers_of_sums_are_not_multiplied_out():
    """A template whose slots coincide is written anew, and not as a polynomial of a hundred terms."""
    model = flat("""
model M
  var z[2] start 0.2
equations
  for i in 1..2
    der(z[i]) = (mod(1.5*z[i], 2) - 1)^9 * sum(z[k] for k in 1..2)^3
  end
end
""")
    assert max(f.template.count_ops() for f in model.equations) < 30


def test_terms_of_sums_mention_no_variable_that_is_zero():
    """The cosine of zero is one: such terms are a sum of their own, over what is computed."""
    model = flat("""
model M
  param k[40] = (1/i for i in 1..40)
  var x[40]
  var y[2] start 1
equations
  for i in 1..20
    x[2*i] = 0
    x[2*i-1] = k[i]*y[1]
  end
  for j in 1..2
    der(y[j]) = sum(x[i] + cos(x[i]*j) for i in 1..40)
  end
end
""")
    families = [f for f in model.equations if f.sums]
    assert [(f.size, sorted(len(s.table) for s in f.sums)) for f in families] == [(2, [40, 40])]
    zero = model.sign == 0
    assert zero.sum() == 20
    for terms in families[0].sums:
        for k, kind in enumerate(terms.kinds):
            assert kind not in ("var", "der") or not zero[terms.table[:, k]].any()
