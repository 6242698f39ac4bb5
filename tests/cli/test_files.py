"""Times that are read and numbers that are written."""

import io
from typing import Any

import numpy as np
import pytest

import stiffdsl
from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import read_text
from stiffdsl.cli.results import read_times
from stiffdsl.solve.base.status import Status
from stiffdsl.solve.integrate.solution import Solution

TIMES = np.array([0.0, 0.1, 1 / 3])
VALUES = np.array([[1.0, -0.0], [1e-300, 0.1 + 0.2], [np.nan, 1e22]])


class Two:
    """A view of two variables, one of them an element of a matrix."""

    model_name, names = "Two", ["A", "T[1,2]"]

    def evaluate(self, t, y):
        return VALUES[np.searchsorted(TIMES, t)]

    def table(self, every):
        return every


def test_csv_numbers_read_back_as_the_same_numbers():
    import csv

    file = io.StringIO()
    view: Any = Two()
    Solution(view, TIMES, np.zeros((3, 1)), Status.SUCCESS, "", {}, None).write_csv(file)
    rows = list(csv.reader(io.StringIO(file.getvalue())))
    assert rows[0] == ["time", "A", "T[1,2]"]
    read = np.array(rows[1:], dtype=float)
    np.testing.assert_array_equal(read[:, 0], TIMES)
    np.testing.assert_array_equal(read[:, 1:], VALUES)


@pytest.mark.parametrize(
    "text",
    ["0\n1\n2.5\n", "time,A\n0,9\n1,9\n2.5,9\n", "# times\n0\n\n1\n2.5", "\ufefft\r\n0\r\n1\r\n2.5\r\n"],
)
def test_times_are_one_a_line_or_a_first_column(folder, text):
    (folder / "t.csv").write_bytes(text.encode())
    np.testing.assert_array_equal(read_times("t.csv"), [0, 1, 2.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no times"),
        ("time\n", "holds no times"),
        ("0\nlate\n", "line 2: `late` is not a time"),
        ("0\n2\n1\n", "line 3: the times must rise; 1.0 follows 2.0"),
        ("0\ninf\n", "line 2: `inf` is not a finite time"),
    ],
)
def test_times_that_make_no_sense_are_named_with_their_line(folder, text, message):
    (folder / "t.csv").write_text(text)
    with pytest.raises(Failure, match=message):
        read_times("t.csv")


def test_line_ends_and_byte_order_marks_do_not_reach_the_compiler(folder):
    (folder / "a.sml").write_bytes(b"\xef\xbb\xbfmodel A\r\nend\r")
    assert read_text("a.sml") == "model A\nend\n"


def test_a_name_of_the_library_is_a_file(stiffdsl, folder):
    assert stiffdsl("check", "chemistry.robertson").out == "chemistry.robertson: ok (Robertson)\n"
    outcome = stiffdsl("check", "electrica")
    assert outcome.status == 1
    assert "did you mean `electrical`?" in outcome.err
    # Nobody's library is rewritten by a command.
    assert stiffdsl("fmt", "chemistry.robertson").status == 1


def test_links_out_of_the_folder_are_not_imported(tmp_path):
    secret = tmp_path / "elsewhere" / "secret.sml"
    project = tmp_path / "project"
    secret.parent.mkdir()
    project.mkdir()
    secret.write_text("the secret line\n")
    (project / "inner.sml").symlink_to(secret)
    (project / "main.sml").write_text(
        "import inner\nmodel M\n  var x start 1\nequations\n  der(x) = -x\nend\n"
    )
    with pytest.raises(stiffdsl.ModelError, match="link out of the folder") as caught:
        stiffdsl.load(project / "main.sml")
    assert "secret line" not in str(caught.value)
