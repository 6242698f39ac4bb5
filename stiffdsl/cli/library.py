"""`stiffdsl library`: the models and components that ship with stiffdsl."""

from pathlib import Path
from typing import Any

import click

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import read_source
from stiffdsl.cli.options import json_option
from stiffdsl.cli.shipped import root, shipped
from stiffdsl.cli.terminal import write, write_json
from stiffdsl.diagnostics import ModelError, did_you_mean


@click.command(short_help="List the models and components that ship.")
@click.argument("name", required=False)
@json_option
def library(name: str | None, as_json: bool) -> None:
    """List what ships, as `import` names it, with each file's main model. With a NAME, print that file."""
    files = shipped()
    if name is not None:
        module = name if name in files else name.removesuffix(".sml").replace("/", ".")
        if module not in files:
            hint = did_you_mean(module, files)
            raise click.UsageError(f"the library has no `{name}`" + (f"; {hint}" if hint else ""))
        click.echo(read_source(str(files[module])).text, nl=False)
        return
    entries = [describe(module, path) for module, path in files.items()]
    if as_json:
        write_json({"files": entries})
        return
    width = max((len(entry["name"]) for entry in entries), default=0)
    # By field: what lies in no folder first, then folder by folder.
    entries.sort(key=field)
    for before, entry in zip([None, *entries], entries, strict=False):
        if before is not None and field(before) != field(entry):
            write("")
        what = entry["main"] or ", ".join(entry["components"]) or "nothing yet"
        write(
            f"{entry['name']:<{width}}  {what}"
            + (f": {entry['doc']}" if entry["main"] and entry["doc"] else "")
        )
    write("\nfiles are in " + str(root()))
    write("`stiffdsl library NAME` prints one, `stiffdsl simulate NAME` runs it, `import NAME` uses it")


def field(entry: dict[str, Any]) -> str:
    """The folder of a library file, which is its field: `battery`."""
    return entry["name"].rpartition(".")[0]


def describe(module: str, path: Path) -> dict[str, Any]:
    """The entry of a library file: its components and main model, None where all its models have ports."""
    from stiffdsl.syntax import tree
    from stiffdsl.syntax.parse import parse

    entry: dict[str, Any] = {"name": module, "file": str(path), "main": None, "doc": None, "components": []}
    try:
        declarations = parse(read_source(str(path))).declarations
    except (ModelError, Failure):
        return entry | {"doc": "does not compile with this version"}
    by_name = {d.name: d for d in declarations if isinstance(d, tree.Model)}
    entry["components"] = [m.name for m in by_name.values() if not m.partial]
    if entry["components"]:
        last = by_name[entry["components"][-1]]
        if not has_ports(last, by_name):
            entry["main"], entry["doc"] = last.name, last.doc
    return entry


def has_ports(model: Any, by_name: dict[str, Any]) -> bool:
    """Whether a model, or one in the same file that it extends, declares a port."""
    if any(getattr(d, "kind", "") == "port" for d in model.declarations):
        return True
    bases = [by_name.get(extended.type) for extended in model.extends]
    return any(base is not None and base is not model and has_ports(base, by_name) for base in bases)
