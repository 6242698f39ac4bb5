"""The functions of a program by which kernels find kinks: its conditions, and f with conditions given."""

from dataclasses import dataclass

import numpy as np

from stiffdsl.program.program import Function


@dataclass(frozen=True, eq=False)
class Kinks:
    """`relations` and `held` of a program, with their tables; `in_steps`: whether steps may hold conditions."""

    relations: Function
    held: Function
    tables: dict[str, np.ndarray]
    rises: np.ndarray
    in_steps: bool

    @property
    def count(self) -> int:
        return len(self.rises)
