"""Compilation of texts up to this stage, with imports read from `wrong/`."""

from pathlib import Path
from types import SimpleNamespace

import pytest

import stiffdsl.sources
from stiffdsl.check import check, check_file
from stiffdsl.datafiles import DataFile, of_text
from stiffdsl.diagnostics import Source
from stiffdsl.syntax import tree
from stiffdsl.syntax.parse import parse

HERE = Path(__file__).parent / "wrong"


def load(dotted: str, importing: Source) -> Source | None:
    """A file of `wrong/`, named as a user would see it."""
    path = HERE / (dotted.replace(".", "/") + ".sml")
    return Source(path.name, path.read_text()) if path.exists() else None


def load_data(name: str, importing: Source) -> DataFile | None:
    """A data file of `wrong/`, named as a user would see it."""
    path = HERE / name
    if path.exists():
        return of_text(name, path.read_text())
    return stiffdsl.sources.load_data(name, importing)


@pytest.fixture(scope="session")
def checked():
    """`checked(text)` gives the CheckedModel."""

    def run(text: str, model: str | None = None, name: str = "m.sml", files: dict[str, str] | None = None):
        source = Source(name, text)

        def find(dotted: str, importing: Source) -> Source | None:
            if files is not None and dotted in files:
                return Source(f"{dotted}.sml", files[dotted])
            return load(dotted, importing)

        module = parse(source)
        if any(isinstance(d, tree.Test) for d in module.declarations):
            # A model is compiled without the tests of its file.
            return SimpleNamespace(warnings=check_file(module, source, load=find))
        return check(module, source, model=model, load=find, load_data=load_data)

    return run
