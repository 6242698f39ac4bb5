"""Diagnostic codes of this stage, for `stiffdsl explain CODE`: code → (title, explanation)."""

CODES: dict[str, tuple[str, str]] = {
    "E0312": (
        "unknowns and equations do not fit",
        "Every unknown needs one equation of its own. A variable with a derivative counts once: its "
        "equation gives the derivative. The message points at an equation that has nothing left to "
        "determine, or at an unknown that nothing determines. Remove that equation, or add one; a `param` "
        "that becomes a `var` is one unknown more.",
    ),
    "E0313": (
        "a derivative that nobody knows",
        "An equation ties variables that are all given by their derivatives, so that it has to be "
        "differentiated: the voltage of a capacitor across an ideal source, the speed of an inertia that is "
        "driven. What has no derivative stands in it: an input, which is known from moment to moment only. "
        "Put a small resistance or compliance between the two, or let the input drive a first-order lag "
        "(`tau*der(v) = u - v`) whose `v` takes its place.",
    ),
    "E0314": (
        "equations that follow from one another",
        "A set of linear equations has as many unknowns as equations, but one of them is a consequence of "
        "the others whatever the parameters. Circuits without a ground are the usual case. (Where the equations say "
        "more together, as those of a capacitor between two nodes do, that is used.)",
    ),
    "E0315": (
        "outside of what is declared",
        "A start value, a guess or the value of a parameter or an input lies below the `min` or above the `max` of its "
        "declaration. One of the two is wrong.",
    ),
    "E0316": (
        "an event that sets what is no state",
        "States and discrete variables are set at an event. All else follows from them: an algebraic unknown, or what "
        "a constraint ties to the states.",
    ),
    "E0318": (
        "a component with too many or too few equations",
        "A component needs an equation for each of its unknowns but the flows of its ports, which follow from what it "
        "is connected to: a resistor between two pins has the unknowns `p.v`, `p.i`, `n.v`, `n.i`, `v`, `i`, of which "
        "two are flows, and four equations. Add what is missing, or take away what is too much; what is given from "
        "outside is a `param` or an `input`.",
    ),
    "W0403": (
        "parameters that decide the structure",
        "At the declared values of these parameters an equation does not give the derivative that it gives at others: "
        "a time constant of zero, two coils that are coupled without leakage, a capacitance of zero. The model is "
        "compiled for these values: what was a state follows from the other equations, and its start gives way. A run "
        "with other values takes the model with the structure of these (`model.unreduced`).",
    ),
    "W0401": (
        "a state without a start value",
        "Nothing says where the variable begins, so that it begins at its `guess`, or at zero. Write "
        "`start` at its declaration, or an equation in `initial`.",
    ),
    "W0402": (
        "flows that nothing tells apart",
        "Two parts fix the same potential, as two grounds on one node do. What flows through both together is "
        "known, how it divides is not: one of the flows is taken as zero.",
    ),
}
