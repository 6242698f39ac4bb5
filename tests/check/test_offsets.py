"""Temperatures in degC: differences among them belong in K, everything that is right stays unremarked."""

import pytest

from stiffdsl.cli.check import check_file
from stiffdsl.diagnostics import ModelError, Source

MODEL = """const lift = 4 [degC]
function mean(a, b) = (a + b)/2
model M
  param Tamb = 20 [degC]
  param dTset = 5 [degC]
  param G = 10 [W/K]
  param C = 100 [J/K]
  param tau = 10 [s]
  param m = 1 [kg/s]
  param mo = 1 [kg/s]
  param cp = 4 [J/(kg*K)]
  param eff = 0.5
  const N = 3
  var T [degC] start 20
  var U [degC] start 20
  var V[N] [degC] start 20
{declared}
equations
  der(U) = (Tamb - U)/tau
  der(V) = (Tamb - V)/tau
{equations}
end
"""
COOLING = "der(T) = (Tamb - T)/tau"
WRONG = [
    ("var d [degC]", f"{COOLING}\n  d = T - Tamb"),
    ("var d [degF]", f"{COOLING}\n  d = abs(T - U)"),
    ("var d [degC]", f"{COOLING}\n  d = eff*(T - U)"),
    ("var d [degC]", f"{COOLING}\n  d = sum(V[i] - T for i in 1..N)"),
    ("var d[N] [degC]", f"{COOLING}\n  d = V - T"),
    ("output d [degC] = -(T - U)/2", COOLING),
    ("var W [degC]", f"{COOLING}\n  W = T + dTset"),
    ("var W [degC]", f"{COOLING}\n  W = mean(T, U) + lift"),
    ("param W [degC] = Tamb + dTset", "der(T) = (W - T)/tau"),
    ("param W [degC] = Tamb - dTset", "der(T) = (W - T)/tau"),
    ("var W [degC] start Tamb + dTset", f"{COOLING}\n  der(W) = (T - W)/tau"),
    ("", "C*der(T) = G*dTset - G*(T - Tamb)"),
    ("", "C*der(T) = G*(dTset - (T - Tamb))"),
    ("", "C*der(T) + G*(T - Tamb) = G*dTset"),
    ("", "der(T) = dTset/tau - (T - Tamb)/tau"),
    ("", "tau*der(T) + T - Tamb = dTset"),
    ("", "der(T) = if T - Tamb > 5 [degC] then 0 else (Tamb - T)/tau"),
    ("", "der(T) = if T > Tamb + dTset then 0 else (Tamb - T)/tau"),
    ("", "der(T) = max(T - Tamb, 0 [degC])/tau"),
]
RIGHT = [
    ("var d [K]", f"{COOLING}\n  d = T - Tamb"),
    ("var W [degC]", f"{COOLING}\n  W = T + 5 [K]"),
    ("var W [degC]", f"{COOLING}\n  W = mean(T, U)"),
    ("var W [degC]", f"{COOLING}\n  W = 0.3*T + 0.7*U"),
    ("var W [degC]", f"{COOLING}\n  W = eff*T + (1 - eff)*U"),
    ("var W [degC]", f"{COOLING}\n  W = T + eff*(U - T)"),
    ("var W [degC]", f"{COOLING}\n  W = T + U - Tamb"),
    ("var W [degC]", f"{COOLING}\n  W = sum(V)/N"),
    ("var W [degC]\n  var Q [W]", f"{COOLING}\n  Q = G*(T - U)\n  W = T - Q/(m*cp)"),
    ("var W [degC]", f"{COOLING}\n  W = if time > 1 then T else U + 1 [K]"),
    ("var W [degC]", f"{COOLING}\n  0 = G*(W - T) + G*(W - U)"),
    ("var W [K]", f"{COOLING}\n  W = T - 273.15 [K]"),
    ("var k [1]", f"{COOLING}\n  k = exp(-1000 [K]/T)"),
    ("var k [1]", f"{COOLING}\n  k = 1 - Tamb/T"),
    ("var k [1]", f"{COOLING}\n  k = (T - Tamb)/(U - T)"),
    ("var Q [W]", "C*der(T) = -Q + G*(Tamb - T)\n  Q = 5.67e-8 [W/K^4]*(T^4 - Tamb^4)"),
    ("var H [W]", "C*der(T) = H - m*cp*T + G*(Tamb - T)\n  H = m*cp*U"),
    ("", "C*der(T) = m*cp*U - mo*cp*T - G*(T - Tamb)"),
    ("", "C*der(T) = m*cp*U + mo*cp*T - G*(T - Tamb)"),
    ("", "der(T) = -T/tau"),
    ("", "der(T) = if T > 25 [degC] then 0 else (Tamb - T)/tau"),
    ("var p [Pa]", f"{COOLING}\n  p = 1.2 [kg/m^3]*287 [J/(kg*K)]*T"),
]


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_a_difference_in_degrees_is_an_error(case, checked):
    with pytest.raises(ModelError) as caught:
        checked(MODEL.format(declared=f"  {case[0]}", equations=f"  {case[1]}"))
    assert [d.code for d in caught.value.diagnostics] == ["E0508"]
    assert "[K]" in (caught.value.diagnostics[0].help or "")


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_no_false_alarm(case, checked):
    checked(MODEL.format(declared=f"  {case[0]}", equations=f"  {case[1]}"))


