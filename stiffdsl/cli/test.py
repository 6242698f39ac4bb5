"""`stiffdsl test [FILE|FOLDER]...`: runs the tests that model files hold, and prints what was measured."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from stiffdsl.cli.check import diagnostic_row
from stiffdsl.cli.failure import FAILED, Failure
from stiffdsl.cli.files import model_files, read_source
from stiffdsl.cli.options import json_option
from stiffdsl.cli.terminal import progress, say, write, write_json
from stiffdsl.diagnostics import Diagnostic, ModelError, Source

if TYPE_CHECKING:
    from stiffdsl.check.testing.tests import CheckedTest
    from stiffdsl.testing import ExpectationResult, TestResult


@click.command("test", short_help="Run the tests in model files.")
@click.argument("files", metavar="[FILE|FOLDER]...", nargs=-1)
@click.option("-k", "wanted", metavar="WORDS", help="Run tests whose name, model or file holds this.")
@click.option("-q", "--quiet", is_flag=True, help="Print what failed, and how many passed.")
@json_option
def test(files: tuple[str, ...], wanted: str | None, quiet: bool, as_json: bool) -> int:
    """Run the tests in every FILE, or in all files of a FOLDER; without one, in the working folder.

    Prints what was measured of every expectation. Status 1 where one does not hold.
    """
    results: list[TestResult] = []
    wrong: dict[str, list[Diagnostic]] = {}
    for file in model_files(files or ["."]):
        try:
            source, tests = _tests(file, wanted)
        except ModelError as error:
            wrong[file] = list(error.diagnostics)
            say(f"{error}\n")
            continue
        except Failure as error:
            wrong[file] = []
            say(f"error: {error}")
            continue
        found = list(_run(file, source, tests))
        results += found
        if not as_json:
            _show(file, found, quiet)
    if not results and not wrong:
        named = f" that hold `{wanted}`" if wanted is not None else ""
        raise Failure(
            f"there are no tests{named} in {', '.join(files) or 'this folder'}\n"
            '  a test stands in a model file: test "name" … expect x at 10 = 0.5 within 1e-4 … end'
        )
    failed = sum(not r.passed for r in results)
    if as_json:
        write_json(_report(results, wrong, failed))
    else:
        write(_summary(results, wrong, failed))
    return FAILED if failed or wrong else 0


def _tests(file: str, wanted: str | None) -> tuple[Source, "list[CheckedTest]"]:
    """The tests of a file that are asked for. A file without a `test` is not checked: that is what `check` is for."""
    from stiffdsl.syntax import tree
    from stiffdsl.syntax.parse import parse
    from stiffdsl.testing import tests_in

    source = read_source(file)
    if not any(isinstance(d, tree.Test) for d in parse(source).declarations):
        return source, []
    tests = tests_in(source)
    if wanted is not None:
        words = wanted.lower()
        tests = [t for t in tests if any(words in s.lower() for s in (t.name, t.model, file))]
    return source, tests


def _run(file: str, source: Source, tests: "list[CheckedTest]") -> "Iterable[TestResult]":
    if not tests:
        return
    from stiffdsl.testing import run_tests

    with progress(f"{file}: {tests[0].name}") as tell:
        for k, result in enumerate(run_tests(source, tests), start=1):
            tell(f"{file}: {k} of {len(tests)} tests done")
            yield result


def _show(file: str, results: "list[TestResult]", quiet: bool) -> None:
    shown = [r for r in results if not (quiet and r.passed)]
    if not shown:
        return
    write(file)
    for result in shown:
        write(f"  {result.name} ({result.model}, {result.seconds:.2g} s)")
        if result.failure:
            write("    failed: " + result.failure.replace("\n", "\n    "))
        rows = [e for e in result.expectations if not (quiet and e.passed)]
        width = max((len(e.text) for e in rows), default=0)
        values = [number(e.measured, e.unit) for e in rows]
        room = max(map(len, values), default=0)
        for e, value in zip(rows, values, strict=True):
            word = "ok    " if e.passed else "FAILED"
            write(f"    {word}  {e.text:<{width}}  {value:<{room}}  {note(e)}".rstrip())


def number(value: float, unit: str | None) -> str:
    """`83.2 degC`; a number that was not measured is a dash."""
    if value != value:
        return "-"
    return f"{value:.7g}" + (f" {unit}" if unit not in (None, "1") else "")


def note(e: "ExpectationResult") -> str:
    """The distance of an expectation from what was expected, or the reason of its failure."""
    if e.note:
        return f"line {e.line}: {e.note}"
    if not e.passed:
        return f"line {e.line}" + (
            f": not {e.comparison} {number(e.wanted, e.unit)}" if e.wanted == e.wanted else ""
        )
    if e.comparison != "=" or not e.tolerance:
        return ""
    return f"off by {abs(e.measured - e.wanted):.1e}"


def _summary(results: "list[TestResult]", wrong: dict[str, list[Diagnostic]], failed: int) -> str:
    passed = len(results) - failed
    expectations = sum(len(r.expectations) for r in results)
    met = sum(e.passed for r in results for e in r.expectations)
    parts = [f"{passed} {'test' if passed == 1 else 'tests'} passed"]
    if failed:
        parts.append(f"{failed} failed")
    if wrong:
        parts.append(f"{len(wrong)} {'file' if len(wrong) == 1 else 'files'} with mistakes")
    return f"{', '.join(parts)} ({met} of {expectations} expectations met)"


def _report(results: "list[TestResult]", wrong: dict[str, list[Diagnostic]], failed: int) -> dict[str, Any]:
    rows = [asdict(r) | {"passed": r.passed} for r in results]
    found = [d for diagnostics in wrong.values() for d in diagnostics]
    error = {}
    if failed or wrong:
        code = found[0].code if found else "failed"
        message = _summary(results, wrong, failed)
        error = {
            "error": {"code": code, "message": message, "diagnostics": [diagnostic_row(d) for d in found]}
        }
    return {"ok": not error, **error, "passed": len(results) - failed, "failed": failed, "tests": rows}
