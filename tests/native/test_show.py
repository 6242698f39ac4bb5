"""The dump of a kernel: its passes, and what each left."""

from stiffdsl.diagnostics import Source
from stiffdsl.native.show import show
from stiffdsl.pipeline import compile_model
from stiffdsl.resources import folder


def dump(text: str) -> str:
    return show(compile_model(Source("test.sml", text), stop_after="program"))


def test_the_passes_of_robertson():
    text = dump((folder("models") / "chemistry" / "robertson.sml").read_text())
    assert text.split("\n\nfunctions of the model ")[0] == (
        "kernel of Robertson by rodas5p: 2 unknowns, 8 stages of order 5\n"
        "\n"
        "passes\n"
        "  1  segments    no conditions on time\n"
        "  2  pivots      4 entries of W, 4 of its factors, 1 multiplications; number by number\n"
        "  3  invariants  none\n"
        "  4  derivative  f does not depend on time\n"
        "  5  hoisting    nothing depends on parameters alone\n"
        "  6  step        unrolled, factors in registers; 8 solves with one factorization\n"
        "  7  lanes       side by side in vector registers"
    )
    assert all(f"  {name} " in text for name in ("rhs", "jacobian", "solve_lane", "attempt"))


def test_a_model_without_a_kernel_says_why():
    assert dump("model M\nvar x\nequations\n  x = 2\nend\n").startswith("no kernel of M by rodas5p: ")


def test_conditions_parameters_and_time_show_in_the_passes():
    text = dump(
        "model M\nparam k = 2\nvar x start 1\nequations\n"
        "  der(x) = -exp(k)*x + (if time < k then sin(time) else 0)\nend\n"
    )
    assert "1 conditions on time: held in a step" in text
    assert "rhs_t" in text
    assert "values once for a solve (`prepare`)" in text
