"""Diagnostic codes of this stage, for `stiffdsl explain CODE`: code → (title, explanation)."""

CODES: dict[str, tuple[str, str]] = {
    "E0302": (
        "no constant of this name",
        '`--set N=40` and `constants={"N": 40}` replace a `const` of the main model, or of a part by its dotted '
        "name.",
    ),
    "E0303": (
        "index out of range",
        "Arrays count from 1 to their declared size; the index leaves that range.",
    ),
    "E0304": (
        "not a size",
        "Sizes are whole numbers from 0 on, indices and the bounds of ranges are whole numbers, and all scalars "
        "of a model together fit into memory.",
    ),
    "E0305": (
        "shapes that do not fit",
        "Arithmetic on whole arrays is elementwise: arrays have equal lengths, or are single numbers. The same "
        "holds for a value and what it is given to, and for arrays of ports that are connected.",
    ),
    "E0306": (
        "too many priorities",
        "Events with a `priority` are compared with one another, one by one, so that there may be only so many of "
        "them; those without act at once.",
    ),
    "E0307": (
        "an equation that can never hold",
        "After equal variables became one, the equation says that a number is another: `y = x` and `y = x + 1`.",
    ),
    "E0308": (
        "no finite value",
        "A constant divides by zero or leaves the domain of a function, a range is empty, or a `min` or `max` "
        "has nothing to choose from.",
    ),
    "E0309": (
        "a part that is absent",
        "`part h : Heater if has_heater` makes no part where the condition does not hold. Connections to it vanish; "
        "equations that mention it stand in an `if has_heater then … end`.",
    ),
    "E0330": (
        "a field without a condition at an end",
        "What spreads (`div(D*grad(c))`) needs a value, a slope, or an equation of both at either end: `c at L = c0`, "
        "`grad(c) at L = 0`, `-D*grad(c) at L = j`; or the end is connected to that of another field. The centre of a "
        "sphere and the axis of a cylinder need none. What is only carried along (`upwind`, `limited`) needs its value "
        "where it comes in.",
    ),
    "E0331": (
        "not the cells of a field",
        "A field has at least 3 cells; its first end lies before its last; faces that are written by hand ascend from "
        "one to the other.",
    ),
    "W0301": (
        "a port that is connected to nothing",
        "A flow that is connected to nothing is zero. Here that leaves nothing to flow through the other ports of the "
        "part either, which are connected: one was forgotten, or the part is not needed.",
    ),
    "E0320": (
        "a circular definition",
        "The value of a parameter or a constant leads back to it, through the modifiers of the parts.",
    ),
}
