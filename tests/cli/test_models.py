"""Commands on models: reports, JSON, files, and messages about wrong ones."""

import csv
import json
import subprocess
import sys

import pytest

WRONG = "model M\n  param k = 1\n  var x start 1\nequations\n  der(x) = -kk*x\nend\n"


def test_a_wrong_model_is_its_message_and_status_1(stiffdsl, folder):
    (folder / "wrong.sml").write_text(WRONG)
    for command in ("check", "compile", "simulate", "surrogate", "inspect"):
        outcome = stiffdsl(command, "wrong.sml")
        assert outcome.status == 1
        assert "error[E0220]" in outcome.err
        assert "wrong.sml:5:13" in outcome.err
        assert "did you mean `k`?" in outcome.err


def test_check_reports_every_file_and_says_ok(stiffdsl, folder):
    (folder / "wrong.sml").write_text(WRONG)
    outcome = stiffdsl("check", "wrong.sml", "missing.sml", "robertson.sml")
    assert outcome.status == 1
    assert "E0220" in outcome.err
    assert "there is no file `missing.sml`" in outcome.err
    assert outcome.out == "robertson.sml: ok (Robertson)\n"


def test_check_json_is_what_an_editor_needs(stiffdsl, folder):
    (folder / "wrong.sml").write_text(WRONG)
    outcome = stiffdsl("check", "wrong.sml", "--json")
    (report,) = json.loads(outcome.out)["files"]
    assert report["ok"] is False
    (diagnostic,) = report["diagnostics"]
    assert diagnostic["code"] == "E0220"
    assert (diagnostic["labels"][0]["line"], diagnostic["labels"][0]["column"]) == (5, 13)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "end end end", "model\n", "}{][", "model M\n" * 50, "é" * 99, "(" * 5000]
)
def test_garbage_gets_messages_only(stiffdsl, folder, text):
    (folder / "garbage.sml").write_text(text)
    for command in ("check", "compile", "fmt"):
        stiffdsl(command, "garbage.sml")
    assert stiffdsl("compile", "garbage.sml").status == 1


def test_fmt_check_diff_and_in_place_agree(stiffdsl, folder):
    path = folder / "loose.sml"
    path.write_text("model   M  # kept\n var x   start 1\nequations\n   der(x)=-x\nend\n")
    assert stiffdsl("fmt", "--check", "loose.sml").status == 1
    assert "+++" in stiffdsl("fmt", "--diff", "loose.sml").out
    assert stiffdsl("fmt", "loose.sml").out == "formatted loose.sml\n"
    assert "# kept" in path.read_text()
    assert stiffdsl("fmt", "--check", "loose.sml").status == 0


def test_new_writes_a_formatted_model_that_checks(stiffdsl, folder):
    assert stiffdsl("new", "first_try").status == 0
    assert stiffdsl("check", "first_try.sml").out == "first_try.sml: ok (FirstTry)\n"
    assert stiffdsl("fmt", "--check", "first_try.sml").status == 0
    again = stiffdsl("new", "first_try")
    assert (again.status, "--force" in again.err) == (1, True)


def test_ranges_are_shown_in_the_declared_unit(stiffdsl, tmp_path):
    model = (
        "model M\n  param T = 20 [degC] in 10..30\n  var x start 0\nequations\n  der(x) = T/1 [K*s]\nend\n"
    )
    (tmp_path / "m.sml").write_text(model, encoding="utf-8")
    shown = stiffdsl("show", str(tmp_path / "m.sml"), "--after", "flat").out
    assert "param T [degC] in 10..30" in shown
    assert "values, in SI\n  T = 293.15" in shown


@pytest.mark.parametrize("stage", ["syntax", "check", "flat", "graph", "program", "runtime", "kernel"])
def test_show_prints_every_stage(stiffdsl, stage):
    outcome = stiffdsl("show", "robertson.sml", "--after", stage)
    assert outcome.status == 0, outcome.err
    assert len(outcome.out.splitlines()) > 3


def test_library_lists_and_prints_what_ships(stiffdsl):
    entries = json.loads(stiffdsl("library", "--json").out)["files"]
    names = {entry["name"]: entry for entry in entries}
    assert names["chemistry.robertson"]["main"] == "Robertson"
    assert names["electrical"]["main"] is None
    assert "Resistor" in names["electrical"]["components"]
    assert "model Robertson" in stiffdsl("library", "chemistry.robertson").out


def test_every_code_is_explained_on_the_page(stiffdsl):
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")
    for line in stiffdsl("explain").out.splitlines():
        code = line.split()[0]
        assert f"**{code}:" in page, f"docs/messages.md lacks {code}"
        assert stiffdsl("explain", code.lower()).out.startswith(f"{code}: ")


def test_compile_reports_and_writes_a_module_that_runs_alone(stiffdsl, folder):
    outcome = stiffdsl("compile", "robertson.sml", "-o", "made", "--json")
    assert outcome.status == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["name"] == "Robertson"
    assert (report["equations_before"], report["unknowns_before"]) == (3, 3)
    assert report["index"] == 1
    assert set(report["stages"]) >= {"syntax", "check", "flat", "graph", "program"}
    assert list((folder / "made").rglob("*.py"))


