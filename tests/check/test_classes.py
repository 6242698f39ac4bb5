"""Classes and files: inheritance merges, functions and constants of files disappear, imports are found."""

from dataclasses import replace

import pytest

import stiffdsl as sd
from stiffdsl.check import check
from stiffdsl.check.show import show
from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.syntax import tree
from stiffdsl.syntax.parse import parse

BASE = """
partial model Base
  param a = 1
  param b = 2 [kohm]
  part r : Inner(k = 3)
  var x start 1
equations
  der(x) = -a*x
end

model Inner
  param k
  param m = 1
  var y
equations
  y = k*m
end
"""


def test_extends_merges_and_its_modifiers_apply(checked):
    model = checked(
        BASE + "\nmodel M extends Base(a = 5, b = 7, r.m = 4, x start 2)\n  var z\nequations\n  z = x\nend\n"
    )
    root = model.root
    values = {v.name: v for v in root.variables}
    assert list(values) == ["a", "b", "x", "z"]
    assert values["a"].value.value == 5.0
    assert values["b"].value.value == 7000.0
    assert values["x"].start.value == 2.0
    assert [(m.name, m.value.value) for m in root.components[0].modifiers] == [("k", 3.0), ("m", 4.0)]
    assert len(root.equations) == 2


def test_a_base_reached_along_two_ways_counts_once(checked):
    model = checked("""
partial model A
  var x start 1
equations
  der(x) = -x
end
partial model B extends A
end
partial model C extends A
end
model M extends B, C
end
""")
    assert [v.name for v in model.root.variables] == ["x"]
    assert len(model.root.equations) == 1


def test_functions_and_constants_of_files_are_inlined(checked):
    library = """
const R = 8.314 [J/(mol*K)]
const weights = {1, 2, 3}
function arrhenius(A, Ea, T) = A*exp(-Ea/(R*T))
function weighted(x) = sum(x[i]*weights[i] for i in 1..3)
"""
    model = checked(
        """
import chemistry
from chemistry import arrhenius, weighted

model M
  const i = 2
  var T [K] start 300
  var x[3] start 1
  var y
equations
  der(T) = arrhenius(1 [K/s], 5 [kJ/mol], T) - chemistry.R*(1 [K^2*mol/J/s])
  der(x) = -x
  y = weighted(x)
end
""",
        files={"chemistry": library},
    )
    assert [v.name for v in model.root.variables] == ["_weights", "i", "T", "x", "y"]
    text = show(model)
    assert "arrhenius" not in text
    assert "chemistry" not in text
    assert "8.314" in text
    assert "_weights[i]" in text


def test_a_loop_index_in_a_function_does_not_catch_an_argument(checked):
    model = checked("""
function total(x) = sum(x*i for i in 1..3)

model M
  var y[4]
equations
  for i in 1..4
    y[i] = total(i)
  end
end
""")
    right = model.root.equations[0].body[0].right
    assert right.iterators[0].name == "i_1"
    assert [right.body.left.parts[0].name, right.body.right.parts[0].name] == ["i", "i_1"]


def test_a_file_is_parsed_once_and_its_class_is_one(checked):
    files = {
        "pins": "connector Pin\n  potential v\n  flow i\nend\n",
        "a": "from pins import Pin\nmodel A\n  port p : Pin\nequations\n  p.v = 1\nend\n",
        "b": "import pins\nmodel B\n  port p : pins.Pin\nequations\n  p.i = 1\nend\n",
    }
    checked(
        """
from a import A
from b import B
model M
  part x : A
  part y : B
equations
  connect x.p, y.p
end
""",
        files=files,
    )


def test_mistakes_of_an_imported_file_are_told_with_its_own(checked):
    with pytest.raises(ModelError) as error:
        checked(
            "import broken\nmodel M\n  var x\nequations\n  x = y\nend\n",
            files={"broken": "model A\n  var x x\nend\n"},
        )
    assert "broken.sml:2" in str(error.value)


def test_the_main_model_is_the_last_whole_one_or_the_named_one(checked):
    text = BASE + "\nmodel M extends Base\nend\npartial model P\nend\n"
    assert checked(text).root.name == "M"
    assert checked(text, model="M").root.name == "M"
    with pytest.raises(ModelError, match="there is no model `N` in this file"):
        checked(text, model="N")


def test_independent_mistakes_are_told_in_one_run(checked):
    with pytest.raises(ModelError) as error:
        checked("""
model M
  var x [V]
  var y [A]
equations
  x = y
  x = zz
  y = foo(x)
  y = foo(zz)
end
""")
    assert [d.code for d in error.value.diagnostics] == ["E0502", "E0220", "E0230"]
    assert error.value.diagnostics[1].notes == ("the same in 1 more place",)


def test_what_is_shown_is_read_again(checked):
    model = checked(BASE + "\nmodel M extends Base(a = 5)\nend\n")
    text = show(model)
    parse(Source("shown.sml", text))
    assert text.index("model Inner") < text.index("model M")


def test_long_sums_and_deep_parentheses(checked):
    terms = " + ".join("x" for _ in range(20_000))
    deep = "(" * 150 + "x" + "+1)" * 150
    model = checked(f"model M\n  var x\n  var y\nequations\n  0 = {terms}\n  y = {deep}\nend\n")
    assert len(model.root.equations) == 2


def test_an_array_without_a_size_takes_that_of_its_value(checked):
    model = checked("model M\n  const w = {{1, 2}, {3, 4}, {5, 6}}\n  var x\nequations\n  x = w[3, 2]\nend\n")
    assert [d.value for d in model.root.variables[0].dimensions] == [3.0, 2.0]


def test_an_expression_that_is_too_deep_is_a_mistake_and_no_crash(checked):
    module = parse(Source("m.sml", "model M\n  var x\nequations\n  x = y\nend\n"))
    model = module.declarations[0]
    deep = model.equations[0].left
    for _ in range(50_000):
        deep = tree.Unary("-", deep, deep.span)
    equation = replace(model.equations[0], right=deep)
    module = replace(module, declarations=(replace(model, equations=(equation,)),))
    with pytest.raises(ModelError, match="E0258"):
        check(module, Source("m.sml", ""), load=lambda dotted, importing: None)


PARTS = """
function f(x) = 2*x
model A
  param L = 1
  table U(x)
end
model B
  param L = 1
end
partial model Set
  part a : A
  part b : B
end
model P
  table U(x)
  output y = U(1)
end
"""


def test_a_class_that_extends_sets_what_parts_of_parts_of_its_base_have():
    text = PARTS + "model Own extends Set(a.U = f, b.L = 3)\nend\n"
    text += "model Cell\n  part set : Own\n  output y = set.b.L + set.a.U(2)\nend\n"
    assert sd.loads(text).simulate(time=(0, 1))["y"][-1] == pytest.approx(7)


def test_a_function_in_the_place_of_a_table_of_a_part_is_not_handed_on():
    text = PARTS + "model Cell\n  part a : A(U = f)\n  part p : P(U = a.U)\nend\n"
    with pytest.raises(sd.ModelError, match="E0294"):
        sd.loads(text)
