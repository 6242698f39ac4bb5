"""Float64 for every test: the solvers are tested as they are used. Drawn examples are the same in every run."""

import os

from hypothesis import settings

from stiffdsl.runtime.session import prepare

prepare()
# `HYPOTHESIS_PROFILE=search` draws new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
