"""Work against precision, stiffdsl and its peers: a panel for each problem."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.compare import OURS
from benchmarks.peers import PEERS

# References carry about ten digits: smaller errors are drawn here.
FLOOR = 1e-10
_COLUMNS = 4
_PALETTE = [*(f"C{k}" for k in range(10)), "navy", "darkgreen", "maroon", "goldenrod"]
_COLOURS = dict(zip((p for p in PEERS if p != OURS), _PALETTE, strict=False)) | {OURS: "black"}
_MARKERS = {peer: "osv^D<>phX*P"[k] for k, peer in enumerate(PEERS)}


def draw(records: Sequence[dict[str, Any]], path: Path) -> None:
    """Draws the `points` of the records of `compare`."""
    drawn = [r for r in records if r["state"] == "done" and r["error"] is not None]
    names = list(dict.fromkeys(r["problem"] for r in drawn))
    rows = -(-(len(names) + 1) // _COLUMNS)
    figure, axes = plt.subplots(
        rows, _COLUMNS, figsize=(4 * _COLUMNS, 3.6 * rows), layout="constrained", squeeze=False
    )
    handles: dict[str, Any] = {}
    for axis, name in zip(axes.flat, names, strict=False):
        own = [r for r in drawn if r["problem"] == name]
        for r in own:
            handles[r["peer"]] = _line(axis, r)
        axis.set_title(f"{name}, {own[0]['unknowns']:,} unknowns", fontsize=12)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.invert_xaxis()
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    shown = [peer for peer in PEERS if peer in handles]
    axes.flat[len(names)].legend([handles[p] for p in shown], shown, loc="center", frameon=False, fontsize=11)
    figure.supxlabel("largest relative error at the end (smaller to the right)", fontsize=13)
    figure.supylabel("time of a solve in ms (faster below)", fontsize=13)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _line(axis: Any, record: dict[str, Any]) -> Any:
    points = sorted(record["points"], key=lambda p: p["rtol"])
    ours = record["peer"] == OURS
    return axis.plot(
        [max(p["error"], FLOOR) for p in points],
        [1e3 * p["solve"] for p in points],
        "-",
        marker=_MARKERS[record["peer"]],
        color=_COLOURS[record["peer"]],
        linewidth=2.5 if ours else 1.1,
        markersize=6 if ours else 4,
        zorder=3 if ours else 2,
    )[0]
