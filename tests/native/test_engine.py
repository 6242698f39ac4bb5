"""Machine code on disk: used again, checked, and left away where the user says so."""

import ctypes

import pytest

from stiffdsl.runtime import native
from stiffdsl.runtime.native import engine
from tests.native import solves

pytestmark = pytest.mark.skipif(not engine.available(), reason="LLVM is not installed")

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
