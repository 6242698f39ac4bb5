"""The verdict on a surrogate in a sentence: what it is good for, or why it is no good and what to try."""

from dataclasses import dataclass
from typing import Any

# Beyond these a surrogate is no good: what 95 % of its errors are below, and what its 95 % intervals hold.
WORST_P95 = 0.1
COVERAGE = (0.93, 0.97)
# Ratios of times between these are told as the same.
SAME = (0.95, 1.05)


@dataclass(frozen=True)
class Verdict:
    """`good` where nothing speaks against using it; `sentence` for everybody; `advice`: what to try where it is not."""

    good: bool
    sentence: str
    advice: tuple[str, ...] = ()


def verdict(validation: dict[str, Any], speed: dict[str, Any]) -> Verdict:
    """Judges what was measured: the error of most values, the coverage of intervals, the time beside the model's."""
    faults: list[str] = []
    advice: list[str] = []
    p95 = validation["p95"]
    if not p95 <= WORST_P95:
        faults.append(f"5 % of its values are more than {_percent(p95)} off")
        advice += ["more samples", "a smaller range", "another method (`auto` compares them)"]
    covered = _coverage(validation)
    if covered is not None and not COVERAGE[0] <= covered <= COVERAGE[1]:
        faults.append(f"its 95 % intervals hold {_percent(covered)} of the values")
        advice.append("more samples held out")
    one, batch = _ratio(speed, "one"), _ratio(speed, "batch")
    if batch is not None and batch < SAME[0] and (one is None or one < SAME[0]):
        faults.append(f"it is {times(batch)} than the model itself")
        advice += ["fewer outputs or times", "a faster method, such as rbf or lpctesn", "the model itself"]
    told = f"95 % of its values are within {_percent(p95)}"
    if one is not None and batch is not None:
        told += f"; one run is {times(one)}{_than(one)} the model, a run of a batch {times(batch)}"
    if faults:
        return Verdict(False, f"no good as it is: {'; '.join(faults)}", tuple(dict.fromkeys(advice)))
    if one is not None and one < SAME[0]:
        return Verdict(True, f"good for batches only: {told}")
    return Verdict(True, f"good: {told}")


def times(ratio: float) -> str:
    """`85 times faster`, `3.1 times slower`, `as fast`, for the time of the model over that of the surrogate."""
    if SAME[0] <= ratio <= SAME[1]:
        return "as fast"
    return f"{ratio:.3g} times faster" if ratio > 1 else f"{1 / ratio:.3g} times slower"


def _than(ratio: float) -> str:
    return " as" if SAME[0] <= ratio <= SAME[1] else " than"


def _ratio(speed: dict[str, Any], kind: str) -> float | None:
    return speed.get(kind, {}).get("ratio")


def _coverage(validation: dict[str, Any]) -> float | None:
    """Measured coverage of 95 % intervals: of the outputs in the headline, else of all."""
    found = validation.get("coverage", {})
    names, each = list(validation.get("outputs", ())), found.get("by_output", ())
    own = [
        share for name, share in zip(names, each, strict=False) if name in set(validation.get("headline", ()))
    ]
    if own:
        return sum(own) / len(own)
    return dict(zip(found.get("levels", ()), found.get("measured", ()), strict=True)).get(0.95)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"
