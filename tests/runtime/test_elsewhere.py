"""Lanes on other workers give the values that they give here; the model travels as its text."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import stiffdsl as sd

TEXT = """\
model Tank
  param area = 2
  input inflow = 1
  var h start 1
equations
  der(h) = (inflow - h)/area
end
"""
PARTS = """\
model Leak
  param k = 3
  var x start 1
equations
  der(x) = -k*x
end
"""
MAIN = """\
from parts import Leak

model Two
  const n = 1
  part a[n] : Leak
end
"""
LANES = np.linspace(1.0, 3.0, 150)
TIMES = np.array([0.5, 2.0])


@pytest.fixture(scope="module")
def tank():
    return sd.loads(TEXT)


def same(tank, executor, **options):
    here = tank.ensemble({"area": LANES}, TIMES, **options)
    told = []
    there = tank.ensemble({"area": LANES}, TIMES, **options, executor=executor, progress=told.append)
    np.testing.assert_allclose(there.values, here.values, rtol=1e-12)
    assert there.stats == here.stats
    assert there.outputs == here.outputs
    assert np.all(there.success)
    assert told[-1] == 1.0


def test_threads(tank):
    with ThreadPoolExecutor(2) as pool:
        same(tank, pool, outputs=["h"], initial={"h": 0.5})


def test_each_lane_takes_its_own_table_along(tank):
    tables = np.ones((150, 2)) * LANES[:, None]
    with ThreadPoolExecutor(2) as pool:
        same(tank, pool, inputs={"inflow": ([0.0, 2.0], tables)})


def test_a_process_that_was_started_anew(tank):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        same(tank, pool, rtol=1e-8, method="rodas5p")


def test_a_forked_process_is_refused_before_it_hangs(tank):
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool,
        pytest.raises(ValueError, match=r'get_context\("spawn"\)'),
    ):
        tank.ensemble({"area": LANES}, TIMES, executor=pool)


def test_what_is_no_executor(tank):
    with pytest.raises(ValueError, match=r"`executor` takes a pool .*, not 3"):
        tank.ensemble({"area": LANES}, TIMES, executor=3)


def test_a_function_cannot_travel(tank):
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        pytest.raises(ValueError, match="`inflow` is a function, which cannot travel"),
    ):
        tank.ensemble({"area": LANES}, TIMES, inputs={"inflow": lambda t: 1.0 + t}, executor=pool)


def test_imports_travel_with_the_text(tmp_path):
    (tmp_path / "parts.sml").write_text(PARTS)
    main = tmp_path / "main.sml"
    main.write_text(MAIN)
    model = sd.load(main, constants={"n": 2})
    (tmp_path / "parts.sml").unlink()
    main.unlink()
    again = pickle.loads(pickle.dumps(model.origin))()
    assert again.states.names == model.states.names == ["a[1].x", "a[2].x"]


@pytest.mark.slow
def test_dask():
    distributed = pytest.importorskip("dask.distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        same(sd.loads(TEXT), client)


@pytest.mark.slow
def test_ray():
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        same(sd.loads(TEXT), ray)
    finally:
        ray.shutdown()


def test_devices():
    """Two devices on the host, either tier: lanes are divided, the last chunk filled up."""
    code = f"""
import jax, numpy as np, stiffdsl as sd
assert len(jax.devices()) == 2
model = sd.loads({TEXT!r})
given = ({{"area": np.linspace(1.0, 3.0, 75)}}, [0.5, 2.0])
for method in ("rodas5p", "kvaerno5"):
    here = model.ensemble(*given, method=method)
    there = model.ensemble(*given, method=method, executor=jax.devices())
    np.testing.assert_allclose(there.values, here.values, rtol=1e-12)
    assert there.stats == here.stats, (there.stats, here.stats)
"""
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_starts_of_many_unknowns_do_not_wait_for_each_other():
    """Two chunks of lanes whose starts LAPACK solves: XLA's threads once waited for each other."""
    path = Path(__file__).parents[2] / "models/examples/cooled_hall.sml"
    text = path.read_text(encoding="utf-8")
    # Air that stores nothing: an algebraic unknown in every cell.
    text = text.replace("C_air/n*der(T_air[i]) = ", "0 = ").replace(
        "T_air[n] [degC] start 25", "T_air[n] [degC] guess 25"
    )
    text = "".join(line for line in text.splitlines(keepends=True) if "param C_air" not in line)
    program = (
        "import sys, numpy as np, stiffdsl as sd\n"
        "model = sd.loads(sys.stdin.read())\n"
        "lanes = model.ensemble({'T_mean': np.linspace(22, 30, 128)}, [3600.0])\n"
        "print(int(lanes.success.sum()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=text, capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout.split() == ["128"]
