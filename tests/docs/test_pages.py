"""What pages name is there: commands of the shell, links to other pages."""

import re

import pytest

from stiffdsl.cli.entry import commands
from tests.docs import blocks
from tests.docs.blocks import PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page):
    shell = "\n".join(block.text for block in blocks.blocks(page) if block.language in ("sh", "text"))
    inline = " ".join(re.findall(r"`(stiffdsl [a-z]+)", page.read_text(encoding="utf-8")))
    named = re.findall(r"^(?:\$ )?stiffdsl ([a-z]+)", shell, re.MULTILINE) + re.findall(
        r"stiffdsl ([a-z]+)", inline
    )
    assert set(named) <= set(commands.commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
