"""Every model in models/ compiles, solves, and says what a published or independently computed value says."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import stiffdsl as sd
from tests.models import reference
from tests.models.parts import BENCHES

MODELS = Path(__file__).resolve().parents[2] / "models"


@dataclass(frozen=True)
class EndValues:
    """`model` simulated as its experiment says must end on `values`, to `rtol` (relative) and `atol`."""

    model: str
    values: dict[str, float]
    rtol: float
    atol: float = 0.0
    constants: dict[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return "-".join([self.model, *(f"{k}={v:g}" for k, v in self.constants.items())])


CHECKS = (
    # Published: Test Set for IVP Solvers, release 2.4 (hires, pollu, oregonator, van_der_pol, akzo_nobel).
    EndValues(
        "chemistry/robertson",
        {"A": 0.01786592114210036, "B": 7.274751468436648e-08, "C": 0.9821340061103906},
        rtol=1e-4,
    ),
    EndValues(
        "chemistry/hires",
        {
            "Pr": 0.7371312573325668e-3,
            "Pfr": 0.1442485726316185e-3,
            "PrX": 0.5888729740967575e-4,
            "PfrX": 0.1175651343283149e-2,
            "PrXa": 0.2386356198831331e-2,
            "PfrXa": 0.6238968252742796e-2,
            "PfrXaE": 0.2849998395185769e-2,
            "E": 0.2850001604814231e-2,
        },
        rtol=1e-3,
    ),
    EndValues(
        "chemistry/pollu",
        {
            "NO2": 0.5646255480022769e-01,
            "NO": 0.1342484130422339,
            "O3P": 0.4139734331099427e-08,
            "O3": 0.5523140207484359e-02,
            "HO2": 0.2018977262302196e-06,
            "OH": 0.1464541863493966e-06,
            "HCHO": 0.7784249118997964e-01,
            "CO": 0.3245075353396018,
            "ALD": 0.7494013383880406e-02,
            "MEO2": 0.1622293157301561e-07,
            "C2O3": 0.1135863833257075e-07,
            "CO2": 0.2230505975721359e-02,
            "PAN": 0.2087162882798630e-03,
            "CH3O": 0.1396921016840158e-04,
            "HNO3": 0.8964884856898295e-02,
            "O1D": 0.4352846369330103e-17,
            "SO2": 0.6899219696263405e-02,
            "SO4": 0.1007803037365946e-03,
            "NO3": 0.1772146513969984e-05,
            "N2O5": 0.5682943292316392e-04,
        },
        rtol=1e-4,
    ),
    EndValues(
        "chemistry/oregonator", {"X": 1.000814870318523, "Y": 1228.178521549917, "Z": 132.0554942846706}, 1e-4
    ),
    EndValues(
        "chemistry/akzo_nobel",
        {
            "FLB": 0.1150794920661702,
            "CO2": 0.1203831471567715e-2,
            "FLBT": 0.1611562887407974,
            "ZHU": 0.3656156421249283e-3,
            "ZLA": 0.1708010885264404e-1,
            "FLB_ZHU": 0.4873531310307455e-2,
        },
        rtol=1e-4,
    ),
    # Computed by tests/models/reference.py, which knows nothing of stiffdsl.
    EndValues(
        "chemistry/brusselator2d",
        {
            "u[1,1]": 0.5233410696423143,
            "v[1,1]": 5.2211183765640525,
            "u[4,8]": 0.5235689353564347,
            "v[8,4]": 5.22111558537585,
        },
        rtol=1e-4,
    ),
    # Published: Test Set for IVP Solvers, release 2.4.
    EndValues(
        "mechanics/car_axis",
        {
            "xl": 0.0493455784275402809122,
            "yl": 0.496989460230171153861,
            "xr": 1.04174252488542151681,
            "yr": 0.373911027265361256927,
            "ul": -0.0770583684040972357970,
            "vl": 0.00744686658723778553466,
            "ur": 0.0175568157537232222276,
            "vr": 0.770341043779251976443,
            "lam1": -0.00473688659084893324729,
            "lam2": -0.00110468033125734368808,
        },
        rtol=1e-3,
    ),
    EndValues("mechanics/pendulum", {"bob.x": 0.275087462576417, "bob.y": -0.9614192050990392}, 1e-6),
    EndValues(
        "mechanics/slider_crank",
        {"pin.x": -0.014933098208958826, "pin.y": 0.29962810712261556, "slider.x": 0.9391229784564112},
        rtol=1e-4,
    ),
    EndValues("examples/capacitor_loop", reference.capacitor_loop(), 1e-6),
    EndValues(
        "problems/transistor_amplifier",
        {
            "y[1]": -0.5562145012262709e-2,
            "y[2]": 3.006522471903042,
            "y[3]": 2.849958788608128,
            "y[4]": 2.926422536206241,
            "y[5]": 2.704617865010554,
            "y[6]": 2.761837778393145,
            "y[7]": 4.770927631616772,
            "y[8]": 1.236995868091548,
        },
        rtol=1e-5,
    ),
    EndValues("problems/van_der_pol", {"x": 1.706167732170469, "v": -0.8928097010248125e-3}, 1e-4),
    EndValues("examples/rc_circuit", {"c.v": 5 * (1 - np.exp(-4.0))}, 1e-5),
    EndValues("examples/rc_ladder", {"c[1].v": 0.9453279215129514, "c[20].v": 0.29501897801693194}, 1e-5),
    EndValues(
        "examples/heat_rod",
        {"T[1]": 56.025377895099574, "T[20]": 20.003405834421866, "T_mean": 26.546641884786773},
        rtol=1e-5,
    ),
    EndValues(
        "examples/two_tank", {"upper.level": 0.5586612291241954, "lower.level": 0.4318528085626176}, 1e-5
    ),
    EndValues(
        "examples/spring_mass",
        # d = 0.8, w = sqrt(80 - 0.64), t = 5
        {"mass.s": 0.1 * np.exp(-4) * (np.cos(5 * 79.36**0.5) + 0.8 / 79.36**0.5 * np.sin(5 * 79.36**0.5))},
        rtol=1e-5,
        atol=1e-8,
    ),
    EndValues(
        "examples/drive_train",
        {
            "rotor.phi": 126.93127390367012,
            "rotor.w": 44.89880956401372,
            "load.phi": 25.38429517645795,
            "load.w": 8.979747549868222,
        },
        rtol=1e-5,
    ),
    EndValues(
        "examples/building",
        {
            "rooms[1].inside.T": 293.17852775361504,
            "rooms[20].inside.T": 292.2516850372973,
            "rooms[2].wall.T[3]": 277.1845672216545,
            "power": 2.6106874518620096,
            "T_rooms": 20.49026246430401,
        },
        rtol=1e-4,
    ),
    EndValues(
        "examples/cooled_hall",
        {
            "hall.T": 292.16925239271785,
            "tank.T": 282.91323487589665,
            "wall.T[2]": 297.44244415863557,
            "chiller.T_water[1]": 9.575443314816198,
            "chiller.T_air[30]": 23.519289435261157,
            "power": 0.6687366727554728,
        },
        rtol=1e-4,
    ),
)

LARGE = (
    EndValues("examples/rc_ladder", reference.rc_ladder(400), 1e-4, 1e-7, {"N": 400}),
    EndValues("examples/heat_rod", reference.heat_rod(400), 1e-4, 1e-6, {"N": 400}),
)


@cache
def compiled(model: str, constants: tuple[tuple[str, float], ...] = ()):
    """The compiled model, once for all tests of this file."""
    return sd.load(MODELS / f"{model}.sml", constants=dict(constants))


def assert_ends_on(model, values: dict[str, float], rtol: float, atol: float) -> None:
    sol = model.simulate()
    assert sol.success, sol.reason
    for name, value in values.items():
        assert float(sol[name][-1]) == pytest.approx(value, rel=rtol, abs=atol), name


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.label)
def test_a_model_meets_its_checked_values(check: EndValues):
    assert_ends_on(compiled(check.model), check.values, check.rtol, check.atol)


@pytest.mark.slow
@pytest.mark.parametrize("check", LARGE, ids=lambda c: c.label)
def test_a_large_model_meets_its_checked_values(check: EndValues):
    model = compiled(check.model, tuple(check.constants.items()))
    assert_ends_on(model, check.values, check.rtol, check.atol)


@pytest.mark.slow
def test_a_building_of_200_rooms_meets_its_checked_values():
    model = compiled("examples/building", (("N", 200),))
    assert_ends_on(model, reference.building(200).end(), 1e-4, 1e-4)


@pytest.mark.parametrize("library", BENCHES)
def test_every_part_follows_its_closed_form(library: str):
    bench = BENCHES[library]
    assert_ends_on(sd.loads(bench.text), bench.expected, 1e-6, 1e-9)


@pytest.mark.parametrize("library", BENCHES)
def test_every_part_of_a_library_is_checked(library: str):
    declared = {
        line.split()[1]
        for line in (MODELS / f"{library}.sml").read_text().splitlines()
        if line.startswith("model ")
    }
    module = library.replace("/", ".")
    used = {name for name in declared if f": {module}.{name}" in BENCHES[library].text}
    assert declared == used


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.sml")), ids=lambda p: p.stem)
def test_every_file_says_where_it_comes_from_and_what_checks_it(path: Path):
    text = path.read_text()
    assert "# checked value:" in text
    if path.parent.name in ("chemistry", "problems") or path.stem in ("pendulum", "slider_crank", "car_axis"):
        assert "# source:" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "check", [c for c in CHECKS if hasattr(reference, c.model.split("/")[1])], ids=lambda c: c.label
)
def test_the_values_of_this_file_are_those_of_the_reference(check: EndValues):
    made = getattr(reference, check.model.split("/")[1])()
    values = made if isinstance(made, dict) else made.end()
    for name, value in check.values.items():
        assert values[name] == pytest.approx(value, rel=1e-9), name