def test_compile_writes_the_file_that_is_named(stiffdsl, folder):
    outcome = stiffdsl("compile", "robertson.sml", "-o", "made/plant.py")
    assert outcome.status == 0, outcome.err
    assert "import jax, plant as model" in (folder / "made" / "plant.py").read_text()
    (folder / "own.py").write_text("answer = 42\n")
    for name, why in (
        ("own.py", "no module that stiffdsl wrote"),
        ("two words.py", "could not be imported"),
        ("json.py", "call it `json_model.py`"),
    ):
        outcome = stiffdsl("compile", "robertson.sml", "-o", name)
        assert outcome.status == 1
        assert why in outcome.err
    assert (folder / "own.py").read_text() == "answer = 42\n"


def test_simulate_writes_every_variable_in_full_precision(stiffdsl, folder):
    (folder / "t.txt").write_text("0\n10\n40\n")
    outputs = ["--out", "r.csv", "--plot", "p.png"]
    outcome = stiffdsl(
        "simulate", "robertson.sml", "--set", "k1=0.05", "--saveat", "t.txt", *outputs, "--json"
    )
    assert outcome.status == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["status"] == "success"
    assert report["time"] == [0, 40]
    assert report["written"] == ["r.csv", "p.png"]
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")
    with open("r.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["time", "A", "B", "C"]
    assert [row[0] for row in rows] == ["0.0", "10.0", "40.0"]
    last = [float(value) for value in rows[-1][1:]]
    assert sum(last) == pytest.approx(1, abs=1e-9)
    assert last[0] == pytest.approx(report["variables"][0]["last"], abs=0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("k11=1", "the model has no parameter, input or const `k11`; did you mean `k1`?"),
        ("A=1", "`A` is a variable: it is computed"),
        ("k1=1[s]", "`k1` is declared without a unit"),
    ],
)
def test_a_name_that_cannot_be_set_is_wrong_usage(stiffdsl, setting, message):
    outcome = stiffdsl("simulate", "robertson.sml", "--set", setting)
    assert outcome.status == 2
    assert message in outcome.err


def test_a_solve_that_fails_says_why_and_is_status_1(stiffdsl, folder):
    (folder / "bang.sml").write_text(
        "model Bang\n  var x start 1\nequations\n  der(x) = x^2\nexperiment\n  time 0..2\nend\n"
    )
    outcome = stiffdsl("simulate", "bang.sml", "--out", "r.csv", "--json")
    assert outcome.status == 1
    assert "the solve failed" in outcome.err
    report = json.loads(outcome.out)
    assert report["status"] != "success"
    assert 0.9 < report["time"][1] < 1.1
    assert (folder / "r.csv").read_text().startswith("time,x\n0.0,1.0\n")


ROD = """model Rod
  var T[40] start 1
  output root = sqrt(T[40] - 0.5)
equations
  for i in 1..40
    der(T[i]) = -i*T[i]/40
  end
experiment
  time 0..1
end
"""


def test_simulate_folds_arrays_and_warns_of_what_is_no_number(stiffdsl, folder):
    (folder / "rod.sml").write_text(ROD)
    outcome = stiffdsl("simulate", "rod.sml", "--points", "3")
    assert outcome.status == 0
    listed = [line.split() for line in outcome.out.splitlines()]
    rows = {line[0]: line[1:] for line in listed if line}
    assert rows["T[40]"] == ["1", "0.367879", "0.367879", "1"]
    assert rows["…"] == ["38", "between", "0.377192", "1"]
    assert outcome.err.count("warning") == 1
    assert "`root` is not a number at time = 1," in outcome.err


def test_nothing_to_vary_is_said(stiffdsl, folder):
    (folder / "plain.sml").write_text(
        "model P\n  param k = 1\n  var x start 1\nequations\n  der(x) = -k*x\nexperiment\n  time 0..1\nend\n"
    )
    outcome = stiffdsl("surrogate", "plain.sml")
    assert outcome.status == 1
    assert "no parameter of the model has a range" in outcome.err
    assert not (folder / "P-surrogate").exists()


def test_surrogate_leaves_files_a_picture_and_a_report(stiffdsl, folder):
    outcome = stiffdsl("surrogate", "robertson.sml", "--samples", "16", "--json")
    assert outcome.status == 0, outcome.err
    made = folder / "Robertson-surrogate"
    assert list(made.glob("*.png"))
    assert (made / "report.html").read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    report = json.loads(outcome.out)
    assert report["validation"]


