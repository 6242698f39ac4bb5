"""Components by themselves: as many equations as unknowns but for the flows of their ports, told at their class."""

from pathlib import Path

import pytest

from stiffdsl.check.compile import classes_of
from stiffdsl.diagnostics import ModelError, Source, render
from stiffdsl.flat.connections.balance import unbalanced
from stiffdsl.pipeline import compile_model
from stiffdsl.sources import load_import
from stiffdsl.syntax.parse import parse

MODELS = Path(__file__).resolve().parents[2] / "models"
PIN = "connector Pin\n  potential v\n  flow i\nend\n"
GOOD = {
    "Source": "port p : Pin\n param I\nequations\n p.i = I",
    "Ground": "port p : Pin\nequations\n p.v = 0",
    "Meter": "port p : Pin\n output y = p.v\nequations\n p.i = 0",
    "Many": "const N = 3\n port p[N] : Pin\n param R[N] = 1\nequations\n for i in 1..N\n  p[i].v = R[i]*p[i].i\n end",
    "Switch": "port p : Pin\n discrete on = 0\nequations\n p.v = on*p.i\n when time > 1\n  on := 1\n end",
    "Whole": "port p : Pin\n part a : Source(I = 1)\n part b : Ground\nequations\n connect p, a.p\n connect b.p, a.p",
}


def told(text: str) -> list[str]:
    source = Source("parts.sml", text)
    found = [
        d for cls in classes_of(parse(source), source, load=load_import) for d in unbalanced(cls, source)
    ]
    return list(dict.fromkeys(render(d) for d in found))


def models(bodies: dict[str, str]) -> str:
    return PIN + "".join(f"model {name}\n {body}\nend\n" for name, body in bodies.items())


def test_balanced_components_are_not_told():
    assert told(models(GOOD)) == []


@pytest.mark.parametrize(
    "library", ["electrical", "fluid", "rotational", "thermal", "translational", "mechanics/planar"]
)
def test_the_library_is_in_balance(library):
    assert told((MODELS / f"{library}.sml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("port p : Pin\n var v\nequations\n v = p.v", "has 1 equation and needs 2"),
        ("port p : Pin\n port n : Pin\nequations\n p.v = n.v", "has 1 equation and needs 2"),
        ("port p : Pin\n param R\nequations\n p.v = R*p.i\n p.i = 2", "has 2 equations and needs 1"),
        (
            "const N = 3\n port p[N] : Pin\nequations\n for i in 2..N\n  p[i].v = p[i].i\n end",
            "has 2 equations and needs 3",
        ),
        ("port p : Pin\n var x start 0\nequations\n der(x) = p.i\n p.v = x\n x = 2", "has 3 equations and needs 2"),
    ],
)  # fmt: skip
def test_a_component_out_of_balance_is_told(body, title):
    (text,) = told(models({"Part": body}))
    assert f"error[E0318]: the component `Part` {title}" in text


def test_only_the_component_itself_is_told_and_not_what_holds_it():
    bodies = {
        "Half": "port p : Pin\n var v\nequations\n v = p.v",
        "Holder": "port q : Pin\n part h : Half\nequations\n connect q, h.p",
    }
    (text,) = told(models(bodies))
    assert "`Half`" in text


def test_connectors_without_as_many_flows_as_potentials_say_nothing():
    text = "connector Signal\n potential u\nend\nmodel Gain\n port a : Signal\n port b : Signal\n"
    assert told(text + "equations\n b.u = 2*a.u\nend\n") == []


def test_a_model_that_uses_it_is_told_of_the_component():
    bodies = {
        "Half": "port p : Pin\n var v\nequations\n v = p.v",
        "Circuit": "part h : Half\n part g : Ground\nequations\n connect h.p, g.p",
    }
    text = models({"Ground": GOOD["Ground"], **bodies})
    with pytest.raises(ModelError) as caught:
        compile_model(Source("m.sml", text), stop_after="graph")
    assert [d.code for d in caught.value.diagnostics] == ["E0318"]
    assert "model Half" in str(caught.value)


def test_a_model_whose_parts_are_in_balance_is_told_as_a_whole():
    text = models({"Ground": GOOD["Ground"], "Circuit": "var x\n part g : Ground"})
    with pytest.raises(ModelError) as caught:
        compile_model(Source("m.sml", text), stop_after="graph")
    assert [d.code for d in caught.value.diagnostics] == ["E0312"]
