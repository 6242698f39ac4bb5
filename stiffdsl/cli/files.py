"""Reading models and writing results: what goes wrong with files, said in words."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.shipped import shipped
from stiffdsl.diagnostics import Source, did_you_mean
from stiffdsl.sources import located, read

# Folders that hold what others wrote.
FOREIGN_FOLDERS = ("node_modules", "site-packages", "venv")


def read_source(path: str, library: bool = True) -> Source:
    """The model text at `path` (`-`: standard input) with line ends `\\n` and no byte order mark.

    Where there is no such file, a name of the `library` (`chemistry.robertson`) means that one.
    """
    if path == "-":
        return Source("<stdin>", read_text(path))
    return read(located(path) if library else path, lambda file: Source(str(file), read_text(str(file))))


def model_files(paths: Iterable[str]) -> list[str]:
    """The files that arguments name: of a folder, every `.sml` file in it and below, hidden folders and those of
    packages left out.

    Raises `Failure` for a folder without one.
    """
    found: list[str] = []
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            found.append(path)
            continue
        top = Path(path)
        inside = [p for p in sorted(top.rglob("*.sml")) if not _hidden(p.relative_to(top))]
        if not inside:
            raise Failure(f"the folder `{path}` holds no .sml file")
        found.extend(str(p) for p in inside)
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in FOREIGN_FOLDERS for part in path.parts)


def read_text(path: str) -> str:
    """UTF-8 text. Raises `Failure` where there is no such file, or it is something else."""
    data = _read_bytes(path)
    if b"\0" in data:
        raise Failure(f"`{path}` is not a text file (it holds zero bytes)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Failure(
            f"`{path}` is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}\n"
            "  save the file with the encoding UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_bytes(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise Failure(f"there is no file `{path}`{_nearby(path)}") from None
    except IsADirectoryError:
        raise Failure(f"`{path}` is a folder, not a file") from None
    except PermissionError:
        raise Failure(f"`{path}` cannot be read: permission denied") from None
    except (OSError, ValueError) as error:
        raise Failure(f"`{path}` cannot be read: {reason(error)}") from None


def _nearby(path: str) -> str:
    wanted = Path(path)
    try:
        present = [p.name for p in wanted.parent.glob("*.sml")]
    except OSError:
        return ""
    hint = did_you_mean(wanted.name, present) or did_you_mean(wanted.name + ".sml", present)
    hint = hint or did_you_mean(path, [name for name in shipped() if name != path])
    return f"\n  {hint}" if hint else ""


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Around the writing of `path`: a missing or forbidden folder becomes a `Failure` that names it."""
    target = Path(path)
    try:
        yield target
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"`{path}` cannot be written: {reason(error)}") from None


def writable(path: str | Path) -> None:
    """Raises `Failure` at once where `path` could not be written: before long work, not after it."""
    target = Path(path)
    if target.is_dir():
        raise Failure(f"`{path}` cannot be written: it is a folder")
    if not target.parent.is_dir():
        raise Failure(f"`{path}` cannot be written: there is no folder `{target.parent}`")
    with writing(path):
        existed = target.exists()
        with open(target, "ab"):
            pass
        if not existed:
            target.unlink()


def writable_folder(path: str | Path) -> None:
    """Makes the folder `path` and those above it, or raises `Failure`."""
    with writing(path):
        Path(path).mkdir(parents=True, exist_ok=True)


def reason(error: Exception) -> str:
    """The operating system's word for what went wrong, without the error number."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]
