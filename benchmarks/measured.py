"""Pages of `docs/measured`: for each task what was run, when and where, what the columns mean, and the tables."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

# Told with their versions where they are installed: what solves here, and the peers.
PACKAGES = (
    *("stiffdsl", "jax", "llvmlite", "numpy", "scipy", "klujax"),
    *("diffrax", "pydiffsol", "casadi", "scikit-sundae", "pybamm", "scikit-learn"),
)
NOTE = "Written by the command below; the next run replaces this page."


class TableConsole(Console):
    """A console that keeps the tables printed to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.tables: list[Table] = []

    def print(self, *objects: Any, **options: Any) -> None:
        """Prints as any console."""
        self.tables += [one for one in objects if isinstance(one, Table)]
        super().print(*objects, **options)


def write(folder: Path, task: str, words: Sequence[str], meaning: str, tables: Iterable[Table]) -> Path:
    """Writes the page of a task that was run with the command line `words`."""
    page = folder / f"{task}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    head = {"command": f"`python -m benchmarks {' '.join(words)}`", **circumstances()}
    page.write_text(markdown(task, head, meaning, map(table, tables)), encoding="utf-8")
    return page


def circumstances() -> dict[str, str]:
    """Date, machine with its load, and versions."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{processor()}, {os.cpu_count()} cores{load}",
        "versions": ", ".join([f"Python {platform.python_version()}", *found]),
    }


def processor() -> str:
    """The name of the processor, as the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def markdown(task: str, head: Mapping[str, str], meaning: str, tables: Iterable[str]) -> str:
    """A page: its name, the circumstances, what the columns mean, and the tables."""
    rows = "\n".join(f"| {key} | {value} |" for key, value in head.items())
    blocks = [f"# {task}", NOTE, f"| | |\n|---|---|\n{rows}", meaning, *tables]
    return "\n\n".join(stripped for block in blocks if (stripped := block.strip())) + "\n"


def table(printed: Table) -> str:
    """A table in Markdown, with its title before and its caption behind it."""
    columns = printed.columns
    rows = list(zip(*(map(_cell, column.cells) for column in columns), strict=True))
    lines = [
        _row(_cell(column.header) for column in columns),
        _row("---:" if column.justify == "right" else "---" for column in columns),
        *map(_row, rows),
    ]
    parts = [f"## {printed.title}"] if printed.title else []
    parts.append("\n".join(lines))
    if printed.caption:
        parts.append(str(printed.caption))
    return "\n\n".join(parts)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(content: Any) -> str:
    return str(content).replace("|", "\\|").replace("\n", " ")
