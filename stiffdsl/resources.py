"""Folders: `grammars/` and `models/`, inside the wheel or beside the package in a checkout; and the user's cache."""

import os
import sys
from pathlib import Path


def folder(name: str) -> Path:
    """The folder `grammars` or `models` that ships with this package."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "_data" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise AssertionError(f"the installation is incomplete: no `{name}` folder beside {package}")


def cache_folder() -> Path:
    """The folder of compiled programs: `STIFFDSL_CACHE`, or the platform's cache folder."""
    if "STIFFDSL_CACHE" in os.environ:
        return Path(os.environ["STIFFDSL_CACHE"])
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "stiffdsl"
