"""The problems, by name, from the smallest to the largest."""

from collections.abc import Callable

from benchmarks.problem import BenchmarkProblem
from benchmarks.problems.akzo import akzo
from benchmarks.problems.brusselator import brusselator
from benchmarks.problems.building import building
from benchmarks.problems.hires import hires
from benchmarks.problems.network import network
from benchmarks.problems.orego import orego
from benchmarks.problems.pollu import pollu
from benchmarks.problems.rober import rober
from benchmarks.problems.vdpol import vdpol

PROBLEMS: dict[str, Callable[[], BenchmarkProblem]] = {
    "vdpol": vdpol,
    "rober": rober,
    "orego": orego,
    "akzo": akzo,
    "hires": hires,
    "pollu": pollu,
    "building 20": lambda: building(20),
    "building 200": lambda: building(200),
    "building 2000": lambda: building(2000),
    "building 20000": lambda: building(20000),
    "network": network,
    "brusselator 8": lambda: brusselator(8),
    "brusselator 32": lambda: brusselator(32),
    "brusselator 64": lambda: brusselator(64),
    "brusselator 128": lambda: brusselator(128),
}
