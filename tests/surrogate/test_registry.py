"""A surrogate method is a folder and a line in the registry: all that choose, fit, store and describe one read it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from stiffdsl.cli.surrogate import methods, surrogate
from stiffdsl.report.page import page
from stiffdsl.surrogate.core.checksum import KEY, checksum
from stiffdsl.surrogate.core.method import MethodFit
from stiffdsl.surrogate.core.stored import FormulaFormat
from stiffdsl.surrogate.learn.choice import available
from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.methods import registry
from stiffdsl.surrogate.methods.driven.method import NETWORK, REGRESSION
from stiffdsl.surrogate.methods.expansion.expansion import Expansion
from stiffdsl.surrogate.methods.expansion.method import RBF
from stiffdsl.surrogate.methods.expansion.storage import EXPANSION
from stiffdsl.surrogate.part.methods import METHODS as OF_PARTS
from stiffdsl.surrogate.storage import load

from . import tasks

DOCS = Path(__file__).parents[2] / "docs" / "surrogates.md"


class Level(Expansion):
    """An expansion of no modes: the mean of the samples, whatever the parameters."""

    def reader(self, times: np.ndarray, which: np.ndarray) -> Any:
        inner = super().reader(times, which)
        inner._modes = np.zeros_like(inner._modes)
        inner._rest = np.zeros_like(inner._rest)
        return inner


def _unpacked(meta: Any, arrays: Any, stored: Any) -> Level:
    return Level(**vars(EXPANSION.unpack(meta["level"], arrays, stored)))


@dataclass(frozen=True)
class Dummy:
    name = "level"
    description = "the mean of all samples"
    inputs = False
    reach, seconds = 0.5, 0.0
    format = FormulaFormat(
        "level", Level, lambda made, arrays: {"level": EXPANSION.pack(made, arrays)}, _unpacked
    )

    def misfit(self, task: Any) -> str | None:
        return None if len(task.parameters) == 1 else "takes one parameter"

    def fit(self, shared: Any) -> MethodFit:
        made = RBF.fit(shared)
        return MethodFit(Level(**vars(made.formula)), {"samples": len(shared.training)})


@pytest.fixture
def dummy(monkeypatch):
    monkeypatch.setattr(registry, "METHODS", (*registry.METHODS, Dummy()))


def test_a_method_is_one_entry(dummy, tmp_path):
    task = tasks.moving()
    assert available(task)[-1] == "level"
    made = train(task, "level", samples=12)
    assert made.method == "level"
    assert made.validation["chosen"] == {"samples": 12}
    rows = made.held_out["values"]
    found = made.predict(rows)
    assert np.allclose(found[:, 1:], found[:1, 1:])
    again = load(made.save(tmp_path))
    assert np.array_equal(again.predict(rows), found)
    assert "This one is the mean of all samples." in page(again)


def test_a_method_says_what_it_does_not_fit(dummy):
    with pytest.raises(ValueError, match="the method `level` takes one parameter"):
        train(tasks.chain(), "level", samples=12)
    assert "level" not in available(tasks.chain())


def test_a_folder_of_a_method_that_is_not_there_is_refused(dummy, monkeypatch, tmp_path):
    made = train(tasks.moving(), "level", samples=12)
    made.save(tmp_path)
    monkeypatch.setattr(registry, "METHODS", registry.METHODS[:-1])
    with pytest.raises(
        ValueError, match="cannot be read: its formula is none that this stiffdsl knows: `level`"
    ):
        load(tmp_path)


@pytest.mark.parametrize(
    "method", ["rbf", "registered", replace(REGRESSION, network=replace(NETWORK, steps=5))]
)
def test_folders_that_do_not_name_their_formula_are_read(method, tmp_path):
    """Those of before the registry."""
    made = train(tasks.front(), method, samples=12)
    made.save(tmp_path)
    text = tmp_path / "surrogate.json"
    meta = json.loads(text.read_text())
    del meta["formula"], meta[KEY]
    meta[KEY] = checksum(meta, [tmp_path / "surrogate.safetensors"])
    text.write_text(json.dumps(meta))
    rows = made.held_out["values"]
    assert np.array_equal(load(tmp_path).predict(rows), made.predict(rows))


def test_the_page_names_every_method_and_the_order_of_auto():
    text = " ".join(DOCS.read_text(encoding="utf-8").split())

    def listed(inputs: bool) -> str:
        names = [f"`{m.name}`" for m in registry.METHODS if m.inputs == inputs]
        return ", ".join(names[:-1]) + f" and {names[-1]}"

    assert f"fits {listed(False)} to the same samples" in text
    assert f"with inputs {listed(True)}" in text
    assert all(f"`{name}`" in text for name in OF_PARTS)


def test_the_command_offers_every_method(dummy):
    assert {m.name for m in registry.METHODS} | set(OF_PARTS) == set(methods())
    found = CliRunner().invoke(surrogate, ["--help"])
    assert "|".join(("auto", *methods())) in found.output
