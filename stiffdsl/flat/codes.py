"""What the codes of this stage mean, for `stiffdsl explain CODE`."""

CODES: dict[str, tuple[str, str]] = {
    "E0302": (
        "unknown name",
        "A dotted name, a port or a constant that does not exist in the instantiated model.",
    ),
    "E0303": (
        "index out of range",
        "Arrays count from 1 to their declared size; the index leaves that range.",
    ),
    "E0304": (
        "not known at compile time",
        "Array sizes, loop bounds, indices and conditions around equations shape the model. They may use literals, "
        "`const` values and loop indices, not parameters or variables.",
    ),
    "E0305": (
        "shapes do not fit",
        "Whole-array arithmetic is elementwise: arrays have equal shape, or are numbers.",
    ),
    "E0306": ("a quantity stands where it cannot", "For example a parameter that depends on a variable."),
    "E0307": (
        "an equation without an unknown",
        "After simplification the equation mentions no variable; it can never hold, or says nothing.",
    ),
    "E0308": ("no finite value", "A structural expression has no finite value, or a range is empty."),
    "E0310": ("a value is missing", "Every parameter and constant needs a value."),
    "E0311": ("not a connection", "`connect` joins ports of one connector class."),
    "E0320": ("a circular definition", "A parameter or constant is defined through itself."),
}
