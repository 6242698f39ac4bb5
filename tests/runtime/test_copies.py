"""Models, solutions and ensembles are pickled and copied, also into another process."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import stiffdsl as sd

TEXT = """
model Decay
  const N = 2
  param k = 1 [1/min]
  input u = 0
  var x[N] start 1
  var apart start 3
  output twice = 2*x[1]
equations
  for i in 1..N
    der(x[i]) = -k*i*x[i] + u
  end
  der(apart) = 1
end
"""


@pytest.fixture(scope="module")
def model():
    return sd.loads(TEXT, constants={"N": 3})


def there_and_back(value):
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("way", [there_and_back, copy.deepcopy, copy.copy])
def test_a_model(model, way):
    again = way(model)
    assert again.states.names == model.states.names
    assert np.array_equal(again.simulate(time=(0, 60))["twice"], model.simulate(time=(0, 60))["twice"])


@pytest.mark.parametrize("way", [there_and_back, copy.deepcopy])
@pytest.mark.parametrize("outputs", [None, ("twice",)])
def test_a_solution(model, way, outputs):
    solution = model.simulate(time=(0, 60), inputs={"u": ([0, 60], [0, 0.01])}, outputs=outputs)
    again = way(solution)
    for name in ("twice", "der(x[1])") if outputs is None else outputs:
        assert np.array_equal(again[name], solution[name])
        assert np.array_equal(again(7.0)[name], solution(7.0)[name])
    assert (again.status, again.stats, again.names) == (solution.status, solution.stats, solution.names)
    assert again.start.moved == solution.start.moved


def test_an_ensemble(model):
    batch = model.ensemble({"k": [1.0, 2.0]}, [0.0, 60.0], ["x"])
    for again in (there_and_back(batch), copy.deepcopy(batch)):
        assert np.array_equal(again.values, batch.values)
        assert again["x"].shape == batch["x"].shape


def test_an_input_that_cannot_travel(model):
    solution = model.simulate(time=(0, 1), inputs={"u": lambda t: 0 * t})
    with pytest.raises(TypeError, match="`u` is a function"):
        pickle.dumps(solution)


def test_another_process_reads_them(model, tmp_path):
    solution = model.simulate(time=(0, 60))
    (tmp_path / "kept").write_bytes(pickle.dumps((model, solution)))
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pickle, sys; m, s = pickle.load(open(sys.argv[1], 'rb'));"
            "print(repr(float(s(7.0)['twice'])), repr(float(m.simulate(time=(0, 60))['twice'][-1])))",
            str(tmp_path / "kept"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.split()
    assert [float(x) for x in told] == [float(solution(7.0)["twice"]), float(solution["twice"][-1])]
