"""`stiffdsl check FILE...`: every message about the models in the files, without running anything."""

from typing import Any

import click

from stiffdsl.cli.checked import keep, kept
from stiffdsl.cli.failure import FAILED, Failure
from stiffdsl.cli.files import model_files, read_source
from stiffdsl.cli.loading import compile_source
from stiffdsl.cli.options import json_option
from stiffdsl.cli.terminal import say, write, write_json
from stiffdsl.diagnostics import Diagnostic, ModelError, Source, render
from stiffdsl.sources import lookups

# A parameter without a value, and an end of a field without a condition: in a model that is not the main one, they wait
# for whoever uses the model.
WAITING = ("E0228", "E0330")


@click.command(short_help="Report the mistakes in model files.")
@click.argument("files", metavar="[FILE|FOLDER]...", nargs=-1)
@json_option
def check(files: tuple[str, ...], as_json: bool) -> int:
    """Check every model in every FILE, or in all files of a FOLDER: syntax, names, units, and that equations and
    unknowns match. Without one, all files of the working folder.
    """
    status = 0
    report: list[dict[str, Any]] = []
    told: set[str] = set()
    for file in model_files(files or ["."]):
        try:
            models, diagnostics = _checked(read_source(file))
        except Failure as error:
            say(f"error: {error}")
            wrong_file = {"code": "failed", "message": str(error), "diagnostics": []}
            report.append({"file": file, "ok": False, "error": wrong_file, "models": [], "diagnostics": []})
            status = FAILED
            continue
        wrong = any(d.level == "error" for d in diagnostics)
        status = FAILED if wrong else status
        report.append(
            {
                "file": file,
                "ok": not wrong,
                "models": models,
                "diagnostics": [diagnostic_row(d) for d in diagnostics],
            }
        )
        if not as_json:
            # What is wrong with a file is met again in every file that imports it.
            texts = dict.fromkeys(render(d) for d in diagnostics)
            for text in texts:
                if text not in told:
                    say(text + "\n")
            if wrong and told.issuperset(texts):
                say(f"{file}: the mistakes above\n")
            told.update(texts)
            if not wrong:
                write(f"{file}: ok ({', '.join(models) or 'no complete model'})")
    if as_json:
        write_json({"ok": status == 0, **_error(report), "files": report})
    return status


def _error(report: list[dict[str, Any]]) -> dict[str, Any]:
    """The error of the whole command where files are wrong: the first code, how many files, all diagnostics."""
    wrong = [row for row in report if not row["ok"]]
    if not wrong:
        return {}
    found = [d for row in wrong for d in row["diagnostics"]]
    code = next((d["code"] for d in found if d["level"] == "error"), "failed")
    message = f"{len(wrong)} of {len(report)} files have mistakes"
    return {"error": {"code": code, "message": message, "diagnostics": found}}


def _checked(source: Source) -> tuple[list[str], list[Diagnostic]]:
    """As `check_file`, at once where nothing was found before and nothing has changed."""
    models = kept(source)
    if models is not None:
        return models, []
    with lookups() as looked_up:
        models, diagnostics = check_file(source)
    if not diagnostics:
        keep(source, models, looked_up)
    return models, diagnostics


def check_file(source: Source) -> tuple[list[str], list[Diagnostic]]:
    """The names of the models in a file and all that is to be said about them, each message once.

    A model with ports is a component: by itself its names, units, and the number of its equations are checked; how
    they fit what it is connected to shows where it is used.
    """
    from stiffdsl.check.compile import check_file as check_declarations
    from stiffdsl.check.compile import classes_of
    from stiffdsl.flat.connections.balance import unbalanced
    from stiffdsl.program.singular_defaults import notes_at_defaults
    from stiffdsl.sources import load_import
    from stiffdsl.syntax import tree
    from stiffdsl.syntax.parse import parse

    names: list[str] = []
    try:
        module = parse(source)
        names = [d.name for d in module.declarations if isinstance(d, tree.Model) and not d.partial]
        found = list(check_declarations(module, source, load=load_import))
        for cls in classes_of(module, source, load=load_import):
            found.extend(unbalanced(cls, source))
    except ModelError as error:
        return names, list(error.diagnostics)
    for name in names:
        try:
            checked = compile_source(source, name, {}, stop_after="check")
            if not any(component.kind == "port" for component in checked.root.components):
                system = compile_source(source, name, {}, stop_after="graph")
                found.extend((*system.flat.warnings, *system.warnings, *notes_at_defaults(system)))
        except ModelError as error:
            waiting = name != names[-1] and all(d.code in WAITING for d in error.diagnostics)
            found.extend(() if waiting else error.diagnostics)
    return names, list(dict.fromkeys(found))


def diagnostic_row(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as data, for editors and scripts."""
    labels = [
        {
            "file": label.span.source.name,
            "line": label.span.line,
            "column": label.span.column,
            "end_line": label.span.end_line,
            "end_column": label.span.end_column,
            "text": label.text,
        }
        for label in diagnostic.labels
    ]
    return {
        "code": diagnostic.code,
        "level": diagnostic.level,
        "title": diagnostic.title,
        "labels": labels,
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "text": render(diagnostic),
    }
