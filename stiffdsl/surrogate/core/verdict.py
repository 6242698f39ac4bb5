"""The verdict on a surrogate in a sentence: what it is good for, or why it is no good and what to try."""

from dataclasses import dataclass
from typing import Any

# Beyond these a surrogate is no good: what 95 % of its errors are below, and what its 95 % intervals hold.
WORST_P95 = 0.1
COVERAGE = (0.93, 0.97)
# Beyond this, slopes are told not to be good.
WORST_SLOPES = 0.25
# Methods of few operations, without inputs over time and with them.
QUICK, QUICK_DRIVEN = ("rbf", "lpctesn"), ("lpctesn",)
# Ratios of times between these are told as the same.
SAME = (0.95, 1.05)


@dataclass(frozen=True)
class Verdict:
    """`good` where nothing speaks against using it; `sentence` for everybody; `advice`: what to try where it is not."""

    good: bool
    sentence: str
    advice: tuple[str, ...] = ()


def verdict(validation: dict[str, Any], speed: dict[str, Any], driven: bool = False) -> Verdict:
    """Judges what was measured: the error of most values and slopes, the coverage of intervals, the time beside the
    model's. `driven`: inputs vary over time, which not all methods take."""
    faults: list[str] = []
    advice: list[str] = []
    p95, slopes = validation["p95"], (validation.get("slopes") or {}).get("p95")
    others = _others(validation)
    if not p95 <= WORST_P95:
        faults.append(f"5 % of its values are more than {_percent(p95)} off")
        advice += ["more samples", "a smaller range", *others]
    covered = _coverage(validation)
    if covered is not None and not COVERAGE[0] <= covered <= COVERAGE[1]:
        faults.append(f"its 95 % intervals hold {_percent(covered)} of the values")
        advice.append("more samples held out")
    one, batch = _ratio(speed, "one"), _ratio(speed, "batch")
    known = [ratio for ratio in (one, batch) if ratio is not None]
    if known and max(known) <= SAME[1]:
        slow = known[-1] < SAME[0]
        faults.append(f"it is {times(known[-1]) if slow else 'no faster'} than the model itself")
        advice += [
            "fewer outputs or times",
            *_faster(validation, QUICK_DRIVEN if driven else QUICK),
            "the model itself",
        ]
    rough = [] if slopes is None or slopes <= WORST_SLOPES else [_percent(slopes)]
    off = "".join(f"5 % of its slopes are more than {share} off" for share in rough)
    told = f"95 % of its values are within {_percent(p95)}"
    if slopes is not None and not rough:
        told += f", of its slopes within {_percent(slopes)}"
    if one is not None and batch is not None:
        told += f"; one run is {times(one)}{_than(one)} the model, a run of a batch {times(batch)}"
    if rough:
        told += f"; {off}"
    if faults:
        exact = [f"95 % of its values are within {_percent(p95)}"] if p95 <= WORST_P95 else []
        told = "; ".join([*faults, *exact, off] if rough else [*faults, *exact])
        return Verdict(False, f"no good as it is: {told}", tuple(dict.fromkeys(advice)))
    kinds = _worth(one, batch) + ["values, not for slopes"] * len(rough)
    advice = ["for slopes (optimisation, fits) more samples", "a smaller range", *others] if rough else []
    return Verdict(True, f"good{' for ' * bool(kinds)}{', and for '.join(kinds)}: {told}", tuple(advice))


def _worth(one: float | None, batch: float | None) -> list[str]:
    """The runs that are faster than those of the model, where not all are."""
    if one is None or batch is None:
        return []
    if one < SAME[0]:
        return ["batches only"]
    return ["single runs only"] if batch < SAME[0] else []


def _others(validation: dict[str, Any]) -> list[str]:
    """Advice on other methods, where not all of them were compared."""
    compared = len(validation.get("tried", ())) > 1 or validation.get("skipped")
    return [] if compared else ["another method (`auto` compares them)"]


def _faster(validation: dict[str, Any], known: tuple[str, ...]) -> list[str]:
    """Advice on the methods that answer soonest, of those that were not tried."""
    tried = {validation.get("method"), *(row["method"] for row in validation.get("tried", ()))}
    quick = [method for method in known if method not in tried]
    return [f"a faster method, such as {' or '.join(quick)}"] if quick else []


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
