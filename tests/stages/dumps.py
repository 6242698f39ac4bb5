"""Texts of a model after each stage; `python -m tests.stages` writes them anew, to be read in the diff."""

import re
from pathlib import Path

from stiffdsl.diagnostics import Source
from stiffdsl.flat.show import show as show_flat
from stiffdsl.graph.show import show as show_graph
from stiffdsl.pipeline import compile_model
from stiffdsl.program.show import show as show_program

FOLDER = Path(__file__).parent / "models"
MODELS = sorted(FOLDER.glob("*.sml"))
# Of the program, the functions that steps evaluate.
FUNCTIONS = ("rhs", "jacobian")


def dump(path: Path) -> str:
    """The families, the order and the array program of a model."""
    source = Source(path.name, path.read_text(encoding="utf-8"))
    flat = show_flat(compile_model(source, stop_after="flat"))
    graph = show_graph(compile_model(source, stop_after="graph"))
    program = show_program(compile_model(source, stop_after="program"))
    functions = [_function(program, name) for name in FUNCTIONS]
    return "\n\n".join(text.strip() for text in (flat, graph, *functions)) + "\n"


def _function(program: str, name: str) -> str:
    found = re.search(rf"^def {name}\(.*?(?=^def |\Z)", program, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[0]
