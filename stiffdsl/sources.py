"""Sources: the texts of models, from files, by the names of the library, and for imports.

A front end makes a source in stiffdsl's language of a file in another: it is a line in `FRONT_ENDS`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stiffdsl.diagnostics import Diagnostic, Label, ModelError, Source, Span, did_you_mean
from stiffdsl.resources import folder

if TYPE_CHECKING:
    from stiffdsl.datafiles import DataFile

# The reader of a file by the end of its name; every other file is read as text in stiffdsl's language.
FRONT_ENDS: dict[str, Callable[[Path], Source]] = {}

# Marks the root of a project, in which imports are looked up; it may be empty.
PROJECT_FILE = "stiffdsl.toml"


@dataclass(frozen=True)
class SourceLookup:
    """A name that was looked up for a model, of a module or a data file, in the file named `importing`; the source that
    was found, None where it is data or there is none."""

    name: str
    importing: str
    found: Source | None
    of_data: bool = False


_NOTED: ContextVar[list[SourceLookup] | None] = ContextVar("lookups", default=None)


@contextmanager
def lookups() -> Iterator[list[SourceLookup]]:
    """A list of all that is looked up inside."""
    noted: list[SourceLookup] = []
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def _note(lookup: SourceLookup) -> None:
    noted = _NOTED.get()
    if noted is not None:
        noted.append(lookup)


def read(path: str | Path, plain: Callable[[Path], Source] | None = None) -> Source:
    """The source that a file holds, by its front end; text in stiffdsl's language by `plain`. Raises `ModelError`
    (E0100) where it cannot be read."""
    path = Path(path)
    return FRONT_ENDS.get(path.suffix.lower(), plain or read_text)(path)


def read_text(path: Path) -> Source:
    """The text of a file. Raises `ModelError` (E0100) where it cannot be read as UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        help_text = None
        if (path / "surrogate.json").is_file():
            help_text = f"this folder holds a surrogate: `stiffdsl.load_surrogate({str(path)!r})` reads it"
        elif isinstance(error, FileNotFoundError) and path.parent.is_dir():
            help_text = did_you_mean(path.name, [p.name for p in path.parent.glob("*.sml")])
        raise ModelError([_unreadable(path, error.strerror or "it cannot be opened", help_text)]) from None
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8 text"
        raise ModelError([_unreadable(path, reason)]) from None
    return Source(str(path), text)


def _unreadable(path: Path, reason: str, help_text: str | None = None) -> Diagnostic:
    span = Span(Source(str(path), ""), 1, 1, 1, 2)
    return Diagnostic("E0100", f"cannot read `{path}`: {reason}", (Label(span),), help=help_text)


def located(path: str | Path) -> Path:
    """`path` itself, or the file that ships under this name where there is no such file: `chemistry.robertson`."""
    name = str(path)
    if not Path(path).exists() and all(part.isidentifier() for part in name.split(".")):
        shipped = folder("models") / _file_of(name)
        if shipped.is_file():
            return shipped
    return Path(path)


def _file_of(module: str) -> Path:
    """The file of a module in its root: `chemistry.robertson` is `chemistry/robertson.sml`."""
    return Path(*module.split(".")).with_suffix(".sml")


def load_import(module: str, importing: Source) -> Source | None:
    """The file that `import module` means: beside the importing file, then in its project's root, then in the library.

    Raises `ModelError` for a link that leads out of the folder that it was looked up in, or, in a project, out of the
    project: what it leads to is not read.
    """
    found = _found_import(module, importing)
    _note(SourceLookup(module, importing.name, found))
    return found


def _found_import(module: str, importing: Source) -> Source | None:
    for place, within in _places(importing):
        candidate = place / _file_of(module)
        if not candidate.is_file():
            continue
        if within is not None and not candidate.resolve().is_relative_to(within.resolve()):
            reason = f"it is a link out of the folder `{within}`, from which imports are read; copy the file"
            raise ModelError([_unreadable(candidate, reason)])
        return read(candidate)
    return None


def load_data(name: str, importing: Source) -> "DataFile | None":
    """The data file that a model names: beside its own file, in its project's root, or in the library; None where there
    is none. Raises `DataError` for a file that cannot be read, and for a name that leads out of these folders."""
    # NumPy, which help and listings need not wait for.
    from stiffdsl.datafiles import DataError, read_data

    _note(SourceLookup(name, importing.name, None, of_data=True))
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(
            f"`{name}` leads out of the folder of the model; files from elsewhere are handed over when it is run"
        )
    for place, within in _places(importing):
        candidate = place / path
        if not candidate.is_file():
            continue
        if within is not None and not candidate.resolve().is_relative_to(within.resolve()):
            raise DataError(
                f"`{candidate}` is a link out of the folder `{within}`, from which files are read"
            )
        return read_data(candidate)
    return None


def _places(importing: Source) -> list[tuple[Path, Path | None]]:
    """The folders in which files are looked up, each with the folder that links may not lead out of."""
    beside = Path(importing.name).parent
    library = folder("models")
    root = None if beside.resolve().is_relative_to(library) else project_root(beside)
    own = [(place, place if root is None else root) for place in (beside, *((root,) if root else ()))]
    return [*own, (library, None)]


def project_root(inside: Path) -> Path | None:
    """The nearest folder, from `inside` upwards, that holds a file `stiffdsl.toml`; relative where `inside` is."""
    whole = Path(os.path.abspath(inside))
    found = next((f for f in (whole, *whole.parents) if (f / PROJECT_FILE).is_file()), None)
    return found if found is None or inside.is_absolute() else Path(os.path.relpath(found))
