"""Diagnostic codes of this stage, for `stiffdsl explain CODE`: code → (title, explanation)."""

CODES: dict[str, tuple[str, str]] = {
    "E0100": (
        "a file that cannot be read",
        "A model file is UTF-8 text that may be opened for reading.",
    ),
    "E0101": (
        "not a statement of the language",
        "The text cannot go on as it does at the marked place. A statement ends with its line; it goes on inside "
        "brackets and after an operator or a comma at the end of a line. Equations are `left = right`.",
    ),
    "E0102": (
        "blocks that do not match their `end`",
        "`model`, `connector`, `for`, `when` and an `if` around equations end with an `end` on a line of its own; "
        "every `end` closes one of them.",
    ),
    "E0103": (
        "in the wrong place",
        "Only `const` may be declared outside a model, and only a function can be called.",
    ),
    "E0104": (
        "said twice",
        "A declaration has at most one unit, value, range, start, guess, nominal, min, max and documentation; a "
        "model has at most one `experiment`.",
    ),
    "E0105": (
        "not a range",
        "What follows `in` is a range `low..high`.",
    ),
    "E0106": (
        "a class for one component of an array",
        "All components of an array are of one class. A modifier may set a quantity of one of them: "
        "`Building(rooms[3].C = 2e6)`.",
    ),
    "E0107": (
        "a number that is too large",
        "Numbers are double precision: at most 1.8e308.",
    ),
    "E0108": (
        "not a reaction",
        "`A + 2*B -> C @ k`: whole numbers of species on both sides, `0` for nothing, `@` and the rate constant; "
        "`<->` takes two, forward and reverse. `S -> P rate Vmax*S/(Km + S)` gives the whole rate instead; a "
        "label stands before the reaction: `bind: L + R -> C @ kon`.",
    ),
    "E0109": (
        "a character without a meaning",
        "The character begins nothing in the language, or a quoted text does not end on its line.",
    ),
    "E0110": (
        "nested too deeply",
        "Brackets, choices, signs and powers may stand 200 levels deep in one another. Sums and products may be "
        "as long as they need to be.",
    ),
    "E0112": (
        "not a declaration of a field",
        "`field c(r) [mol/m^3] over 0..R cells 20 spherical start c0`: where the field begins and ends, and either its "
        "number of cells, which `grading 1.1` widens one by one, or its faces, `at {0, 0.1, 0.3, 1}`.",
    ),
    "E0111": (
        "a function without its result",
        "A function of several lines gives names to values, `name = value`, one a line, and ends with `return value`.",
    ),
}
