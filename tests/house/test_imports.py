"""The house: layers are kept, and no modules import each other in a circle, lazy and type-checking imports included."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parents[2]


def test_no_modules_import_each_other(graph):
    names = sorted(graph.modules)
    place = {name: k for k, name in enumerate(names)}
    # A package stands for what it hands on, and is imported by every module in it.
    pairs = [
        (place[name], place[other])
        for name in names
        for other in graph.find_modules_directly_imported_by(name)
        if not name.startswith(f"{other}.")
    ]
    rows, columns = np.array(pairs).T
    matrix = coo_array((np.ones(len(pairs)), (rows, columns)), (len(names), len(names)))
    count, label = connected_components(matrix, connection="strong")
    circles = [
        [n for n, k in zip(names, label, strict=True) if k == c]
        for c in range(count)
        if np.sum(label == c) > 1
    ]
    assert circles == []


def test_layers_are_kept():
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.skip("import-linter is not installed")
    found = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
