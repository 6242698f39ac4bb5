"""Kernels beside XLA alone: `simulate` by the same method in both tiers, and by `rodas5p` where one kernel does it all.

again: the least processor time of the calls after the first. first: by the clock, from the text to the first solution,
nothing kept from before, imports apart.
"""

from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.compare import seconds
from benchmarks.timed import BACKENDS, timed

CASES = (
    ("examples/building", 100, ("rodas5p", "fbdf", "kvaerno5", "radau5")),
    ("examples/building", 200, ("rodas5p", "fbdf")),
    ("examples/rc_ladder", 300, ("rodas5p", "fbdf")),
    ("examples/rc_ladder", 1000, ("rodas5p", "fbdf")),
    ("chemistry/brusselator2d", 12, ("rodas5p", "fbdf", "kvaerno5")),
    ("chemistry/brusselator2d", 20, ("rodas5p", "fbdf")),
    ("chemistry/brusselator2d", 33, ("fbdf",)),
    ("chemistry/pollu", 0, ("rodas5p", "kvaerno5", "switching")),
    ("mechanics/pendulum", 0, ("rodas5p",)),
    ("mechanics/car_axis", 0, ("rodas5p",)),
    ("mechanics/slider_crank", 0, ("rodas5p",)),
)


def tiers(limit: float, console: Console) -> list[dict[str, Any]]:
    """Runs all, prints a table, and returns one record for each model, method and back end."""
    table = Table(title="kernels and XLA alone", title_justify="left")
    for name in ("model", "size", "unknowns", "method", *("again", "first") * 2):
        table.add_column(name, justify="left" if name in ("model", "method") else "right")
    for column, tier in zip(table.columns[4:], ("kernels", "kernels", "XLA", "XLA"), strict=True):
        column.header = f"{tier}: {column.header}"
    records = []
    for file, n, methods in CASES:
        for method in methods:
            found = [
                {"case": file, "size": n, **timed(file, n, limit, method, backend=name), "backend": name}
                for name in BACKENDS
            ]
            records += found
            unknowns = next((str(r["unknowns"]) for r in found if r["state"] == "done"), "-")
            times = [t for r in found for t in _times(r)]
            table.add_row(file.rpartition("/")[2], str(n or ""), unknowns, method, *times)
    console.print(table)
    return records


def _times(record: dict[str, Any]) -> tuple[str, str]:
    if record["state"] != "done":
        return record["state"], "-"
    return seconds(record["again"]), seconds(record["first"])
