"""The graph of imports, built once for all measures of it."""

import pytest


@pytest.fixture(scope="session")
def graph():
    grimp = pytest.importorskip("grimp")
    return grimp.build_graph("stiffdsl", include_external_packages=False, cache_dir=None)
