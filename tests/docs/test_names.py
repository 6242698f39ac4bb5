"""Files and names of the code that the pages on its inside mention exist."""

import ast
import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT

# Pages about the code; the others mention files of their readers too.
INSIDE = [
    page
    for page in PAGES
    if page.name in ("architecture.md", "tour.md", "solvers.md", "scaling.md", "glossary.md")
    or page.name.startswith("how-so")
    or page.name.startswith("how-su")
]
PLACES = (ROOT, ROOT / "stiffdsl", ROOT / "stiffdsl" / "native")
_PATH = re.compile(r"`([\w.{},-]+(?:/[\w.{},-]*)+|\w+\.py)`")
_SYMBOL = re.compile(r"`([a-z_]\w*(?:\.[a-z_]\w*)*)\.([A-Za-z_]\w*)`")


def named(page: Path) -> str:
    """The text without its blocks of code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`tests/\n", "`tests/", text)


def spelled(path: str) -> list[str]:
    """`a/{b,c}.py` as `a/b.py` and `a/c.py`."""
    parts = [part.split(",") for part in re.split(r"[{}]", path)]
    return ["".join(choice) for choice in product(*parts)]


@cache
def files() -> frozenset[str]:
    """Names of the modules and folders of the package."""
    return frozenset(
        f"{file.name}/" if file.is_dir() else file.name for file in (ROOT / "stiffdsl").rglob("*")
    )


def exists(path: str) -> bool:
    """Whether a file, folder or module is there; of a bare name, anywhere in the package."""
    return path in files() or any(
        (place / f"{path}{end}").exists() for place in PLACES for end in ("", ".py", ".sml")
    )


def modules(dotted: str) -> list[Path]:
    """The modules that a name with dots may mean: of the package, by its last parts."""
    tail = "/" + dotted.removeprefix("stiffdsl.").replace(".", "/") + ".py"
    return [file for file in (ROOT / "stiffdsl").rglob("*.py") if f"/{file.as_posix()}".endswith(tail)]


@cache
def names(file: Path) -> frozenset[str]:
    """All names that a module defines or assigns, in classes and functions too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return frozenset(found)


@pytest.mark.parametrize("page", INSIDE, ids=lambda page: page.name)
def test_every_path_exists(page):
    missing = [p for path in _PATH.findall(named(page)) for p in spelled(path) if not exists(p)]
    assert not missing


@pytest.mark.parametrize("page", ["architecture", "tour"])
def test_every_name_of_a_module_exists(page):
    for module, symbol in _SYMBOL.findall(named(ROOT / "docs" / f"{page}.md")):
        if symbol not in ("py", "txt") and (found := modules(module)):
            assert any(symbol in names(file) for file in found), f"{module}.{symbol}"


def test_every_module_that_answers_a_question_of_the_graph_exists():
    asked = re.findall(r"\?\* \(([^)]*)\)", named(ROOT / "docs" / "architecture.md"))
    assert len(asked) == 4
    assert {f"{name}.py" for listed in asked for name in re.findall(r"`(\w+)`", listed)} <= files()
