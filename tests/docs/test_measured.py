"""Measured tables are pages that a command writes."""

import pytest
from rich.table import Table

from benchmarks import measured, overhead
from benchmarks.__main__ import TASKS, main
from tests.docs.blocks import MEASURED


def a_table() -> Table:
    table = Table(title="microseconds", caption="on a quiet machine")
    table.add_column("model")
    table.add_column("a|b", justify="right")
    table.add_row("Robertson", "14")
    table.add_row("POLLU")
    return table


def test_a_table_is_written_in_markdown():
    assert measured.table(a_table()).splitlines() == [
        "## microseconds",
        "",
        "| model | a\\|b |",
        "| --- | ---: |",
        "| Robertson | 14 |",
        "| POLLU |  |",
        "",
        "on a quiet machine",
    ]


def test_a_task_writes_its_page(tmp_path, monkeypatch):
    monkeypatch.setattr(overhead, "overhead", lambda console: console.print(a_table()) or [])
    main(["overhead", "--write", str(tmp_path)])
    page = (tmp_path / "overhead.md").read_text(encoding="utf-8")
    assert page.startswith("# overhead\n")
    assert "| command | `python -m benchmarks overhead --write " in page
    for key in ("date", "machine", "versions"):
        assert f"\n| {key} | " in page
    assert "| Robertson | 14 |" in page
    assert "jit" in page, "columns are explained"


@pytest.mark.parametrize("page", MEASURED, ids=lambda page: page.name)
def test_a_page_says_how_it_was_made(page):
    text = page.read_text(encoding="utf-8")
    assert page.stem in TASKS
    assert f"`python -m benchmarks {page.stem}" in text
    assert "| date | " in text
    assert "| machine | " in text


def test_every_page_is_listed():
    index = (MEASURED[0].parent / "README.md").read_text(encoding="utf-8")
    for task in TASKS:
        assert task == "references" or f"`{task}`" in index
    for page in MEASURED:
        assert f"]({page.name})" in index
