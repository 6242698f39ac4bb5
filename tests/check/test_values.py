"""Units of values: numbers without a unit are read in the declared unit, all else is in SI already."""

import pytest

from stiffdsl.diagnostics import Source, Span
from stiffdsl.syntax import tree

NOWHERE = Span(Source("", ""), 1, 1, 1, 1)


def number(value: float) -> tree.Number:
    """A number without a unit; equality ignores the place."""
    return tree.Number(value, None, NOWHERE)


def variable(checked_model, name):
    return next(v for v in checked_model.root.variables if v.name == name)


def test_start_is_read_in_the_declared_unit(checked):
    model = checked("""
model M
  var T [degC] start 20
equations
  der(T) = 0
end
""")
    assert variable(model, "T").start == number(293.15)


def test_a_value_with_its_own_unit_is_not_read_in_another(checked):
    model = checked("""
model M
  param tau [min] = 30 [s]
  param R = 2 [kohm]
  param C = 3 [mF]
  param T [min] = R*C
  var x start 1
equations
  der(x) = -x/tau
end
""")
    assert variable(model, "tau").value == number(30.0)
    assert variable(model, "R").value == number(2000.0)
    assert variable(model, "C").value == number(0.003)
    assert isinstance(variable(model, "T").value, tree.Binary)
    assert variable(model, "T").value.operator == "*"
    assert isinstance(variable(model, "T").value.left, tree.Name)


def test_ranges_arrays_and_expressions_of_numbers_are_read_in_the_declared_unit(checked):
    model = checked("""
model M
  const n = 2
  param k [1/min] = -3*2 in 30..60
  param p[2] [bar] = {1, 2 [Pa]}
  var T[3] [degC] start (10*i for i in 1..3)
  var q [kW] start n
equations
  der(T) = 0
  der(q) = -k*q
end
""")
    assert variable(model, "k").value == number(pytest.approx(-0.1))
    assert variable(model, "k").range.first == number(0.5)
    assert variable(model, "p").value.items == (number(1e5), number(2.0))
    start = variable(model, "T").start
    assert start.operator == "+"
    assert start.right == number(273.15)
    q = variable(model, "q").start
    assert (q.operator, q.left) == ("*", number(1000.0))


def test_modifiers_are_read_in_the_unit_of_what_they_modify(checked):
    model = checked("""
model Resistor
  param R = 1 [kohm]
  var i [mA] guess 1
equations
  i*R = 5 [V]
end

model M
  param Rb = 2 [ohm]
  part a : Resistor(R = 4.7, i guess 3)
  part b : Resistor(R = Rb)
  part c[3] : Resistor(R = {1, 2, 3})
end
""")
    a, b, c = model.root.components
    assert [m.value for m in a.modifiers] == [number(4700.0), number(0.003)]
    assert isinstance(b.modifiers[0].value, tree.Name)
    assert [i.value for i in c.modifiers[0].value.items] == [1000.0, 2000.0, 3000.0]
    assert a.cls is b.cls is c.cls


def test_units_inside_equations_are_converted(checked):
    model = checked("""
model M
  var T [degC] start 20
equations
  der(T) = -(T - 20 [degC])/(5 [min])
end
""")
    right = model.root.equations[0].right
    assert right.left.operand.right == number(293.15)
    assert right.right == number(300.0)


def test_the_time_of_an_experiment_is_in_seconds(checked):
    model = checked("""
model M
  var x start 1
equations
  der(x) = -x
experiment
  time 1..2 [h], rtol 1e-6, log, method bdf
end
""")
    options = dict(model.root.experiment.options)
    assert options["time"] == tree.Range(number(3600.0), number(7200.0), NOWHERE)
    assert options["log"] is None
    assert options["rtol"] == number(1e-6)


@pytest.mark.parametrize(
    "equation",
    [
        "m*der(v) = F - 0.5*c*v^2",
        "v = sqrt(2*F/c)",
        "F/c = v^2",
        "v = if v > 3 [km/h] then v else 0",
        "F*v = 5 [kW]",
        "der(v) = F/m + 9.81",
        "v = max(v, 2 [m/s]) + smooth_step(v, 1 [m/s])*v",
        "exp(v/(1 [m/s])) = 2",
        "v = 8.314*F",
        "v/(1 [m]) = 1/time",
        "v = sum(v for i in 1..3)",
        "v = atan2(v, v)*v",
    ],
)
def test_what_has_matching_or_no_dimensions_passes(equation, checked):
    checked(f"""
model M
  param m = 1 [kg]
  param c = 2 [kg/m]
  var v [m/s] start 1
  var F [N]
equations
  {equation}
  F = 2 [N]
end
""")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2*(x > 1)", "2*(if x > 1 then 1 else 0)"),
        ("if x then 1 else 2", "if x != 0 then 1 else 2"),
        ("if on and not x then 1 else 2", "if on != 0 and not x != 0 then 1 else 2"),
        ("true + x", "1 + x"),
        ("x > 1", "if x > 1 then 1 else 0"),
        (
            "if (if x > 2 then x < 3 else x > 5) then 1 else 2",
            "if x > 2 and x < 3 or not x > 2 and x > 5 then 1 else 2",
        ),
    ],
)
def test_conditions_count_as_numbers_and_numbers_as_conditions(written, meant, checked):
    def equation(text):
        model = checked(f"model M\n  param on = true\n  var x\n  var y\nequations\n  y = {text}\nend\n")
        return model.root.equations[0]

    assert equation(written) == equation(meant)


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("param dp [bar] = 3 + 1 [bar]", True),
        ("param dp [bar] = 3 + p0", True),
        ("param dp [bar] = 3 + 2", False),
        ("param dp [bar] = 2*p0", False),
    ],
)
def test_a_bare_number_beside_another_unit_is_warned_of(line, warned, checked):
    model = checked(
        f"model M\n  param p0 = 1 [bar]\n  {line}\n  var x start 1\nequations\n  der(x) = -dp*x\nend\n"
    )
    assert [w.code for w in model.warnings] == ["W0501"] * warned
