"""The models and components that ship with stiffdsl, by the name that `import` knows them by."""

from pathlib import Path

from stiffdsl.resources import folder


def root() -> Path:
    """The folder of the library."""
    return folder("models")


def shipped() -> dict[str, Path]:
    """Import name → file, in alphabetical order."""
    top = root()
    return {".".join(p.relative_to(top).with_suffix("").parts): p for p in sorted(top.rglob("*.sml"))}
