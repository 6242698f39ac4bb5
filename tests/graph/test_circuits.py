"""Circuits as engineers draw them: redundant connections, several grounds, large loops."""

from time import process_time

import pytest

from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.pipeline import compile_model

CIRCUIT = """
from electrical import Capacitor, Ground, Resistor, TwoPin, VoltageSource
model Wire extends TwoPin
equations
  v = 0
end
model Lawless extends TwoPin
  param R = 1
end
model M
  part s : VoltageSource
  part r : Resistor
  part c : Capacitor
{parts}
equations
  connect s.p, r.p
  connect r.n, c.p
  connect c.n, s.n
{equations}
end
"""

MESH = """
from electrical import Ground, Resistor, VoltageSource
model Mesh
  const N = 100
  part h[N,N-1] : Resistor(R = 1)
  part v[N-1,N] : Resistor(R = 1)
  part s : VoltageSource
  part g : Ground
equations
  for i in 2..N-1
    for j in 2..N-1
      connect h[i,j-1].n, h[i,j].p, v[i-1,j].n, v[i,j].p
    end
  end
  for j in 2..N-1
    connect h[1,j-1].n, h[1,j].p, v[1,j].p
    connect h[N,j-1].n, h[N,j].p, v[N-1,j].n
    connect h[j,1].p, v[j-1,1].n, v[j,1].p
    connect h[j,N-1].n, v[j-1,N].n, v[j,N].p
  end
  connect s.p, h[1,1].p, v[1,1].p
  connect h[1,N-1].n, v[1,N].p
  connect h[N,1].p, v[N-1,1].n
  connect s.n, h[N,N-1].n, v[N-1,N].n, g.p
end
"""


def circuit(parts: str, equations: str):
    text = CIRCUIT.format(parts=parts, equations=equations)
    return compile_model(Source("m.sml", text), stop_after="graph")


@pytest.mark.parametrize(
    "connections",
    [
        "connect s.n, g.p",
        "connect s.n, g.p\n  connect c.n, g.p\n  connect s.n, c.n",
    ],
)
def test_connections_may_be_said_twice(connections):
    system = circuit("  part g : Ground", connections)
    assert (len(system.states), system.warnings) == (1, ())


def test_two_grounds_on_one_node_are_a_warning():
    system = circuit("  part g : Ground\n  part h : Ground", "connect s.n, g.p\n  connect c.n, h.p")
    assert len(system.states) == 1
    (warning,) = system.warnings
    assert warning.code == "W0402"
    assert "`g.p.i`" in warning.title


def test_two_grounds_on_two_nodes_are_a_wire():
    system = circuit("  part g : Ground\n  part h : Ground", "connect s.n, g.p\n  connect r.n, h.p")
    assert len(system.states) == 0
    assert system.warnings == ()


def test_two_wires_side_by_side_are_a_warning():
    system = circuit(
        "  part a : Wire\n  part b : Wire\n  part g : Ground",
        "connect s.n, a.p, b.p\n  connect g.p, a.n, b.n",
    )
    assert [w.code for w in system.warnings] == ["W0402"]


def test_a_missing_ground_is_named():
    with pytest.raises(ModelError) as failure:
        circuit("", "")
    (diagnostic,) = failure.value.diagnostics
    assert diagnostic.code == "E0312"
    assert "ground" in (diagnostic.help or "")


def test_a_part_without_its_law_is_named():
    with pytest.raises(ModelError) as failure:
        circuit("  part t : Lawless\n  part g : Ground", "connect s.n, t.p, g.p\n  connect t.n, s.p")
    (diagnostic,) = failure.value.diagnostics
    # Told at its class.
    assert diagnostic.code == "E0318"
    assert "Lawless" in diagnostic.title


def test_a_mesh_keeps_the_potentials_of_its_nodes():
    start = process_time()
    system = compile_model(Source("m.sml", MESH), stop_after="graph")
    assert process_time() - start < 60
    assert len(system.implicit) == 100 * 100 - 2
    assert len(system.assignments) < 15
