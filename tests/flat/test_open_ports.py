"""A pin that was forgotten is told; an end that is free, or insulated, is not."""

from pathlib import Path

import pytest

from stiffdsl.diagnostics import Source, render
from stiffdsl.pipeline import compile_model
from stiffdsl.resources import folder

CIRCUIT = """
from electrical import Capacitor, Ground, Resistor, VoltageStep

model Circuit
  part src : VoltageStep(V = 5)
  part r   : Resistor
  part c   : Capacitor
  part gnd : Ground
  part {extra}
equations
  connect src.p, r.p
  connect r.n, c.p
  connect c.n, src.n, gnd.p
  {connections}
end
"""
SHAFT = """
from rotational import Damper, Inertia, Spring, TorqueStep

model Shaft
  part drive : TorqueStep(tau = 1)
  part wheel : Inertia(J = 1)
  {extra}
equations
  connect drive.flange, wheel.a
  {connections}
end
"""


def _warnings(text: str) -> list[str]:
    system = compile_model(Source("m.sml", text), stop_after="graph")
    return [render(w) for w in (*system.flat.warnings, *system.warnings)]


@pytest.mark.parametrize(
    ("extra", "connections", "names"),
    [
        ("extra : Resistor", "connect extra.p, r.n", "`extra.n` is connected to nothing"),
        ("extra : Capacitor(v start 0)", "connect src.p, extra.n", "`extra.p` is connected to nothing"),
        (
            "extra[2] : Resistor",
            "connect extra[2].p, r.n, extra[1].p\n  connect extra[1].n, c.p",
            "`extra[2].n` is",
        ),
        (
            "extra[8] : Resistor",
            "for i in 1..8\n    connect extra[i].p, r.n\n  end",
            "`extra[3].n` and 5 more are",
        ),
    ],
)
def test_a_pin_that_was_forgotten(extra, connections, names):
    warning, *others = _warnings(CIRCUIT.format(extra=extra, connections=connections))
    assert warning.startswith("warning[W0301]")
    assert names in warning.splitlines()[0]
    assert "nothing flows through `extra" in warning
    assert "connect" in warning.splitlines()[-1]
    assert not others


def test_an_element_of_an_array_is_named():
    connections = "connect extra[2].p, r.n, extra[1].p\n  connect extra[1].n, c.p"
    (warning,) = _warnings(CIRCUIT.format(extra="extra[2] : Resistor", connections=connections))
    assert "nothing flows through `extra[2]`" in warning


@pytest.mark.parametrize(
    ("extra", "connections"),
    [
        ("extra : Ground", ""),
        ("extra : Resistor", "connect extra.p, r.n\n  connect extra.n, r.p"),
    ],
)
def test_what_is_connected_or_alone_is_not_told(extra, connections):
    assert not [w for w in _warnings(CIRCUIT.format(extra=extra, connections=connections)) if "W0301" in w]


def test_a_free_end_of_a_shaft_does_something():
    assert not _warnings(SHAFT.format(extra="", connections=""))
    dragged = SHAFT.format(extra="part brake : Damper(d = 1)", connections="connect wheel.b, brake.a")
    assert "`brake.b` is connected to nothing" in _warnings(dragged)[0]


@pytest.mark.parametrize("path", sorted(folder("models").rglob("*.sml")), ids=lambda p: p.stem)
def test_the_library_leaves_no_port_out(path: Path):
    text = path.read_text(encoding="utf-8")
    if "\nexperiment" in text:
        system = compile_model(Source(str(path), text), stop_after="graph")
        assert "W0301" not in [warning.code for warning in system.flat.warnings]


def test_connectors_that_hold_ports_alone_are_told_by_these():
    """Found by the fuzzer: a connector without variables of its own, one half of which is connected."""
    text = """
connector Pin
  potential v [V]
  flow i [A]
end
connector Plug
  port phase : Pin
  port neutral : Pin
end
model Load
  port plug : Plug
equations
  plug.phase.i = 1 [A/V]*(plug.phase.v - plug.neutral.v)
  plug.neutral.i = -plug.phase.i
end
model Source
  port plug : Plug
equations
  plug.phase.v = 230
  plug.neutral.v = 0
end
model M
  part source : Source
  part load[2] : Load
equations
  connect source.plug, load[1].plug
  connect source.plug.neutral, load[2].plug.neutral
end
"""
    (told,) = _warnings(text)
    assert "`load[2].plug.phase`" in told
    assert "`load[2].plug`," not in told
