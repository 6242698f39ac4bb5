"""Units: our reader agrees with Pint, and says what is wrong with what is not a unit."""

import re

import pint
import pytest

from stiffdsl.check.quantities.dimensions import describe, symbol_of
from stiffdsl.check.quantities.units import UnitError, parse_unit

NAMES = ("length", "mass", "time", "current", "temperature", "substance", "luminosity")

REGISTRY = pint.UnitRegistry()

TEXTS = re.split(
    r"\s+",
    """
m mm km g kg mg s ms us min h day A mA K mol cd Hz kHz N Pa kPa MPa bar mbar J kJ kWh W kW MW C V mV F uF nF
pF ohm kohm S H mH Wb T L mL mol/L mmol/L 1/s 1/min rad deg rpm atm psi torr eV cal kcal W/(m^2*K) W/m^2/K
W/(m*K) J/(kg*K) kg/m^3 m/s^2 m^3/h Pa*s N*m kg*m^2/s^3/A V/m A/m^2 lb inch
ft percent m^2 cm^2 km/h Ah mAh
""".strip(),
)

PINT_NAMES = {"Ah": "A*h", "mAh": "mA*h", "rpm": "revolution/min", "cal": "calorie", "kcal": "kilocalorie"}


@pytest.mark.parametrize("text", TEXTS)
def test_scale_and_dimension_are_those_of_pint(text):
    unit = parse_unit(text)
    theirs = REGISTRY.Quantity(1.0, PINT_NAMES.get(text, text)).to_base_units()
    assert unit.scale == pytest.approx(theirs.to(REGISTRY.Unit(pint_si(unit.dimension))).magnitude, rel=1e-12)
    assert unit.dimension == tuple(theirs.dimensionality.get(f"[{name}]", 0) for name in NAMES)


def pint_si(dimension):
    names = ("m", "kg", "s", "A", "K", "mol", "cd")
    return "*".join(f"{n}**({e})" for n, e in zip(names, dimension, strict=True)) or "dimensionless"


@pytest.mark.parametrize(
    ("text", "value", "kelvin"), [("degC", 20, 293.15), ("degF", 68, 293.15), ("°C", 0, 273.15)]
)
def test_degrees_have_a_shift(text, value, kelvin):
    assert parse_unit(text).to_si(value) == pytest.approx(kelvin, abs=1e-9)


def test_degrees_in_a_longer_unit_are_differences():
    assert parse_unit("W/degC") == parse_unit("W/K")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("J/(kg.K)", "J/(kg*K)"), ("m3.s-1", "m^3/s"), ("W/(m2.K)", "W/(m^2*K)"), ("m²", "m^2"), ("s⁻¹", "1/s")],
)
def test_the_spellings_of_modelica_and_of_print(theirs, ours):
    assert parse_unit(theirs) == parse_unit(ours)


@pytest.mark.parametrize("text", ["1", "-", "", "%", "rad", "m/m"])
def test_pure_numbers(text):
    assert describe(parse_unit(text).dimension) == "a pure number"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metre", "`metre` is not a unit"),
        ("W/(m^2*K", "a `)` is missing in `W/(m^2*K`"),
        ("m^", "an exponent is missing in `m^`"),
        ("m//s", "a unit is missing in `m//s`"),
        ("m)", "`)` is not expected in `m)`"),
        ("m$", "`$` does not belong in a unit"),
        ("m^(1/0)", "a division by zero in `m^(1/0)`"),
        ("km^1000", "the exponent 1000 is out of reach"),
    ],
)
def test_what_is_not_a_unit_says_why(text, message):
    with pytest.raises(UnitError, match="^" + re.escape(message)):
        parse_unit(text)


@pytest.mark.parametrize("text", ["V", "kg*m/s^4", "1/s^2", "W/(m^2*K)", "V^(1/2)"])
def test_the_symbol_of_a_dimension_reads_back(text):
    dimension = parse_unit(text).dimension
    assert parse_unit(symbol_of(dimension)).dimension == dimension


def test_a_gauge_pressure_is_no_unit():
    with pytest.raises(UnitError, match="counts from the pressure of the surroundings"):
        parse_unit("barg")
