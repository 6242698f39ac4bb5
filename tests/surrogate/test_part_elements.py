"""An element of an array of parts is taken out of it: the same model, and a surrogate can take its place."""

import numpy as np
import pytest

import stiffdsl as sd
from stiffdsl.check.text import text
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model
from stiffdsl.surrogate.part.cutting.separate import Moved, by_itself

# Names that lead to the array: from the class that declares it and from above, whole and by index, in loops within
# loops, in sums, the greatest and lists; and values that are numbers, lists, formulas of lists, and passed down.
TEXT = """
from thermal import HeatCapacitor, HeatPort, ThermalConductor, FixedTemperature

model Cell
  port left : HeatPort
  port right : HeatPort
  const n = 2
  param scale = 1
  param own[n] = {1, 2}
  input push = 0 [W]
  var T[n] [degC] start 20
equations
  for k in 1..n
    1e3 [J/K]*scale*own[k]*der(T[k]) = (if k == 1 then left.Q + push else 0) +
      (if k == n then right.Q else 0) + 5 [W/K]*(T[n + 1 - k] - T[k])
  end
  left.T = T[1]
  right.T = T[n]
end

model Row
  const N = 4
  param ranks[N] = {2, 1, 3, 1.5}
  port first : HeatPort
  port last : HeatPort
  part cells[N] : Cell(scale = 2*ranks + (0.1*k for k in 1..N), own = {1.5, 2.5}, push = 1 [W])
  part links[N-1] : ThermalConductor(G = {2, 3, 4})
  output hottest [degC] = max(cells[i].T[j] for i in 1..N, j in 1..2)
  output total [K] = sum(cells.T[1]) + sum(cells[i].T[2] for i in 2..N-1)
  output pair[2] [degC] = (cells[N + 1 - i].T[1] for i in 1..2)
equations
  connect first, cells[1].left
  connect cells[N].right, last
  for i in 1..N-1
    connect cells[i].right, links[i].a
    connect links[i].b, cells[i+1].left
  end
end

model Site
  part row : Row(cells.T start 25 [degC], links.G = {5, 6, 7})
  part warm : FixedTemperature(T = 320)
  part cold : HeatCapacitor(C = 1e3, T start 290)
  output spread[4] [K] = (row.cells[i].T[1] - row.cells[i].T[2] for i in 1..4)
equations
  connect warm.port, row.first
  connect row.last, cold.port
experiment
  time 0..600, rtol 1e-9, atol 1e-9, points 8
end
"""


@pytest.fixture(scope="module")
def site():
    return sd.loads(TEXT)


@pytest.mark.parametrize("k", [1, 3, 4])
def test_a_model_with_an_element_by_itself_is_the_same_model(site, k):
    made, name, moved = by_itself(site, f"row.cells[{k}]")
    assert name == f"row.cells_{k}"
    assert made.program.system.size == site.program.system.size
    before, after = site.simulate(points=8), made.simulate(points=8)
    for scalar in site.variable_names.scalars():
        assert np.allclose(after[moved(scalar)], before[scalar], rtol=1e-6, atol=1e-6), scalar
    # Its text stands by itself too.
    written = text(made.origin(stop_after="check"))
    again = compile_model(Source("<text>", written))
    assert again.program.system.size == site.program.system.size


def test_what_is_named_by_its_old_name_is_told_the_new_one(site):
    made, _, moved = by_itself(site, "row.cells[3].left")
    assert isinstance(moved, Moved)
    with pytest.raises(
        KeyError, match=r"`row\.cells\[4\]\.T\[1\]` is called `row\.cells_but_3\[3\]\.T\[1\]` here"
    ):
        made.simulate()["row.cells[4].T[1]"]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("row.cells", r"such as `row\.cells\[1\]`"),
        ("row.cells[5]", r"outside 1\.\.4"),
        ("row.cells[x]", r"outside 1\.\.4"),
        ("row.cell[1]", "no array of parts"),
        ("cold[1]", "no array of parts"),
    ],
)
def test_what_is_no_element_is_told(site, part, told):
    with pytest.raises(ValueError, match=told):
        site.surrogate(part=part)


def test_an_element_that_is_connected_with_all_others_at_once_cannot_be_told_apart():
    bundle = sd.loads(
        """
from thermal import HeatCapacitor, FixedTemperature
model Bundle
  part rods[3] : HeatCapacitor(C = {1, 2, 3})
  part loads[3] : FixedTemperature
equations
  connect rods.port, loads.port
end
""".replace("loads[3] : FixedTemperature", "loads[3] : HeatCapacitor(C = 2)")
    )
    with pytest.raises(ValueError, match="connected as a whole"):
        bundle.surrogate(part="rods[2]")


@pytest.mark.slow
def test_a_surrogate_takes_the_place_of_one_element():
    model = sd.loads("""
from thermal import FixedTemperature, HeatPort
model Slab "twelve cells"
  const n = 12
  port a : HeatPort
  port b : HeatPort
  param R = 0.1 [K/W]
  param C = 1e5 [J/K]
  var T[n] [degC] start 20
equations
  a.Q = (a.T - T[1])*2*n/R
  b.Q = (b.T - T[n])*2*n/R
  for k in 1..n
    C/n*der(T[k]) = (if k == 1 then a.Q else (T[max(1, k-1)] - T[k])*n/R) +
      (if k == n then b.Q else (T[min(n, k+1)] - T[k])*n/R)
  end
end
model Stack
  param warm = 300 [K] in 290..310
  part slabs[3] : Slab(R = {0.1, 0.2, 0.1})
  part left : FixedTemperature(T = warm)
  part right : FixedTemperature(T = 280)
equations
  connect left.port, slabs[1].a
  for i in 1..2
    connect slabs[i].b, slabs[i+1].a
  end
  connect slabs[3].b, right.port
experiment
  time 0..20000, rtol 1e-7, atol 1e-7, points 40
end
""")
    made = model.surrogate(
        part="slabs[2]", outputs=("slabs[3].a.Q", "slabs[1].T[12]"), samples=6, held_out_samples=20
    )
    assert made.part == "slabs_2"
    assert made.outputs[:2] == ("slabs_but_2[2].a.Q", "slabs_but_2[1].T[12]")
    assert made.validation["p95"] < 1e-3
    assert len(made.model.program.system.states) < len(model.program.system.states)
    truth, found = model.simulate(params={"warm": 305}), made.simulate(params={"warm": 305})
    assert np.allclose(found["slabs_but_2[2].T[1]"], truth["slabs[3].T[1]"], atol=0.05)
