"""The methods by name: what each is, and what makes it. Whatever names methods (options, help, messages, documentation)
reads this table, and a new method is an entry of it."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stiffdsl.solve.base.method import Method
    from stiffdsl.solve.base.system import System


@dataclass(frozen=True)
class Specification:
    """A method as a line of the table.

    `order` is that of its steps, `dense` that of its dense output, `citation` where it is published. `made` names its
    class (`module:name`, imported where the method is used) and `given` what the class takes before the system: a
    tableau, or its name where that is to be imported late, or a number. `takes` are those of `compact`, `replayed` and
    `linear` that the class has an argument for. `algebraic`: whether it solves DAEs.
    """

    name: str
    kind: str
    order: int
    dense: int
    purpose: str
    citation: str
    made: str
    given: Any = None
    takes: tuple[str, ...] = ("compact", "linear")
    algebraic: bool = True

    def method(self, system: "System", **asked: Any) -> "Method":
        """The method for a system."""
        given = _named(self.given) if isinstance(self.given, str) else self.given
        before = () if given is None else (given,)
        return _named(self.made)(*before, system, **{name: asked[name] for name in self.takes})


def _named(name: str) -> Any:
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)


_HOME = "stiffdsl.solve.methods"
METHODS = {
    one.name: one
    for one in (
        Specification(
            name="rodas5p",
            kind="Rosenbrock, 8 stages, one factorization a step, no Newton iteration",
            order=5,
            dense=4,
            purpose="stiff ODEs and DAEs up to some hundred unknowns",
            citation="Steinebach, BIT 63:27 (2023)",
            made=f"{_HOME}.rosenbrock:Rosenbrock",
            given=f"{_HOME}.tableau:RODAS5P",
        ),
        Specification(
            name="rodas6p",
            kind="Rosenbrock, 16 stages and 3 for dense output, one factorization a step",
            order=6,
            dense=5,
            purpose="as `rodas5p`, at tight tolerances where no kernel serves",
            citation="Steinebach, arXiv:2511.21252 (2025)",
            made=f"{_HOME}.rosenbrock:Rosenbrock",
            given=f"{_HOME}.rodas6p:RODAS6P",
        ),
        Specification(
            name="rodas4pw",
            kind="Rosenbrock-W, 9 stages; keeps its order with an old Jacobian (of an ODE)",
            order=4,
            dense=3,
            purpose="Jacobians that are dear, where step sizes stay the same",
            citation="Steinebach, as published with OrdinaryDiffEq.jl",
            made=f"{_HOME}.rosenbrock:Rosenbrock",
            given=f"{_HOME}.tableau:RODAS4PW",
        ),
        Specification(
            name="fbdf",
            kind="BDF of order 1 to 5, Newton with an old Jacobian",
            order=5,
            dense=5,
            purpose="large systems",
            citation="Jackson and Sacks-Davis, ACM TOMS 6:295 (1980); Hindmarsh et al., ACM TOMS 31:363 (2005)",
            made=f"{_HOME}.fbdf:FBDF",
        ),
        Specification(
            name="kvaerno5",
            kind="ESDIRK, 7 stages, Newton with an old Jacobian, one factorization for all stages",
            order=5,
            dense=4,
            purpose="stiff ODEs and DAEs whose factorizations are dear",
            citation="Kvaerno, BIT 44:489 (2004)",
            made=f"{_HOME}.esdirk:ESDIRK",
            given=f"{_HOME}.esdirk_tableau:KVAERNO5",
        ),
        Specification(
            name="kencarp47",
            kind="ESDIRK, 7 stages, Newton with an old Jacobian, one factorization for all stages",
            order=4,
            dense=4,
            purpose="as `kvaerno5`, at loose tolerances",
            citation="Kennedy and Carpenter, Appl. Numer. Math. 136:183 (2019)",
            made=f"{_HOME}.esdirk:ESDIRK",
            given=f"{_HOME}.esdirk_tableau:KENCARP47",
        ),
        Specification(
            name="radau5",
            kind="Radau IIA, 3 stages, Newton",
            order=5,
            dense=4,
            purpose="as `rodas5p`, where its solution is to be checked by another kind of method",
            citation="Hairer and Wanner, *Solving Ordinary Differential Equations II*, IV.8",
            made=f"{_HOME}.radau:RadauIIA",
            given=3,
        ),
        Specification(
            name="radau9",
            kind="Radau IIA, 5 stages, Newton",
            order=9,
            dense=6,
            purpose="tight tolerances: a fifth to a fourteenth of the steps of `rodas5p` at `rtol` 1e-8, each several "
            "times as dear",
            citation="Hairer and Wanner, J. Comput. Appl. Math. 111:93 (1999)",
            made=f"{_HOME}.radau:RadauIIA",
            given=5,
        ),
        Specification(
            name="tsit5",
            kind="explicit Runge-Kutta, 6 evaluations a step",
            order=5,
            dense=4,
            purpose="ODEs that are not stiff",
            citation="Tsitouras, Comput. Math. Appl. 62:770 (2011)",
            made=f"{_HOME}.explicit:Explicit",
            given=f"{_HOME}.explicit_tableau:TSIT5",
            takes=(),
            algebraic=False,
        ),
        Specification(
            name="vern7",
            kind="explicit Runge-Kutta, 10 evaluations a step, 15 where values between steps are saved",
            order=7,
            dense=7,
            purpose="ODEs that are not stiff, at tight tolerances",
            citation="Verner, Numer. Algorithms 53:383 (2010)",
            made=f"{_HOME}.explicit:Explicit",
            given=f"{_HOME}.explicit_tableau:VERN7",
            takes=(),
            algebraic=False,
        ),
        Specification(
            name="rkc2",
            kind="explicit, stabilised: up to 200 stages, as many as the Jacobian's spectrum asks for",
            order=2,
            dense=3,
            purpose="diffusion that is mildly stiff, at loose tolerances, on grids too large to factor",
            citation="Sommeijer, Shampine and Verwer, J. Comput. Appl. Math. 88:315 (1998)",
            made=f"{_HOME}.chebyshev:Chebyshev",
            takes=("replayed",),
            algebraic=False,
        ),
        Specification(
            name="switching",
            kind="`tsit5` where the problem is not stiff, `rodas5p` where it is, changed on the way",
            order=5,
            dense=4,
            purpose="ODEs of which that is not known, or that change",
            citation="Shampine, ACM TOMS 3:44 (1977), for the test by which it changes",
            made=f"{_HOME}.switching:Switching",
            algebraic=False,
        ),
    )
}
