"""The part of `python -m tests.fuzz` that every test run makes: the same cases each time."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

from .campaign import Campaign
from .dual import Dual, Meaning, dual
from .kinds import KINDS, SHARES, kind_of, run_case
from .mutation_cases import mutated, texts
from .own import Own
from .random_model import random_model

SEED = 20


@pytest.mark.parametrize("kind", ["models", "edges", "mutations", "forms", "arguments"])
def test_a_fixed_part_passes(kind):
    count = {"models": 24, "edges": 8, "mutations": 150, "forms": 40, "arguments": 120}[kind]
    for index in range(count):
        outcome = run_case(SEED, index, kind)
        assert not outcome.failed, f"{kind} {index}: {outcome.key}\n{outcome.detail}\n{outcome.text}"


def test_a_solution_passes():
    outcome = run_case(SEED, 1, "solves")
    assert not outcome.failed, f"{outcome.key}\n{outcome.detail}\n{outcome.text}"


def test_cases_follow_from_seed_and_index():
    for kind in ("models", "edges"):
        one, two = (random_model(Random(f"{kind} 5 7"), 3, edges=kind == "edges").text for _ in range(2))
        assert one == two
    assert kind_of(5, 7, list(KINDS)) == kind_of(5, 7, list(KINDS))
    assert set(SHARES) == set(KINDS)
    text = texts()[0][1]
    assert mutated(text, Random(3)) == mutated(text, Random(3)) != text


def test_the_meaning_has_the_derivatives_of_its_values():
    x = Dual(np.array([0.3, 0.8]), np.eye(2))
    meaning = Meaning(2)
    call = dict(meaning.namespace)
    for name in (
        "sin",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "tanh",
        "exp",
        "log10",
        "sqrt",
        "abs",
        "smooth_step",
    ):
        more = (0.5,) if name == "smooth_step" else ()
        found = call[name](x, *more)
        step = 1e-6
        ends = [call[name](Dual(x.value + s * step, 0.0), *more).value for s in (-1, 1)]
        assert np.allclose(np.diag(found.slope), (ends[1] - ends[0]) / (2 * step), rtol=1e-6), name
    power = call["power"](x, x)
    assert np.allclose(np.diag(power.slope), power.value * (np.log(x.value) + 1))


def test_a_model_is_solved_for_its_unknowns_by_its_own_meaning():
    made = random_model(Random(4), 4)
    own = Own(made)
    p = own.parameters()
    start = own.starts(p)[own.states]
    points = own.points(np.array([0.2]), start[None], p, own.inputs(p))
    assert points.good.all()
    scope = list(points.v[0]), list(points.d[0])
    left = [dual(r).value for r in own.residuals(0.2, *scope, p, own.inputs(p), Meaning())]
    assert np.allclose(left, 0, atol=1e-9)


def test_hangs_and_crashes_are_recorded_and_the_rest_goes_on(tmp_path, monkeypatch):
    """A worker that sleeps in one case and dies in another."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import json, os, sys, time\n"
        "first, step, last = map(int, sys.argv[2:5])\n"
        "for i in range(first, last, step):\n"
        "    print(json.dumps({'begun': i, 'kind': 'models'}), flush=True)\n"
        "    if i == 2: os.abort()\n"
        "    if i == 4: print('Timeout (0:00:01)!', file=sys.stderr, flush=True); os._exit(1)\n"
        "    print(json.dumps({'index': i, 'kind': 'models', 'verdict': 'ok'}), flush=True)\n"
    )
    start = subprocess.Popen

    def instead(command, **options):
        return start([sys.executable, str(script), *command[3:]], **options)

    monkeypatch.setattr("tests.fuzz.campaign.subprocess.Popen", instead)
    counts = Campaign(1, 0, 6, ["models"], 1, 5.0, tmp_path / "out").run()
    found = {verdict: n for (_, verdict), n in counts.verdicts.items()}
    assert found == {"ok": 4, "crash": 1, "hang": 1}
    assert json.dumps(sorted(p.name for p in Path(tmp_path / "out").iterdir())) == '["models-2", "models-4"]'
