"""Many solves in one call."""

from typing import Any

import numpy as np

from stiffdsl.runtime.names import Names
from stiffdsl.solve.status import Status


class Ensemble:
    """What `ensemble` returns: `values` (lanes, times, outputs), `batch["A"]` (lanes, times), a status per lane."""

    def __init__(
        self, t: np.ndarray, outputs: tuple[str, ...], values: Any, status: Any, stats: dict[str, Any]
    ):
        self.t = t
        self.outputs = outputs
        self.values = values
        self.status = np.asarray(status)
        self.stats = stats

    @property
    def success(self) -> np.ndarray:
        """Which lanes reached the end."""
        return self.status == int(Status.SUCCESS)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Any:
        if name not in self.outputs:
            wanted = [k for k, o in enumerate(self.outputs) if o.startswith(name + "[")]
            if not wanted:
                raise KeyError(f"the ensemble has no output `{name}`; it has {', '.join(self.outputs[:8])}")
            return self.values[..., np.array(wanted)]
        return self.values[..., self.outputs.index(name)]

    def reasons(self) -> list[str]:
        """Why each lane stopped."""
        return [Status(int(s)).message for s in self.status]

    def __repr__(self) -> str:
        return f"<Ensemble of {len(self)} solves, {int(self.success.sum())} to the end, {len(self.t)} times>"


def scalars_of(names: Names, wanted: tuple[str, ...] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """The scalars that output names mean, an array giving all its elements; None means every variable."""
    if wanted is None:
        return tuple(names.scalars()), names.numbers()
    labels: list[str] = []
    numbers: list[int] = []
    for name in wanted:
        found = names.find(name)
        for scalar in found.scalars.ravel():
            numbers.append(int(scalar))
            labels.append(found.block.scalar_name(int(scalar) - found.block.offset))
    return tuple(labels), np.array(numbers, dtype=np.int64)
