"""Mistakes that only the instantiated model shows."""

import pytest
from tests.flat.flatten_text import flat

from stiffdsl.diagnostics import ModelError

WRONG = {
    "E0303": (
        "model M\n  var x[3] start 0\nequations\n  der(x) = -x\n  x[4] = 1\nend\n",
        "the index 4 of `x` is outside 1..3",
    ),
    "E0304": (
        "model M\n  param n = 3\n  var x[3] start 0\nequations\n  for i in 1..n\n    der(x[i]) = 1\n  end\nend\n",
        "the bound of a range must be known at compile time",
    ),
    "E0305": (
        "model M\n  var x[3] start 0\n  var y[2] start 0\nequations\n  der(x) = -x\n  der(y) = x\nend\n",
        "arrays of different shape",
    ),
    "E0306": (
        "model M\n  var x start 1\n  param p = x\nequations\n  der(x) = -x\nend\n",
        "the parameter `p` cannot depend on a variable",
    ),
    "E0307": ("model M\n  var x start 1\nequations\n  der(x) = -x\n  1 = 2\nend\n", "can never hold"),
    "E0310": ("model M\n  param p\n  var x start 1\nequations\n  der(x) = -p*x\nend\n", "`p` has no value"),
    "E0320": ("model M\n  param a = b\n  param b = a\n  var x = a\nequations\nend\n", "is defined by itself"),
}


@pytest.mark.parametrize("code", sorted(WRONG))
def test_each_code_has_its_words(code):
    text, words = WRONG[code]
    with pytest.raises(ModelError) as caught:
        flat(text)
    message = str(caught.value)
    assert message.startswith(f"error[{code}]")
    assert words in message
    assert "model.sml:" in message


def test_independent_mistakes_are_reported_together():
    with pytest.raises(ModelError) as caught:
        flat("model M\n  var x[2] start 0\nequations\n  der(x[3]) = 1\n  x[5] = 2\n  der(x[1]) = 0\nend\n")
    assert len(caught.value.diagnostics) == 2


def test_a_constant_that_does_not_exist_is_named():
    with pytest.raises(ModelError, match="there is no constant `M`"):
        flat("model A\n  const N = 2\n  var x[N] start 0\nequations\n  der(x) = -x\nend\n", {"M": 3})
