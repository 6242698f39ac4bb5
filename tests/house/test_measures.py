"""Measures of the house: folders that one can look over, and modules that not everything beside them hangs on."""

import re
from collections import defaultdict

import pytest

from tests.house.test_imports import ROOT

PACKAGE = ROOT / "stiffdsl"
MOST_FILES, MOST_IMPORTERS = 32, 15
# Words that say nothing about what a thing is.
VAGUE = ("What", "Those", "Where", "Which", "That", "How")
# The contracts between stages, which a stage takes or makes as a whole.
CONTRACTS = "model"


@pytest.fixture(scope="module")
def texts():
    return {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def test_no_folder_is_crowded():
    folders = [PACKAGE, *(d for d in PACKAGE.rglob("*") if d.is_dir())]
    assert [d for d in folders if len(list(d.glob("*.py"))) > MOST_FILES] == []


def test_few_modules_of_a_folder_hang_on_one(graph):
    found = {}
    for name in graph.modules:
        folder, _, own = name.rpartition(".")
        importers = graph.find_modules_that_directly_import(name)
        count = sum(i.rpartition(".")[0] == folder for i in importers)
        if count > MOST_IMPORTERS and own != CONTRACTS:
            found[name] = count
    assert found == {}


def test_first_lines_name_something(texts):
    vague = re.compile(rf'^ *"""`?({"|".join(VAGUE)})\b.*', re.MULTILINE)
    assert [
        f"{path}: {found.group()}" for path, text in texts.items() for found in vague.finditer(text)
    ] == []


def test_no_two_public_classes_share_a_name(texts):
    places = defaultdict(list)
    for path, text in texts.items():
        if path.name == "module_text.py":  # the text of written modules
            continue
        for name in re.findall(r"^class ([A-Z]\w*)", text, re.MULTILINE):
            places[name].append(path.name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
