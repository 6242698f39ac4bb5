"""Code blocks of a page of the documentation, and what a reader does with them, one after the other.

A fence names the language, then the file that the block is, then conditions:

    ```sml tank.sml          written into the folder, and every model in it checked
    ```csv weather.csv       written into the folder
    ```python                run, with the names that earlier blocks of the page have made
    ```sh                    `stiffdsl` runs here; of other commands it is checked that they exist
    ```text                  shown, not run

`slow` behind the language: only the long proofs run it. `needs=diffrax`: only where that is installed.
"""

import importlib.util
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
# Written by `python -m benchmarks`, but for their list.
MEASURED = tuple(
    page for page in sorted((ROOT / "docs" / "measured").glob("*.md")) if page.name != "README.md"
)

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
LANGUAGES = ("sml", "csv", "python", "sh", "text")
# Commands that are the reader's own business, or take minutes.
_OTHERS = ("pip", "git", "cd", ".ci/run", "python -m pytest", "python -m tests.fuzz")


@dataclass(frozen=True)
class CodeBlock:
    """One block of code, and where it begins."""

    page: Path
    line: int
    language: str
    file: str | None
    conditions: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def slow(self) -> bool:
        """Whether only the long proofs run it."""
        return "slow" in self.conditions

    @property
    def possible(self) -> bool:
        """Whether what it needs is installed."""
        needed = (c.removeprefix("needs=") for c in self.conditions if c.startswith("needs="))
        return all(importlib.util.find_spec(name) is not None for name in needed)


def blocks(page: Path) -> list[CodeBlock]:
    """The blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        files = [word for word in words if "." in word]
        rest = tuple(word for word in words if "." not in word)
        line = text.count("\n", 0, match.start()) + 1
        found.append(CodeBlock(page, line, language, files[0] if files else None, rest, match["text"]))
    return found


def commands(block: CodeBlock) -> list[list[str]]:
    """The commands of a block for the shell, in words; lines go on behind a backslash."""
    lines = block.text.replace("\\\n", " ").splitlines()
    words = [shlex.split(part, comments=True) for line in lines for part in line.split(" && ")]
    return [command for command in words if command]


def follow(page: Path, folder: Path, stiffdsl: Callable[[list[str]], int], slow: bool) -> None:
    """Does what a page says, in `folder`, which is the working directory; with `slow` all of it, else what is quick."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if (block.slow and not slow) or not block.possible:
            continue
        if block.file is not None:
            target = folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        if block.language == "sml":
            assert block.file is not None, f"{block}: a model needs the name of its file"
            assert stiffdsl(["check", block.file]) == 0, f"{block}: `{block.file}` does not check"
        elif block.language == "python":
            # Lines as on the page in what is raised.
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
        elif block.language == "sh":
            for command in commands(block):
                _run(block, command, stiffdsl)


def _run(block: CodeBlock, command: list[str], stiffdsl: Callable[[list[str]], int]) -> None:
    if command[0] == "stiffdsl":
        assert stiffdsl(command[1:]) == 0, f"{block}: {shlex.join(command)}"
    elif command[:3] == ["python", "-m", "benchmarks"]:
        from benchmarks.__main__ import TASKS

        assert not command[3:] or command[3] in TASKS, f"{block}: {command}"
    else:
        told = shlex.join(command)
        assert any(told.startswith(other) for other in _OTHERS), (
            f"{block}: what does `{told}` do? See blocks.py"
        )
