"""The disk cache: a solve that one process has compiled, the next one loads."""

import os
import subprocess
import sys

SCRIPT = """
import jax
misses = []
jax.monitoring.register_event_listener(lambda name, **_: misses.append(name) if name.endswith("cache_misses") else None)
import stiffdsl as sd
from stiffdsl.runtime.session import prepare
prepare()
# However short they take: what is kept must not depend on how busy the machine is.
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
model = sd.load("rc_ladder.sml", constants={"N": 400})
solution = model.simulate(method="fbdf")
assert solution.success
print(len(misses))
"""


def test_a_sparse_solve_is_compiled_once(tmp_path):
    """The addresses of KLU's factors are no part of the program."""
    environment = os.environ | {"STIFFDSL_CACHE": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    path = os.path.join(os.path.dirname(__file__), "../../models/examples/rc_ladder.sml")
    script = SCRIPT.replace("rc_ladder.sml", path)
    misses = [
        int(
            subprocess.run(
                [sys.executable, "-c", script], env=environment, capture_output=True, check=True
            ).stdout
        )
        for _ in range(2)
    ]
    assert misses[0] > 0
    assert misses[1] == 0
