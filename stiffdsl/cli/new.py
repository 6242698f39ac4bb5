"""`stiffdsl new NAME`: a first model to change."""

import keyword
import re
import shlex
from pathlib import Path

import click

from stiffdsl.cli.failure import Failure
from stiffdsl.cli.files import writing
from stiffdsl.cli.terminal import write

TEMPLATE = """\
# A cup of coffee cools in a room. `stiffdsl simulate {file}` solves it.
# `#` starts a comment; the order of declarations and equations does not matter.

model {name} "a cup of coffee cools in a room"
  param C    = 800 [J/K]                       "heat capacity of the cup and what is in it"
  param R    = 2.5 [K/W] in 1..5               "thermal resistance to the room; `in` is the range to explore"
  param room = 20 [degC]                       "temperature of the room"

  var T [degC] start 90                        "temperature of the coffee"
  var Q [W]                                    "heat that flows to the room"
equations
  C*der(T) = -Q                                # what the coffee loses ...
  T - room = R*Q                               # ... flows through the resistance
experiment
  time 0..7200, points 200                     # seconds
end
"""


@click.command(short_help="Write a small, commented model to start from.")
@click.argument("name")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def new(name: str, force: bool) -> None:
    """Write NAME.sml: a small, commented model that works."""
    path = Path(name if name.endswith(".sml") else name + ".sml")
    words = re.findall(r"[A-Za-z0-9]+", path.stem)
    model = "".join(word[0].upper() + word[1:] for word in words)
    if not model or model[0].isdigit() or keyword.iskeyword(path.stem):
        raise click.UsageError(
            f"`{name}` does not make a model name; use letters, digits and `_`, a letter first"
        )
    if path.exists() and not force:
        raise Failure(f"`{path}` is there already; --force overwrites it")
    with writing(path):
        path.write_text(TEMPLATE.format(file=path, name=model), encoding="utf-8")
    command = shlex.join(["stiffdsl", "simulate", str(path), "--plot", str(path.with_suffix(".png"))])
    write(f"wrote {path}\n  try: {command}")
