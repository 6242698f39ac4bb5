"""A surrogate comes back from its folder to the last bit, and a wrong folder is said to be wrong."""

import copy
import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from stiffdsl.surrogate.core.checksum import checksum
from stiffdsl.surrogate.learn.train import train
from stiffdsl.surrogate.storage import load

from . import quick, tasks

VALUES = np.array([[0.06, 700.0], [0.149, 1401.0], [0.1, 1000.0]])


def test_a_loaded_surrogate_is_the_same_to_the_bit(chain, tmp_path):
    chain.save(tmp_path / "new" / "folder")
    again = load(tmp_path / "new" / "folder")
    assert np.array_equal(chain.predict(VALUES), again.predict(VALUES))
    one = {"slow": 0.07, "fast": 800.0}
    assert np.array_equal(chain.simulate(params=one).y, again.simulate(params=one).y)
    for name, ends in chain.interval(one).items():
        assert np.array_equal(ends, again.interval(one)[name])
    assert again.validation == json.loads(json.dumps(chain.validation))
    assert again.speed == chain.speed
    assert again.domain == chain.domain
    assert all(np.array_equal(value, again.held_out[name]) for name, value in chain.held_out.items())


def test_the_same_surrogate_writes_the_same_files(chain, tmp_path):
    first, second = chain.save(tmp_path / "a"), load(chain.save(tmp_path / "b")).save(tmp_path / "c")
    for name in ("surrogate.json", "surrogate.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_start_that_depends_on_parameters_is_stored_too(tmp_path):
    made = train(tasks.moving(), "rbf", samples=12)
    again = load(made.save(tmp_path))
    solution = again.simulate(params={"a": 1.3}, saveat=[0.0, 2e-4, 1.0])
    assert np.array_equal(solution.y, made.simulate(params={"a": 1.3}, saveat=[0.0, 2e-4, 1.0]).y)
    assert np.allclose(solution["y"], [1.69, 1.6902, 2.69], rtol=1e-6)


def test_a_network_is_stored_too(tmp_path):
    made = train(tasks.decay(), quick.neural(5), samples=8)
    assert np.array_equal(made.predict([[1.7]]), load(made.save(tmp_path)).predict([[1.7]]))


def test_a_wrong_folder(chain, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no surrogate in"):
        load(tmp_path)
    folder = chain.save(tmp_path / "s")
    meta = json.loads((folder / "surrogate.json").read_text())
    for change, message in (
        ({"format": "other"}, "does not describe a surrogate"),
        ({"version": 99}, "has format version 99; this stiffdsl reads 1"),
        ({"clock": None}, "not complete"),
    ):
        changed = {**meta, **change}
        changed["checksum"] = checksum(changed, [folder / "surrogate.safetensors"])
        (folder / "surrogate.json").write_text(json.dumps(changed))
        with pytest.raises(ValueError, match=message):
            load(folder)
    (folder / "surrogate.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        load(folder)
    chain.save(folder)
    (folder / "surrogate.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read"):
        load(folder)


def test_a_surrogate_is_pickled_and_copied(chain):
    for again in (pickle.loads(pickle.dumps(chain)), copy.deepcopy(chain)):
        assert np.array_equal(chain.predict(VALUES), again.predict(VALUES))
        found = pickle.loads(pickle.dumps(again.simulate(params={"slow": 0.07})))
        assert np.array_equal(found.y, chain.simulate(params={"slow": 0.07}).y)
        assert np.array_equal(found(1e-3), chain.simulate(params={"slow": 0.07})(1e-3))


def spoiled_arrays(path):
    arrays = load_file(path)
    save_file({k: np.full_like(v, np.nan) if v.dtype.kind == "f" else v for k, v in arrays.items()}, path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "surrogate.safetensors").write_bytes(
            (folder / "surrogate.safetensors").read_bytes()[:-100]
        ),
        lambda folder: (folder / "surrogate.safetensors").write_bytes(b""),
        lambda folder: spoiled_arrays(folder / "surrogate.safetensors"),
        lambda folder: (folder / "surrogate.json").write_text(
            (folder / "surrogate.json").read_text().replace('"log_time": true', '"log_time": false')
        ),
        lambda folder: (folder / "surrogate.json").write_text(
            (folder / "surrogate.json").read_text().replace('"checksum"', '"sum"')
        ),
        lambda folder: (folder / "speed.json").write_text("{"),
    ],
    ids=["cut short", "empty", "NaN", "changed", "no checksum", "speed"],
)
def test_files_that_are_not_those_that_were_saved(chain, tmp_path, spoil):
    folder = chain.save(tmp_path)
    spoil(folder)
    with pytest.raises(ValueError, match="surrogate in"):
        load(folder)