def test_a_surrogate_of_a_model_without_its_conserved_states_keeps_them(stiffdsl, folder):
    """The species that the others give may vary at the start, and all is answered as without the option."""
    (folder / "chain.sml").write_text(
        "model Chain\n  param k = 1 in 0.5..2\n  var A start 1\n  var B start 0\n  var C start 0\n"
        "equations\n  der(A) = -k*A\n  der(B) = k*A - 3*B\n  der(C) = 3*B\n"
        "experiment\n  time 0..3, points 30\nend\n"
    )
    line = (
        "surrogate",
        "chain.sml",
        "--vary",
        "k=0.5..2",
        "--vary",
        "A=0.8..1.2",
        "--samples",
        "16",
        "--json",
    )
    outcome = stiffdsl(*line, "--eliminate-conserved")
    assert outcome.status == 0, outcome.err
    told = json.loads(outcome.out)["validation"]
    (law,) = told["kept"]["laws"]
    assert law["law"] == "A + B + C"
    assert law["after"] < 1e-13
    assert list(told["outputs"]) == ["A", "B", "C"]
    assert told["worst"] < 0.02


@pytest.mark.slow
def test_a_part_of_a_library_example_gives_way_to_its_surrogate(stiffdsl, folder):
    line = (
        "surrogate",
        "examples.cooled_hall",
        "--part",
        "chiller",
        "--set",
        "chiller.n=6",
        "--samples",
        "8",
    )
    outcome = stiffdsl(*line, "-o", "hall")
    assert outcome.status == 0, outcome.err
    assert "24 states of `chiller` became " in outcome.err
    assert (folder / "hall" / "report.html").is_file()
    told = json.loads((folder / "hall" / "surrogate.json").read_text())["validation"]
    assert told["p95"] < 1e-3
    assert told["worst"] < 0.02
    # The whole with it is a model as any other.
    outcome = stiffdsl("simulate", "hall/CooledHall.sml", "--set", "T_mean=28", "--out", "with.csv")
    assert outcome.status == 0, outcome.err
    full = (
        "simulate",
        "examples.cooled_hall",
        "--set",
        "T_mean=28",
        "--set",
        "chiller.n=6",
        "--out",
        "full.csv",
    )
    assert stiffdsl(*full).status == 0
    ends = []
    for name in ("with.csv", "full.csv"):
        rows = (folder / name).read_text().splitlines()
        ends.append(float(rows[-1].split(",")[rows[0].split(",").index("hall.T")]))
    assert ends[0] == pytest.approx(ends[1], abs=0.01)


def test_python_m_stiffdsl_is_the_command():
    result = subprocess.run([sys.executable, "-m", "stiffdsl", "--version"], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stdout.startswith("stiffdsl ")


@pytest.mark.slow
def test_an_input_and_a_start_value_vary(stiffdsl, folder):
    (folder / "driven.sml").write_text(
        "model D\n  input u = 1\n  var x start 1\nequations\n  der(x) = u - x\nexperiment\n  time 0..1\nend\n"
    )
    varied = "--vary", "u=1..2", "--vary", "x=0..1"
    outcome = stiffdsl("surrogate", "driven.sml", *varied, "--samples", "16", "--method", "lpctesn")
    assert outcome.status == 0, outcome.err
    assert "u 1..2" in outcome.out
    assert "x 0..1" in outcome.out
    outcome = stiffdsl("surrogate", "driven.sml", "--vary", "u=1..2", "--method", "rbf")
    assert outcome.status == 1
    assert (
        "`rbf` cannot take inputs that vary over time; lpctesn, npctesn, recurrent, galerkin and auto can"
        in outcome.err
    )


def test_a_goal_adds_runs_and_a_second_start_solves_nothing_again(stiffdsl, folder):
    line = (
        "surrogate",
        "robertson.sml",
        "--samples",
        "8",
        "--goal",
        "1e-9%",
        "--max-samples",
        "12",
        "--method",
        "rbf",
        "--json",
    )
    first = json.loads(stiffdsl(*line).out)
    assert first["samples"] > 8
    assert first["validation"]["goal"]["met"] is False
    stored = {
        p: p.stat().st_mtime_ns for p in (folder / "Robertson-surrogate" / "samples").rglob("*.safetensors")
    }
    assert stored
    again = json.loads(stiffdsl(*line).out)
    assert again["validation"] == first["validation"]
    assert stored == {p: p.stat().st_mtime_ns for p in stored}
    outcome = stiffdsl("surrogate", "robertson.sml", "--goal", "-1%")
    assert outcome.status == 2
    assert "not above zero" in outcome.err


def test_a_check_is_told_in_a_line_and_fails_the_command(stiffdsl, folder, monkeypatch):
    right = stiffdsl("simulate", "robertson.sml", "--check", "--json")
    assert right.status == 0, right.err
    assert json.loads(right.out)["check"]["verdict"] == "ok"
    told = stiffdsl("simulate", "robertson.sml", "--check")
    assert "check: residual" in told.err
    monkeypatch.setattr("stiffdsl.runtime.verify.check.RESIDUAL", 1e-9)
    wrong = stiffdsl("simulate", "robertson.sml", "--check")
    assert wrong.status == 1
    assert "is off at t = " in wrong.err
