"""A tree is printed as a text that parses to it; a layout changes no tree; both are stable."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stiffdsl.diagnostics import Source
from stiffdsl.syntax import tree
from stiffdsl.syntax.format import format_source
from stiffdsl.syntax.parse import parse
from stiffdsl.syntax.show import show, show_expression, show_number
from tests.syntax.texts import expressions, modules

MODELS = sorted((Path(__file__).parents[2] / "models").rglob("*.sml"))


def of(text: str) -> tree.Module:
    return parse(Source("m.sml", text))


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(modules)
def test_a_printed_tree_parses_to_itself(module):
    text = show(module)
    assert of(text) == module
    formatted = format_source(Source("m.sml", text))
    assert of(formatted) == module
    assert format_source(Source("m.sml", formatted)) == formatted


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(expressions, st.randoms(use_true_random=False))
def test_white_space_and_comments_never_reach_the_tree(expression, random):
    text = f"function f() = ({show_expression(expression)})\n".replace("W/(m^2*K)", "W")
    # An index is glued to what it is of: `f(x)[1]`.
    pairs = zip(text, text[1:] + " ", strict=True)
    between = ["", "", " ", "\n", " # note\n"]
    spaced = "".join(c + random.choice(between) if c in "(){}," and after != "[" else c for c, after in pairs)
    module = of(text)
    assert of(spaced) == module
    formatted = format_source(Source("m.sml", spaced))
    assert of(formatted) == module
    assert formatted.count("# note") == spaced.count("# note")
    assert format_source(Source("m.sml", formatted)) == formatted


def test_a_choice_of_values_begins_an_equation():
    text = (
        "model M\n  var x start 1\n  var z\nequations\n  if x > 2 then 2*x else x = z\n  der(x) = -x\nend\n"
    )
    module = of(text)
    assert of(text.replace("if x > 2 then 2*x else x", "(if x > 2 then 2*x else x)")) == module
    assert of(show(module)) == module
    assert format_source(Source("m.sml", text)) == text


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_the_library_is_in_canonical_form(path):
    text = path.read_text(encoding="utf-8")
    assert format_source(Source(str(path), text)) == text
    assert of(show(of(text))) == of(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(20, "20"), (0.04, "0.04"), (3e7, "3e7"), (1e-6, "1e-6"), (1e22, "1e22"), (101325, "101325"), (0, "0"),
     (299792458, "299792458"), (5e-324, "5e-324"), (123456789e8, "1.23456789e16"), (1200000, "12e5")],
)  # fmt: skip
def test_numbers_are_short_and_exact(value, text):
    assert show_number(value) == text
    assert float(show_number(value)) == value


LOOSE = """\
# head


model   M  # kept
 param k=1[1/s]   in 0..2   "rate"
 param long_name = 2 in 0..2  "other"
   var x[3]   start{ 1 ,2,
 3 }
  # about the equations
equations
# first
   der( x[1] )=-k*( x[1]-1 )   # why
 for i in 2..3
  der(x[i]) = x[i-1]+
  x[ i ]
     end
# last
end
"""
NEAT = """\
# head

model M  # kept
  param k = 1 [1/s] in 0..2 "rate"
  param long_name = 2 in 0..2 "other"
  var x[3] start {1, 2,
    3}
  # about the equations
equations
  # first
  der(x[1]) = -k*(x[1] - 1)   # why
  for i in 2..3
    der(x[i]) = x[i-1] +
      x[i]
  end
# last
end
"""


def test_the_canonical_layout():
    assert format_source(Source("m.sml", LOOSE)) == NEAT


def test_columns_stay_and_widen_where_a_name_grew():
    text = "model M\n  var a   start 1  # one\n  var  bcd start 2  # two\n  var e   start 3\nequations\nend\n"
    assert format_source(Source("m.sml", text)) == text.replace(
        "var  bcd start 2 ", "var bcd start 2 "
    ).replace("# two", " # two").replace("  # two", " # two").replace("start 2 # two", "start 2  # two")


def test_line_ends_and_byte_order_marks_are_normalized():
    assert format_source(Source("m.sml", "\ufeffmodel M\r\nend\r")) == "model M\nend\n"


def test_tables_networks_and_events_keep_their_layout():
    text = (
        "model M\n"
        '  table ocv = csv("a.csv", x = "soc",\n    y = "v")  # data\n'
        "  network g(T, soc) -> rate hidden 16, 16 activation tanh seed 3 scale T by 300\n"
        "  discrete on = true\n"
        "equations\n"
        '  when T > 1\n    on := false\n  elsewhen every 60 [s]\n    stop "late"\n  end\n'
        "end\n"
    )
    assert format_source(Source("m.sml", text)) == text
    assert of(show(of(text))) == of(text)


def test_a_block_whose_condition_has_a_unit_in_percent():
    text = "model m\nequations\n  if x > 5 [%] then\n    x = 1\n  else\n    x = 2\n  end\nend\n"
    assert parse(Source("m.sml", show(parse(Source("m.sml", text))))) == parse(Source("m.sml", text))


def test_words_of_a_test_are_names_elsewhere():
    text = """\
model M
  param test = 3
  param at = 1
  var set start 1
  var expect
  part over : Source(at = 5, within = 2)
equations
  test = 3
  set = at*over.within
  expect = within - simulate[of]
end

test "at" of M
  set test = 2, at = 3
  simulate
  expect set at 1 [min] = 2 within 1e-4
  expect max(expect over time) - test < over.at
end
"""
    module = of(text)
    assert [len(module.declarations[1].settings), len(module.declarations[1].expectations)] == [2, 2]
    assert of(show(module)) == module
    assert format_source(Source("m.sml", text)) == text
