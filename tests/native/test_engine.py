"""Machine code on disk: used again, checked, and left away where the user says so."""

import ctypes
import shutil
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path

import pytest

from stiffdsl import native
from stiffdsl.native.host import build, digest, engine
from stiffdsl.native.host.build import kernel_model
from stiffdsl.solve.methods.tableau import RODAS5P
from tests.native import solves

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

BALL = """\
model Ball
  var h start 1
  var v start 0
equations
  der(h) = v
  der(v) = -9.81
  when h < 0
    v := -0.5*v
  end
experiment
  time 0..1
end
"""
TEXT = "define double @one(double %x) {\n  ret double 1.0\n}\n"


def call(library) -> float:
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(library.address("one"))(3.0)


def fail() -> str:
    raise AssertionError("compiled again")


def test_code_is_kept_and_checked(tmp_path, monkeypatch):
    monkeypatch.setenv("STIFFDSL_CACHE", str(tmp_path))
    assert call(engine.load("key", lambda: TEXT)) == 1.0
    assert call(engine.load("key", fail)) == 1.0
    (file,) = (tmp_path / "native").iterdir()
    for content in (b"", file.read_bytes()[:-10]):
        file.write_bytes(content)
        assert call(engine.load("key", lambda: TEXT)) == 1.0
    assert call(engine.load("key", fail)) == 1.0


def test_no_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STIFFDSL_CACHE", "")
    monkeypatch.chdir(tmp_path)
    assert call(engine.load("other", lambda: TEXT)) == 1.0
    with pytest.raises(AssertionError):
        engine.load("other", fail)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STIFFDSL_CACHE", str(tmp_path / "file"))
    assert call(engine.load("third", lambda: TEXT)) == 1.0


def test_without_llvm_there_is_no_kernel(monkeypatch):
    given = solves.model(solves.EXPLODING)
    assert not isinstance(native.build(given.program), str)
    monkeypatch.setattr(engine, "llvm", None)
    engine._target.cache_clear()
    assert not engine.available()
    assert "LLVM is not installed" in native.build(given.program)
    engine._target.cache_clear()


def test_another_text_of_any_writer_is_another_key(tmp_path):
    """Machine code is kept by the text of all modules that decide what is written, constants of solvers included."""
    first = digest.sources()
    copies = []
    for name in digest.WRITERS:
        copies.append(tmp_path / name)
        module = import_module(name)
        if hasattr(module, "__path__"):
            shutil.copytree(Path(module.__path__[0]), copies[-1])
        else:
            shutil.copy(module.__file__, copies[-1])
    assert digest.digest_of_texts(copies) == first
    changed = next(copies[1].rglob("damped*.py"))
    changed.write_text(changed.read_text() + "\nMORE = 1\n")
    assert digest.digest_of_texts(copies) != first


def test_every_part_of_a_model_is_in_its_key():
    """Two kernels that are written differently have different keys, whatever they differ in."""
    model = kernel_model(solves.model(BALL).program, RODAS5P)
    assert not isinstance(model, str)
    assert model.events is not None
    first, events = build.key_of(model), model.events
    others = {
        "forced": not model.forced,
        "figures": range(1),
        "curved": not model.curved,
        "tableau": replace(model.tableau, gamma=0.3),
        "plan": replace(model.plan, source=model.plan.source + 1),
        "events": replace(events, still=~events.still),
    }
    same = [n for n, v in others.items() if build.key_of(replace(model, **{n: v})) == first]
    assert same == []
    assert build.key_of(replace(model)) == first
    # What has no text of its own would be another key in every process.
    held = [getattr(model, f.name) for f in fields(model)]
    assert not any(" at 0x" in repr(value) for value in held if not is_dataclass(value))


def test_kernels_are_written_by_nothing_else():
    """Everything in this package that the writers import is a part of the key, but for the equations themselves."""
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("stiffdsl", cache_dir=None)
    read = graph.find_upstream_modules(digest.WRITERS[0], as_package=True)
    beside = {m for m in read if not m.startswith(digest.WRITERS)}
    assert {m.split(".")[1] for m in beside} <= {
        "graph",
        "flat",
        "check",
        "syntax",
        "diagnostics",
        "resources",
        "sources",
        "quantity",
        "datafiles",
        "epw",
    }
