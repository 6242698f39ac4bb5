"""References in pages lead somewhere: commands of the shell, links to other pages."""

import re
from pathlib import Path

import pytest

from stiffdsl.cli.entry import commands
from tests.docs import blocks
from tests.docs.blocks import MEASURED, PAGES

LISTS = (blocks.ROOT / "docs" / "measured" / "README.md",)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page):
    shell = "\n".join(block.text for block in blocks.blocks(page) if block.language in ("sh", "text"))
    inline = " ".join(re.findall(r"`(stiffdsl [a-z]+)", page.read_text(encoding="utf-8")))
    named = re.findall(r"^(?:\$ )?stiffdsl ([a-z]+)", shell, re.MULTILINE) + re.findall(
        r"stiffdsl ([a-z]+)", inline
    )
    assert set(named) <= set(commands.commands)


def test_every_option_of_the_reference_of_commands_exists():
    page = (blocks.ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    offered = {
        option
        for command in commands.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) <= offered | {"--help", "--version"}


@pytest.mark.parametrize("page", [*PAGES, *MEASURED, *LISTS], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = re.sub(
        r"^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
        if "://" not in target:
            file = page.parent / target if target else page
            assert file.exists(), target
            assert not anchor or anchor in _anchors(file), f"{target}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """The names of headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}