THROUGH = """model M
  param Tamb = 20 [degC]
  param dTset = 5 [degC]
  param G = 10 [W/K]
  param C = 100 [J/K]
  var T [degC] start 20
  var Tw [degC] start 30
  var y [degC]
{declared}
equations
  C*der(T) = -G*(T - Tamb)
  C*der(Tw) = -G*(Tw - T)
{equations}
end
"""


def codes_through(declared, equations):
    text = THROUGH.format(declared=f"  var {declared}", equations="\n".join(f"  {e}" for e in equations))
    return [d.code for d in check_file(Source("model.sml", text))[1]]


@pytest.mark.parametrize(
    ("declared", "equations"),
    [
        ("dT [K]", ["y = dT", "dT = T - Tamb"]),
        ("dT", ["y = dT", "dT = T - Tamb"]),
        ("dT [K]\n  var twice [K]", ["y = twice", "twice = 2*dT", "dT = T - Tamb"]),
        ("Tk [K]", ["y = T + Tk", "Tk = Tw"]),
        ("dT [K]\n  var z [degC] start 3", ["y = T", "C*der(z) = G*dTset - G*dT", "dT = T - Tamb"]),
        ("d[2] [K]", ["y = d[1]", "for i in 1..2", "d[i] = T - Tamb", "end"]),
        ("dT [K]", ["y = if dT > 5 [degC] then T else Tw", "dT = T - Tamb"]),
    ],
)
def test_differences_are_followed_through_what_equations_define(declared, equations):
    assert codes_through(declared, equations) == ["E0508"]


@pytest.mark.parametrize(
    ("declared", "equations"),
    [
        ("dT [K]", ["y = T + dT", "dT = T - Tamb"]),
        ("Tk [K]", ["y = Tk", "Tk = T"]),
        ("Tk [K]", ["y = Tk + T - Tw", "Tk = T"]),
        ("mean [K]", ["y = mean", "mean = (T + Tw)/2"]),
        ("dT [K]", ["y = if dT > 5 [K] then T else Tw", "dT = T - Tamb"]),
        ("Tk [K]\n  var q [W]", ["y = T", "q = G*Tk", "Tk = T"]),
        (
            "dT[2] [K]\n  var z[2] [degC]",
            ["y = T", "for i in 1..2", "z[i] = T - dT[i]", "dT[i] = i*(T - Tw)", "end"],
        ),
    ],
)
def test_right_ones_pass(declared, equations):
    assert "E0508" not in codes_through(declared, equations)
