"""Order: which equation gives which unknown, in which order, and what has to stay implicit."""

from stiffdsl.graph.sort import sort
from stiffdsl.graph.system import SortedSystem

__all__ = ["SortedSystem", "sort"]
