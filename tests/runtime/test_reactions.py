"""Reactions: whole rates, labels, sources and sinks, in both tiers."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.syntax.format import format_source
from stiffdsl.syntax.parse import parse
from stiffdsl.syntax.show import show

TIERS = ("auto", "fbdf")

ALL = """model All
  const N = 3
  param V = 2
  param Km = 0.5
  param kf = 2
  param kr = 3
  var A start 1
  var B start 0
  var X start 1
  var Y start 0
  var D start 2
  var x[N] start (i for i in 1..N)
  var rate start 1
  output seen = bind.rate
equations
  # nothing but reactions
reactions
  enzyme: A -> B rate V*A/(Km + A)
  X <-> Y rate kf*X - kr*Y
  bind: D + D -> 0 @ 0.3
  0 -> D @ 0.7
  D + D -> B rate 0.1*D
  both: A <-> X @ 0.2, 0.4
  for i in 2..N
    r: x[i] -> 2 x[i-1] @ i
  end
  rate -> 0 @ 2
  0 -> 2 rate rate 0.5
end
"""


def rhs(t, s):
    a, _, x, y, d, _, x2, x3, rate = s
    enzyme, exchange, both = 2 * a / (0.5 + a), 2 * x - 3 * y, 0.2 * a - 0.4 * x
    bind, whole = 0.3 * d * d, 0.1 * d
    return [
        -enzyme - both, enzyme + whole, -exchange + both, exchange, -2 * bind + 0.7 - 2 * whole,
        2 * 2 * x2, -2 * x2 + 2 * 3 * x3, -3 * x3, -2 * rate + 2 * 0.5,
    ]  # fmt: skip


@pytest.mark.parametrize("method", TIERS)
def test_every_form(method):
    end = solve_ivp(rhs, (0, 1), [1, 0, 1, 0, 2, 1, 2, 3, 1], rtol=1e-11, atol=1e-13).y[:, -1]
    solution = sd.loads(ALL).simulate(time=(0, 1), rtol=1e-9, method=method)
    found = [solution[n][-1] for n in ("A", "B", "X", "Y", "D", "x[1]", "x[2]", "x[3]", "rate")]
    np.testing.assert_allclose(found, end, rtol=1e-6)
    a, _, x, _, d, _, x2, x3, _ = end
    rates = {"enzyme.rate": 2 * a / (0.5 + a), "bind.rate": 0.3 * d * d, "seen": 0.3 * d * d,
             "both.rate": 0.2 * a - 0.4 * x, "r[2].rate": 2 * x2, "r[3].rate": 3 * x3, "r[1].rate": 0}  # fmt: skip
    for name, value in rates.items():
        assert solution[name][-1] == pytest.approx(value, rel=1e-5, abs=1e-12), name
    assert "enzyme.rate" in solution.names


def test_reactions_survive_the_printers():
    module = parse(Source("m.sml", ALL))
    assert parse(Source("m.sml", show(module))) == module
    written = format_source(Source("m.sml", ALL))
    assert parse(Source("m.sml", written)) == module
    assert "enzyme: A -> B rate V*A/(Km + A)" in written


def test_rates_have_the_unit_of_their_species_a_second():
    model = sd.loads(
        "model M\n  var A [mol/L] start 1\n  var B [mmol] start 0\nreactions\n  a: 2 A -> 0 @ 1 [L/(mol*s)]\n"
        "  b: B -> 0 @ 1\nend"
    )
    assert {r.name: r.unit for r in model.variables if "." in r.name} == {
        "a.rate": "mol/(L*s)",
        "b.rate": "mmol/s",
    }
    solution = model.simulate(time=(0, 1), rtol=1e-8)
    assert solution["A"][-1] == pytest.approx(1 / 3, rel=1e-6)
    assert solution["a.rate"][-1] == pytest.approx(1 / 9, rel=1e-6)


def test_labels_belong_to_instances_and_are_inherited():
    text = """model Cell
      var A start 1
    reactions
      out: A -> 0 @ 2
    end
    model Larger extends Cell
      output twice = 2*out.rate
    end
    model M
      part cells[3] : Larger(A start {1, 2, 3})
      output total = sum(cells[i].out.rate for i in 1..3)
    end"""
    solution = sd.loads(text).simulate(time=(0, 1), rtol=1e-8)
    assert solution["cells[2].out.rate"][-1] == pytest.approx(4 * np.exp(-2), rel=1e-6)
    assert solution["cells[2].twice"][-1] == pytest.approx(8 * np.exp(-2), rel=1e-6)
    assert solution["total"][-1] == pytest.approx(12 * np.exp(-2), rel=1e-6)


def test_whole_rates_in_a_long_file_are_one_family():
    count = 80
    lines = ["model M"]
    lines += [f"  var A{k} start {k}" for k in range(1, count + 1)]
    lines += ["reactions"]
    lines += [f"  A{k} -> 0 rate {k}*A{k}/(0.5 + A{k})" for k in range(1, count + 1)]
    lines += ["end"]
    model = sd.loads("\n".join(lines))
    assert len(model.program.system.flat.equations) <= 4
    solution = model.simulate(time=(0, 0.1), rtol=1e-9)
    for k in (1, 2, 40, 80):
        wanted = solve_ivp(lambda t, a, k=k: -k * a / (0.5 + a), (0, 0.1), [k], rtol=1e-10, atol=1e-12).y[
            0, -1
        ]
        assert solution[f"A{k}"][-1] == pytest.approx(wanted, rel=1e-6)
