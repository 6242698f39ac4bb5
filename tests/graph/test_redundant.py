"""Loops of ideal sources and doubled references: accepted where they agree, told by part where they do not."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError, Source, render
from stiffdsl.pipeline import compile_model

TEXT = """
import electrical
model Loop
  part s1 : electrical.VoltageSource(V = 5)
  part s2 : electrical.VoltageSource(V = 2)
  part s3 : electrical.VoltageSource(V = {0})
  part r  : electrical.Resistor(R = 10)
  part g1 : electrical.Ground
  part g2 : electrical.Ground
equations
  connect s1.n, s3.n, g1.p
  connect r.n, g2.p
  connect s1.p, s2.n
  connect s2.p, s3.p, r.p
experiment
  time 0..1
end
"""


def test_a_loop_of_sources_that_fits_is_checked_where_a_run_begins():
    model = sd.loads(TEXT.format(7))
    sol = model.simulate(saveat=[1.0])
    assert sol.success
    # Each node is balanced, and the resistor carries what its 7 V say.
    assert sol["r.i"][0] == pytest.approx(0.7)
    assert sol["s1.i"][0] == pytest.approx(sol["s2.i"][0])
    assert sol["s2.i"][0] + sol["s3.i"][0] + sol["r.i"][0] == pytest.approx(0)
    other = model.simulate(params={"s3.V": 8.0})
    assert not other.success
    assert "start values contradict the equations" in other.reason
    batch = model.ensemble({"s1.V": np.array([5.0, 6.0])}, saveat=[1.0], outputs=("r.i",))
    assert batch.success.tolist() == [True, False]


def test_what_flows_around_a_loop_of_sources_is_a_warning():
    system = compile_model(Source("m.sml", TEXT.format(7)), stop_after="graph")
    assert [w.code for w in system.warnings] == ["W0402"]
    assert sum(f.size for f in system.initial.checks) == 1


def test_a_loop_that_does_not_fit_is_told_by_its_parts():
    with pytest.raises(ModelError) as failure:
        compile_model(Source("m.sml", TEXT.format(8)), stop_after="graph")
    told = render(failure.value.diagnostics[0])
    assert "this equation of `s2` has no unknown left to determine" in told
    for name in ("s1", "s2", "s3"):
        assert f"`{name}.v` is already determined by `v = V` of `{name}` (line 54)" in told


def test_an_equation_whose_unknown_cancels_is_no_repetition():
    with pytest.raises(ModelError) as raised:
        sd.loads("model M\n  var x\n  var y start 1\nequations\n  x = x + 0.001\n  der(y) = x - y\nend\n")
    assert "this equation has no unknown left to determine" in str(raised.value)
