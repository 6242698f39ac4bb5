"""A project: imports from its root, circles, and commands on its folder."""

import pytest

import stiffdsl as sd

CELL = "import materials\n\nmodel Cell\n  param k = materials.k\n  var x start 1\nequations\n  der(x) = -k*x\nend\n"
DRIVE = (
    "from battery.cell import Cell\nimport battery.cell\nimport electrical\n\n"
    "model Drive\n  part a : Cell\n  part b : battery.cell.Cell(k = 3)\nend\n"
)


@pytest.fixture
def project(folder):
    """`pack` with `materials.sml`, `battery/cell.sml` and `studies/winter/drive.sml`."""
    root = folder / "pack"
    for name, text in {
        "stiffdsl.toml": "",
        "materials.sml": "const k = 2\n",
        "battery/cell.sml": CELL,
        "studies/winter/drive.sml": DRIVE,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_imports_are_looked_up_in_the_root(project, stiffdsl, monkeypatch):
    model = sd.load(project / "studies" / "winter" / "drive.sml")
    assert [(row.name, row.value) for row in model.parameters] == [("a.k", 2.0), ("b.k", 3.0)]
    monkeypatch.chdir(project / "studies" / "winter")
    assert stiffdsl("check", "drive.sml").out == "drive.sml: ok (Drive)\n"
    text = (project / "studies" / "winter" / "drive.sml").read_text()
    assert sd.loads(text).parameters.names == ["a.k", "b.k"]


def test_beside_the_file_comes_first_and_a_nested_root_ends_the_project(project, stiffdsl):
    (project / "battery" / "materials.sml").write_text("const k = 7\n")
    drive = project / "studies" / "winter" / "drive.sml"
    assert sd.load(drive).parameters.names == ["a.k", "b.k"]
    assert sd.load(drive).parameters["a.k"].value == 7.0
    (project / "studies" / "stiffdsl.toml").write_text("")
    outcome = stiffdsl("check", str(drive))
    assert "no file for `battery.cell`" in outcome.err
    assert "nearest folder above with a file `stiffdsl.toml`" in outcome.err


def test_one_file_under_two_names_is_one_file(project, stiffdsl):
    """Beside `cell.sml` the import is `pin`, from elsewhere `battery.pin`: their connectors are the same."""
    pin = "connector Pin\n  potential v\n  flow i\nend\n"
    (project / "battery" / "pin.sml").write_text(pin)
    (project / "battery" / "part.sml").write_text(
        "from pin import Pin\n\nmodel Part\n  port p : Pin\nequations\n  p.v = 2*p.i + 1\nend\n"
    )
    whole = (
        "from battery.pin import Pin\nfrom battery.part import Part\n\nmodel Load\n  port p : Pin\nequations\n"
        "  p.v = -p.i\nend\n\nmodel Whole\n  part a : Part\n  part b : Load\nequations\n  connect a.p, b.p\nend\n"
    )
    (project / "studies" / "whole.sml").write_text(whole)
    outcome = stiffdsl("check", "pack/studies/whole.sml")
    assert outcome.status == 0, outcome.err


def test_a_circle_through_the_root_is_told(project, stiffdsl):
    (project / "materials.sml").write_text("from battery.cell import Cell\nconst k = 2\n")
    outcome = stiffdsl("check", "pack/materials.sml")
    assert outcome.status == 1
    assert "E0202" in outcome.err
    circle = "`pack/materials.sml` imports `pack/battery/cell.sml` imports `pack/materials.sml`"
    assert circle in outcome.err


def test_a_link_inside_of_the_project_is_read_and_one_out_of_it_is_not(project, stiffdsl, folder):
    (project / "studies" / "materials.sml").symlink_to(project / "materials.sml")
    (folder / "secret.sml").write_text("const k = 5\n")
    text = "import materials\nmodel M\n  param k = materials.k\n  var x = k\nend\n".replace(
        "var x = k", "output x = k"
    )
    (project / "studies" / "m.sml").write_text(text)
    assert stiffdsl("check", "pack/studies/m.sml").status == 0
    (project / "studies" / "materials.sml").unlink()
    (project / "studies" / "materials.sml").symlink_to(folder / "secret.sml")
    assert "link out of the folder `pack`" in stiffdsl("check", "pack/studies/m.sml").err


def test_commands_take_the_working_folder(project, stiffdsl, monkeypatch):
    monkeypatch.chdir(project)
    outcome = stiffdsl("check")
    assert (outcome.status, outcome.out.count(": ok")) == (0, 3), outcome.err
    outcome = stiffdsl("fmt", "--check")
    assert (outcome.status, outcome.out) == (0, "3 files already formatted\n")
    (project / "loose.sml").write_text("const  k=2\n")
    outcome = stiffdsl("fmt", "--check")
    assert outcome.out == "would format loose.sml\n1 file would be formatted, 3 files already formatted\n"


def test_what_is_wrong_with_an_imported_file_is_printed_once(project, stiffdsl):
    (project / "battery" / "cell.sml").write_text(CELL.replace("-k*x", "-q*x"))
    outcome = stiffdsl("check", "pack")
    assert outcome.status == 1
    assert outcome.err.count("error[E0220]") == 1
    assert "pack/studies/winter/drive.sml: the mistakes above" in outcome.err
