"""Words of the language are names wherever they cannot be more."""

import pytest

from stiffdsl.diagnostics import Source
from stiffdsl.syntax.format import format_source
from stiffdsl.syntax.parse import parse
from stiffdsl.syntax.show import show

WORDS = """
    rate at seed over test field table random within import from function connector model partial end const param input
    var output discrete part port potential flow equations initial reactions experiment connect when elsewhen stop enum
    elseif network in start guess extends every nominal min max return expect set simulate dose observe covariate per of
"""

TEXT = """
function f({w}, b = 2) = {w}*b

model Part
  param {w} [1/s] = 1 in 0..2 "a rate"
  var x start 1
equations
  der(x) = -{w}*x
end

model Whole
  part {w} : Part(x start 5, {w} = 3)
  var y
equations
  y = {w}.x + {w}.{w}
  {w}.x = f(2, b = y)
end

model Kinetics
  var {w} start 1
  var B start 0
reactions
  {w} -> B @ 2
  B + 2*{w} -> {w} rate f({w})
end

model Rod
  var {w}[3] start 1
equations
  {w}[1] = 2
  {w}[2] = sum({w}[i]*i for i in 1..3)
  for {w} in 2..3
    der({w}[{w}]) = 1
  end
end
"""


@pytest.mark.parametrize("word", WORDS.split())
def test_a_word_of_the_language_is_a_name_elsewhere(word):
    source = Source("m.sml", TEXT.replace("{w}", word))
    module = parse(source)
    assert parse(Source("m.sml", show(module))) == module
    assert parse(Source("m.sml", format_source(source))) == module
