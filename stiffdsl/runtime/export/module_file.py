"""The file of a written module, and its name."""

import keyword
import re
import sys
from pathlib import Path
from typing import Any

from stiffdsl.solve.base import arguments

# What a written module says of itself in its first lines, by which it is told from a file of somebody else.
WRITTEN = "written by stiffdsl"
_OTHERS = ("jax", "jaxlib", "numpy", "scipy", "stiffdsl")


def module_name(model: str) -> str:
    """`VanDerPol` is `van_der_pol`; a keyword, or a name that would hide a module of Python or JAX, gets a tail."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", model).lower()
    return f"{name}_model" if keyword.iskeyword(name) or _hides(name) else name


def module_path(where: Any, model: str) -> Path:
    """The file of the module of `model`: `where` itself where that ends in `.py` and is no folder, else a file in the
    folder `where`, which is made.

    Raises `ValueError` for a file that could not be imported, or that stiffdsl did not write.
    """
    path = arguments.path(where, "`directory`")
    if path.suffix != ".py" or path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return path / f"{module_name(model)}.py"
    name = path.stem
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"`{path}` could not be imported: `{name}` is no name in Python")
    if _hides(name):
        raise ValueError(
            f"`{path}` would hide the module `{name}` from Python: call it `{module_name(name)}.py`"
        )
    if path.exists() and WRITTEN not in path.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise ValueError(f"`{path}` is no module that stiffdsl wrote: it is left as it is")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _hides(name: str) -> bool:
    return name in sys.stdlib_module_names or name in _OTHERS
