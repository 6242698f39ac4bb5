"""Every model in models/ compiles, solves, and says what a published or independently computed value says."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

import stiffdsl as sd
from stiffdsl import testing
from stiffdsl.check.calculate import value_of
from stiffdsl.cli.entry import commands
from stiffdsl.sources import read
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


# The models whose files hold tests: published values, and values computed by tests/models/reference.py.
TESTED = tuple(
    str(p.relative_to(MODELS).with_suffix(""))
    for p in sorted(MODELS.rglob("*.sml"))
    if '\ntest "' in p.read_text()
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


@pytest.mark.parametrize("place", sorted({t.split("/")[0] for t in TESTED}))
def test_the_library_passes_its_tests(place):
    """Every test in models/, by `stiffdsl test`: none is left out, and all hold."""
    runner, path = CliRunner(), MODELS / place
    path = path if path.is_dir() else path.with_suffix(".sml")
    outcome = runner.invoke(commands, ["test", str(path), "--json"], standalone_mode=False)
    report = json.loads(outcome.stdout)
    missed = [(t["file"], e) for t in report["tests"] for e in t["expectations"] if not e["passed"]]
    assert not missed
    assert (outcome.return_value, report["failed"]) == (0, 0)
    found = {str(Path(t["file"]).relative_to(MODELS).with_suffix("")) for t in report["tests"]}
    assert found == {t for t in TESTED if t.split("/")[0] == place}


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
@pytest.mark.parametrize("model", [m for m in TESTED if hasattr(reference, m.split("/")[1])])
def test_the_values_of_tests_are_those_of_the_reference(model: str):
    made = getattr(reference, model.split("/")[1])()
    values = made if isinstance(made, dict) else made.end()
    (test, *_) = testing.tests_in(read(MODELS / f"{model}.sml"))
    for expectation in test.expectations:
        (measured,) = expectation.measurements[:1]
        unit = expectation.shown_unit
        wanted = value_of(expectation.right)
        if wanted is None:  # a closed form in parameters
            continue
        wanted = wanted if unit is None else (wanted - unit.shift) / unit.scale
        assert values[measured.scalar] == pytest.approx(wanted, rel=1e-9), measured.scalar
