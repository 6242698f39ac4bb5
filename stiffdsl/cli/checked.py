"""Files in which a check found nothing to say, kept by content: telling so again needs neither SymPy nor SciPy.

Kept are the names of the models, with digests of the file, of what it imports, and of this package. Files with
messages, and those that read data, are checked anew each time.
"""

import hashlib
import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from stiffdsl import __version__
from stiffdsl.diagnostics import ModelError, Source
from stiffdsl.resources import cache_folder, folder
from stiffdsl.sources import SourceLookup, load_import


def kept(source: Source) -> list[str] | None:
    """The names of the models in a file that was found right before, and has not changed, nor what it imports."""
    try:
        content: Any = json.loads(_path(source).read_bytes())
        if content["package"] != _package() or content["file"] != _digest(source):
            return None
        for module, importing, digest in content["imports"]:
            if _digest(load_import(module, Source(importing, ""))) != digest:
                return None
        return [str(name) for name in content["models"]]
    except (OSError, ValueError, KeyError, TypeError, ModelError):
        return None


def keep(source: Source, models: list[str], lookups: list[SourceLookup]) -> None:
    """Keeps that there is nothing to say about a file, where no more is known than what it imports."""
    if os.environ.get("STIFFDSL_CACHE") == "" or not Path(source.name).is_file():
        return
    if any(lookup.of_data for lookup in lookups):
        return
    imports = [(a.name, os.path.abspath(a.importing), _digest(a.found)) for a in lookups]
    content = {
        "package": _package(),
        "file": _digest(source),
        "models": models,
        "imports": list(dict.fromkeys(imports)),
    }
    path = _path(source)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            json.dump(content, file)
        os.replace(file.name, path)
    except OSError:
        pass


def _path(source: Source) -> Path:
    """One file for each place of a model: the last of its texts that was right."""
    name = hashlib.sha256(os.path.abspath(source.name).encode()).hexdigest()
    return cache_folder() / "checked" / f"{name}.json"


def _digest(source: Source | None) -> str:
    return "" if source is None else hashlib.sha256(source.text.encode()).hexdigest()


@cache
def _package() -> str:
    """A digest that tells versions of this package apart: of sizes and times of its files."""
    digest = hashlib.sha256(__version__.encode())
    for place in (Path(__file__).parents[1], folder("grammars")):
        for root, folders, files in os.walk(place):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".py", ".lark")):
                    state = os.stat(os.path.join(root, name))
                    digest.update(f"{root} {name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
