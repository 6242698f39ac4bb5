"""Notes on a run are looked for when they are asked for."""

import pickle

import stiffdsl as sd
from stiffdsl.runtime.run import simulate

# x' = -1 leaves its range at 1.
BOUNDED = "model M\n  var x min 0 start 1\nequations\n  der(x) = -1\nexperiment\n  time 0..2\nend\n"


def test_a_run_that_is_not_asked_looks_for_none(monkeypatch):
    asked = []

    def counted(*given):
        asked.append(given)
        return ["one", "two"]

    model = sd.loads(BOUNDED)
    monkeypatch.setattr(simulate, "notes", counted)
    solution = model.simulate()
    assert not asked
    assert solution.notes == solution.notes == ("one", "two")
    assert len(asked) == 1


def test_notes_travel_with_a_solution():
    solution = sd.loads(BOUNDED).simulate()
    copy = pickle.loads(pickle.dumps(solution))
    assert copy.notes[0].startswith("`x` is below its `min`: -1")
    assert copy.notes == solution.notes
    assert pickle.loads(pickle.dumps(solution)).notes == solution.notes
