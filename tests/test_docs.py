"""What the README says can be done: its models check, its Python runs, its commands exist."""

import re
from pathlib import Path

import pytest

from stiffdsl.cli.entry import commands, run
from stiffdsl.diagnostics import Source
from stiffdsl.pipeline import compile_model

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def test_the_models_of_the_readme_compile():
    models = [block for block in _blocks(ROOT / "README.md", "") if block.startswith("model ")]
    assert models
    for text in models:
        compile_model(Source("README.md", text), stop_after="program")


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["new", "decay"]) == 0
    space: dict[str, object] = {}
    for block in _blocks(ROOT / "README.md", "python"):
        exec(compile(block, "README.md", "exec"), space)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page):
    named = re.findall(r"^stiffdsl ([a-z]+)", "\n".join(_blocks(page, "")), re.MULTILINE)
    assert set(named) <= set(commands.commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
