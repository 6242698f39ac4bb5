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


def test_tables_of_inputs_that_do_not_reach_over_the_run_are_told():
    text = "model D\n  input u = 0\n  input v = 0\n  var x start 0\nequations\n  der(x) = u + v\nend\n"
    model = sd.loads(text)
    short, long = ([0, 1], [1, 2]), ([-1, 4], [0, 0])
    told = model.simulate(time=(0, 4), inputs={"u": short, "v": ([2, 4], [0, 0])}).notes
    assert told == (
        "the figures of the input `u` end at 1 s, and the run ends at 4 s: its last value is held from there on",
        "the figures of the input `v` begin at 2 s, and the run begins at 0 s: its first value is held until there",
    )
    assert not model.simulate(time=(0, 1), inputs={"u": short, "v": long}).notes
    assert not model.simulate(time=(0, 4), inputs={"u": lambda t: t, "v": 3.0}).notes
