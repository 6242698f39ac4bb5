"""Start values that parts have by default give way to what the model says."""

import pytest

from stiffdsl.diagnostics import Source
from stiffdsl.graph.start_values import StartValues
from stiffdsl.pipeline import compile_model

PARTS = """
from electrical import Capacitor, Ground, Resistor, VoltageSource
model M
  part s : VoltageSource(V = 3)
  part r : Resistor
  part c1 : Capacitor{0}
  part c2 : Capacitor{1}
  part c3 : Capacitor{2}
  part g : Ground
equations
  connect s.p, r.p
  connect r.n, c1.p, c2.p
  connect c2.n, c3.p
  connect s.n, c1.n, c3.n, g.p
{3}
end
"""


def sorted_model(*modified: str, initial: str = ""):
    text = PARTS.format(*modified, *([""] * (3 - len(modified))), initial)
    return compile_model(Source("m.sml", text), stop_after="graph")


def names(system) -> list[str]:
    return [system.flat.variable_name(int(v)) for v in system.states]


def test_defaults_are_never_contradicted():
    system = sorted_model()
    assert system.initial.checks == ()
    assert system.warnings == ()


@pytest.mark.parametrize("k", [0, 1, 2])
def test_the_part_that_was_given_a_start_is_a_state(k):
    system = sorted_model(*("(v start 2)" if j == k else "" for j in range(3)))
    assert f"c{k + 1}.v" in names(system)
    assert system.initial.checks == ()
    assert system.initial.free.tolist() == []


def test_three_given_starts_must_fit():
    system = sorted_model("(v start 2)", "(v start 1)", "(v start 1)")
    assert sum(f.size for f in system.initial.checks) == 1


def test_an_initial_equation_moves_a_default():
    system = sorted_model("(v start 2)", initial="initial\n  c3.v = 0.5")
    assert [f.size for f in system.initial.conditions] == [1]
    assert len(system.initial.free) == 1
    assert system.initial.checks == ()


def test_the_start_of_an_alias_is_the_start():
    text = PARTS.format("", "(v start 5)", "", "").replace("connect c2.n, c3.p", "connect c2.n, c3.p, g.p")
    system = compile_model(Source("m.sml", text), stop_after="graph")
    (state,) = system.states
    assert StartValues(system.flat).of["var"][state] == 5
    assert system.initial.checks == ()
