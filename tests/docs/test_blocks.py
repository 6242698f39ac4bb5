"""Every block of code in the documentation does what its page says."""

import pytest

from stiffdsl.cli.entry import run
from tests.docs.blocks import LANGUAGES, PAGES, ROOT, blocks, follow

SLOW = [page for page in PAGES if any(block.slow for block in blocks(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_say_what_they_are(page):
    for block in blocks(page):
        assert block.language in LANGUAGES, (
            f"{block}: write one of {LANGUAGES} behind the fence, see blocks.py"
        )
        assert (block.file is not None) or block.language not in ("sml", "csv"), f"{block}: name its file"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder beside the models that ship, as a reader has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    (tmp_path / "models").symlink_to(ROOT / "models")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_can_be_followed(page, folder):
    follow(page, folder, run, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=lambda page: page.name)
def test_a_page_can_be_followed_to_its_end(page, folder):
    follow(page, folder, run, slow=True)
