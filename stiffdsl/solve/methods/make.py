"""`make_method`: the method for a system by its name (`base/method_table.py`)."""

from stiffdsl.solve.base.method import Method
from stiffdsl.solve.base.method_table import METHODS
from stiffdsl.solve.base.options import Options
from stiffdsl.solve.base.system import System
from stiffdsl.solve.integrate.projection import Projected, Projection
from stiffdsl.solve.linear.linear_systems import LinearSolver
from stiffdsl.solve.linear.sparse import Sparse
from stiffdsl.solve.methods.implicit_euler import EulerAtKinks, at_kinks


def make_method(
    name: str, system: System, compact: bool = False, replayed: bool = False, linear: str = "auto"
) -> Method:
    """The method `name` for a system; `auto` decides by its size. Raises `ValueError` for an unknown name.

    `linear` says how it solves linear systems (`options.LINEAR`). `compact` chooses what compiles fast over what runs
    fast, `replayed` what may take up earlier states again. Where the system has invariants, steps end where they hold
    (`projection.py`).
    """
    method = at_kinks(_make_method(name, system, compact, replayed, linear), system, linear)
    if isinstance(method, EulerAtKinks):
        _out_of_order(replayed, method.linear, method.linear_at_solution)
    if getattr(system, "invariant_count", 0):
        return Projected(method, Projection(system))  # type: ignore[arg-type]
    return method


def _make_method(name: str, system: System, compact: bool, replayed: bool, linear: str) -> Method:
    chosen = METHODS[Options(method=name).chosen(system.size)]
    method = chosen.method(system, compact=compact, replayed=replayed, linear=linear)
    _out_of_order(replayed, *getattr(method, "linear_solvers", ()))
    return method


def _out_of_order(replayed: bool, *solvers: LinearSolver) -> None:
    for solver in solvers:
        if replayed and isinstance(solver.direct, Sparse):
            solver.direct.out_of_order = True
