"""Finds `grammars/` and `models/`: inside the wheel, or beside the package in a checkout."""

from pathlib import Path


def folder(name: str) -> Path:
    """The folder `grammars` or `models` that ships with this package."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "_data" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise AssertionError(f"the installation is incomplete: no `{name}` folder beside {package}")
