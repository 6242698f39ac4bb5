"""Wrong usage is status 2 with the way out; files that cannot be used are status 1; help is immediate."""

import json
import os
import subprocess
import sys

import pytest

COMMANDS = (
    "check",
    "compile",
    "explain",
    "fmt",
    "inspect",
    "library",
    "new",
    "show",
    "simulate",
    "surrogate",
    "test",
)


def test_help_lists_every_command_and_imports_no_compiler():
    code = (
        "import sys; from stiffdsl.cli.entry import run; run(['--help']);"
        "heavy = {'jax', 'sympy', 'lark', 'numpy', 'matplotlib', 'rich', 'scipy'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert all(f"\n  {command} " in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(stiffdsl, command):
    outcome = stiffdsl(command, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"Usage: stiffdsl {command}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["simulate"], "Missing argument 'FILE'"),
        (["simulate", "robertson.sml", "--time", "soon"], "`soon` is not a number"),
        (["simulate", "robertson.sml", "--time", "0..1[m]"], "[m] is no unit of time"),
        (["simulate", "robertson.sml", "--time", "3..1"], "the range 3..1 is empty"),
        (["simulate", "robertson.sml", "--time", "0..inf"], "`inf` is not a finite number"),
        (["simulate", "robertson.sml", "--set", "k1"], "`k1` is not of the form k1=0.05"),
        (["simulate", "robertson.sml", "--set", "k1=fast"], "`fast` is not a number"),
        (["simulate", "robertson.sml", "--set", "k1=nan"], "`nan` is not a finite number"),
        (["simulate", "robertson.sml", "--set", "1k=2"], "`1k` is not a name"),
        (["simulate", "robertson.sml", "--rtol", "0"], "0 is not above zero"),
        (["simulate", "robertson.sml", "--points", "1"], "--points"),
        (["simulate", "robertson.sml", "--points", "9", "--saveat", "t"], "exclude each other"),
        (["simulate", "robertson.sml", "--out", "r.xls"], "the ending must be one of .csv, .parquet, .nc"),
        (["simulate", "robertson.sml", "--plot", "r.gif"], "ending must be one of .png, .svg, .pdf"),
        (["surrogate", "robertson.sml", "--vary", "k1=0.02"], "`0.02` is not a range"),
        (["show", "robertson.sml", "--after", "lunch"], "lunch"),
        (["explain", "E9999"], "there is no message `E9999`"),
        (["library", "no.such.thing"], "the library has no `no.such.thing`"),
        (["new", "7"], "does not make a model name"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what_was_meant(stiffdsl, arguments, message):
    outcome = stiffdsl(*arguments)
    assert outcome.status == 2
    assert message in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize("command", ["check", "compile", "fmt", "inspect", "simulate", "surrogate"])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("robertsn.sml", None, "there is no file `robertsn.sml`\n  did you mean `robertson.sml`?"),
        ("picture.sml", b"\x89PNG\r\n\x00\x00", "is not a text file"),
        ("latin.sml", b"model A\n# caf\xe9\nend\n", "is not UTF-8 text: byte 0xe9 in line 2"),
    ],
)
def test_an_unusable_file_is_status_1_and_named(stiffdsl, folder, command, name, content, message):
    if content is not None:
        (folder / name).write_bytes(content)
    outcome = stiffdsl(command, name)
    assert outcome.status == 1
    assert message in outcome.err


@pytest.mark.parametrize("option", ["--out=no/such/folder/r.csv", "--plot=no/such/folder/p.png"])
def test_an_unwritable_output_is_found_before_the_work(stiffdsl, option):
    outcome = stiffdsl("simulate", "robertson.sml", option)
    assert outcome.status == 1
    assert "cannot be written: there is no folder `no/such/folder`" in outcome.err


def test_an_internal_fault_is_one_message_with_a_saved_report(folder, capsys, monkeypatch):
    import stiffdsl.cli.new
    from stiffdsl.cli.entry import run

    def broken(*arguments, **options):
        raise RuntimeError("the impossible happened")

    monkeypatch.setattr(stiffdsl.cli.new, "write", broken)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert run(["new", "first"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("internal error: RuntimeError: the impossible happened\n  this is a fault in")
    assert "Traceback" not in err
    (report,) = folder.glob("stiffdsl-fault-*.txt")
    assert str(report) in err
    assert "Traceback" in report.read_text()


def test_interrupting_prints_one_word(folder, capsys, monkeypatch):
    import stiffdsl.cli.new
    from stiffdsl.cli.entry import run

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(stiffdsl.cli.new, "write", interrupted)
    assert run(["new", "first"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_a_reader_that_leaves_gets_no_complaint():
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-m", "stiffdsl", "simulate", "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert result.stderr == ""


def test_json_on_failure_is_json(stiffdsl):
    outcome = stiffdsl("compile", "missing.sml", "--json")
    assert outcome.status == 1
    report = json.loads(outcome.out)
    assert report["ok"] is False
    assert report["error"]["message"].startswith("there is no file `missing.sml`")


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (["simulate", "robertson.sml", "--json", "--method", "foo"], 2, "usage"),
        (["simulate", "robertson.sml", "--json", "--set", "kk=3"], 2, "usage"),
        (["simulate", "robertson.sml", "--json", "--rtoll", "3"], 2, "usage"),
        (["simulate", "robertson.sml", "--json", "--out", "-"], 2, "usage"),
        (["compile", "missing.sml", "--json"], 1, "failed"),
        (["compile", "wrong.sml", "--json"], 1, "E0220"),
        (["check", "wrong.sml", "robertson.sml", "--json"], 1, "E0220"),
    ],
)
def test_json_is_one_object_of_one_shape_however_a_command_ends(stiffdsl, folder, line, status, code):
    (folder / "wrong.sml").write_text("model M\n  var x start 1\nequations\n  der(x) = -kk*x\nend\n")
    outcome = stiffdsl(*line)
    report = json.loads(outcome.out)
    assert (outcome.status, report["ok"]) == (status, False)
    assert report["error"]["code"] == code
    assert report["error"]["message"]
    assert [d["code"] for d in report["error"]["diagnostics"]] == ([code] if code.startswith("E") else [])


def test_check_and_fmt_take_folders(stiffdsl, folder):
    (folder / "lib").mkdir()
    (folder / "lib" / "loose.sml").write_text("model   M\n var x   start 1\nequations\n   der(x)=-x\nend\n")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "wrong.sml").write_text("no model")
    outcome = stiffdsl("check", ".")
    assert (outcome.status, outcome.out.count(": ok")) == (0, 2)
    assert stiffdsl("fmt", ".").out.splitlines()[0] == "formatted lib/loose.sml"
    (folder / "empty").mkdir()
    assert "holds no .sml file" in stiffdsl("check", "empty").err


def test_help_and_version_in_short(stiffdsl):
    assert "--method auto|rodas5p|" in stiffdsl("help", "simulate").out.replace("\n", " ")
    assert "Commands:" in stiffdsl("help").out
    assert "did you mean `simulate`?" in stiffdsl("help", "simulat").err
    assert stiffdsl("-V").out.startswith("stiffdsl ")


@pytest.mark.parametrize("command", ["compile", "inspect", "simulate", "surrogate"])
def test_a_folder_is_no_model(stiffdsl, command):
    outcome = stiffdsl(command, ".")
    assert (outcome.status, "`.` is a folder, not a file" in outcome.err) == (1, True)
