"""Runs systems of the families, and says what differs from their closed forms."""

from functools import cache
from random import Random

import stiffdsl as sd

from .families import FAMILIES, Drawn, SystemFamily


@cache
def model(name: str):
    """The compiled model of a family."""
    return sd.loads(FAMILIES[name].text)


def drawn(family: SystemFamily, seed: int, index: int) -> Drawn:
    """System `index` of a family."""
    random = Random(f"{family.name} {seed} {index}")
    while True:
        found = family.draw(random)
        if found is not None:
            return found


def differences(name: str, system: Drawn, **options) -> list[str]:
    """What a run does otherwise than it should."""
    family = FAMILIES[name]
    asked = {"rtol": family.rtol, "atol": family.atol} | options
    found = model(name).simulate((0.0, system.end), system.params, system.inputs or None, **asked)
    if not found.success:
        return [f"ended: {found.reason}"]
    times: dict[tuple[str, int | None], list[float]] = {key: [] for key in system.events}
    for event in found.events:
        times.setdefault((event.when, event.member), []).append(event.time)
    wrong = []
    for (when, member), right in system.events.items():
        own = times.pop((when, member))
        told = when if member is None else f"{when} (number {member})"
        if len(own) != len(right):
            wrong.append(f"{told} fired {len(own)} times, should {len(right)}: {own[:8]}, should {right[:8]}")
            continue
        off = max((abs(a - b) for a, b in zip(own, right, strict=True)), default=0.0)
        if off > system.slack:
            wrong.append(f"{told}: a time is off by {off:.3g}, may be by {system.slack:.3g}")
    wrong += [f"`{when}` ({member}) fired, too" for when, member in times]
    for variable, right in system.final.items():
        value = float(found[variable][-1])
        if abs(value - right) > system.close * max(1.0, abs(right)):
            wrong.append(f"{variable} ends at {value!r}, should at {right!r}")
    return wrong
