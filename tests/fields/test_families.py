"""Nothing of a field costs per cell: its equations are a few families, and the program has as many operations."""

import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model

MODELS = {
    "conducts": """
  field c(x) over 0..L cells N start x
equations
  der(c) = div((1 + c^2)*grad(c)) - c
  c at 0 = 1
  -(1 + (c at L)^2)*grad(c) at L = 2*(c at L)
""",
    "widens": """
  field c(r) over 0..L cells N grading 1.001 spherical start r
equations
  der(c) = div(harmonic(1 + c)*grad(c))
  c at L = 3
""",
    "is carried": """
  field c(x) over 0..L cells N start x
equations
  der(c) = -div(limited(L, c))
  c at 0 = 1
""",
    "is steady": """
  field c(x) over 0..L cells N start 1
  field u(x) over 0..L cells N guess 0
equations
  der(c) = div(grad(c)) + grad(u)^2
  0 = div((1 + c)*grad(u)) - c
  c at 0 = 1
  grad(c) at L = 0
  u at 0 = 0
  u at L = 1
""",
}


def text(body: str, n: int) -> str:
    return f"model M\n  const N = {n}\n  param L = 1{body}end\n"


@pytest.mark.parametrize("kind", MODELS)
def test_ten_times_as_many_cells_are_no_more_operations(kind):
    small, large = (
        compile_model(Source("m.sml", text(MODELS[kind], n)), stop_after="flat") for n in (200, 2000)
    )
    assert len(small.equations) == len(large.equations) < 16
    assert sum(len(str(f.template)) for f in small.equations) == pytest.approx(
        sum(len(str(f.template)) for f in large.equations), abs=40
    )  # numbers are as long as they are
    small, large = (
        compile_model(Source("m.sml", text(MODELS[kind], n)), stop_after="program") for n in (2000, 8000)
    )
    counts = [{f.name: len(f.ops) for f in program.functions} for program in (small, large)]
    assert counts[0]["rhs"] == counts[1]["rhs"]
    assert counts[0]["jacobian"] == counts[1]["jacobian"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_a_hundred_thousand_cells_compile(kind):
    model = sd.loads(text(MODELS[kind], 100_000))
    assert sum(model.seconds.values()) < 60
