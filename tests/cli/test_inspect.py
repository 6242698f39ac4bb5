"""The output of `inspect`, and the options that simplify, as a user sees them."""

import json

CHAIN = """\
model Chain
  param k = 2
  var A start 1
  var B start 0
  var C start 0
  output heat = k*A
equations
  der(A) = -k*A
  der(B) = k*A - B
  der(C) = B
experiment
  time 0..1, points 3
end
"""


def test_inspect_tells_before_and_after(stiffdsl, folder):
    (folder / "chain.sml").write_text(CHAIN, encoding="utf-8")
    told = stiffdsl("inspect", "chain.sml")
    assert told.status == 0
    assert "conserved  A + B + C" in told.out
    report = json.loads(stiffdsl("inspect", "chain.sml", "--eliminate-conserved", "--json").out)
    assert report["conserved"]["quantities"] == ["A + B + C"]
    assert report["conserved"]["eliminated"] == ["A"]
    assert report["states"] == 2
    assert report["work"]["f"]["after"] <= report["work"]["f"]["before"]
    assert report["factors"] >= report["jacobian"]["size"]
    assert report["reduction"] == {"differentiated": 0, "dummies": 0, "derivatives": [], "invariants": []}


def test_named_outputs_are_all_that_is_written(stiffdsl, folder):
    (folder / "chain.sml").write_text(CHAIN, encoding="utf-8")
    report = json.loads(stiffdsl("compile", "chain.sml", "--outputs", "heat", "--json").out)
    assert report["states"] == 1
    out = stiffdsl("simulate", "chain.sml", "--outputs", "heat, A", "--out", "-").out
    assert out.splitlines()[0] == "time,heat,A"
    assert len(out.splitlines()) == 4


def test_wrong_outputs_are_wrong_usage(stiffdsl, folder):
    (folder / "chain.sml").write_text(CHAIN, encoding="utf-8")
    for command in ("compile", "simulate", "inspect"):
        unknown = stiffdsl(command, "chain.sml", "--outputs", "heet")
        assert unknown.status == 2
        assert "did you mean `heat`" in unknown.err
    assert stiffdsl("simulate", "chain.sml", "--outputs", "2*A").status == 2
    assert stiffdsl("simulate", "chain.sml", "--outputs", ",").status == 2


def test_inspect_counts_what_depends_on_parameters_alone(stiffdsl, folder):
    (folder / "chain.sml").write_text(CHAIN.replace("k*A - B", "exp(-3/k)*A - B"), encoding="utf-8")
    report = json.loads(stiffdsl("inspect", "chain.sml", "--json").out)
    # -k and exp(-3/k), with which f and its Jacobian both multiply.
    assert report["work"]["once"] == 3


def test_an_invariant_that_holds_in_several_places_is_listed_once(stiffdsl):
    report = json.loads(stiffdsl("inspect", "mechanics.slider_crank", "--json").out)
    told = report["reduction"]["invariants"]
    assert len(told) == len(set(told)) == 2
    assert all(text.endswith("= L^2 (line 45), 2 times") for text in told)
