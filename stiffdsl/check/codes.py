"""Diagnostic codes of this stage, for `stiffdsl explain CODE`: code → (title, explanation)."""

CODES: dict[str, tuple[str, str]] = {
    "E0201": (
        "no file for an import",
        "`import a.b` reads `a/b.sml`: in the folder of the importing file, then in the root of the project (the "
        "nearest folder above that holds a file `stiffdsl.toml`, which may be empty), then in the library "
        "that ships with the package. None of them has it.",
    ),
    "E0202": (
        "files that import each other",
        "Following the imports leads back to a file that is still being read. Move what both files need "
        "into a third.",
    ),
    "E0203": (
        "a name that the imported file does not have",
        "`from a import X` brings in a model, connector, function or constant that `a.sml` declares.",
    ),
    "E0204": (
        "declared twice",
        "A name stands for one thing in a file, and for one thing in a model, inherited members included.",
    ),
    "E0205": (
        "a reserved name",
        "`time`, `pi`, `true`, `false`, `der` and the built-in functions keep their meaning everywhere.",
    ),
    "E0206": (
        "no model to compile",
        "A file's main model is the one that is named, or the last one that is not partial.",
    ),
    "E0210": (
        "unknown model or connector",
        "A type is declared in the same file, brought in by `from file import Type`, or written `file.Type` "
        "after `import file`.",
    ),
    "E0211": (
        "the wrong sort of type",
        "A `part` is an instance of a model, a `port` of a connector, and a model extends a model.",
    ),
    "E0212": (
        "a partial model cannot be used by itself",
        "A `partial model` leaves equations open. Only a model that extends it can be a part or the main "
        "model.",
    ),
    "E0213": (
        "a model that extends itself",
        "Following `extends` leads back to the model that began. A base cannot depend on what extends it.",
    ),
    "E0214": (
        "a model that contains itself",
        "Following the parts leads back to the model that began, so an instance would have no end.",
    ),
    "E0220": (
        "unknown name",
        "An expression may use what its model declares or inherits, loop indices, `time`, `pi`, and "
        "constants of the file or of an import. Quantities of a part are written `part.quantity`.",
    ),
    "E0221": (
        "a component does not have this member",
        "`a.b` needs a member `b` in the class that `a` is an instance of.",
    ),
    "E0222": (
        "indices do not fit",
        "An array is used whole, or with as many indices as it was declared with. A scalar has none.",
    ),
    "E0223": (
        "not a quantity",
        "A part, a port, a model or a function stands where a number is needed, or a quantity is treated as "
        "a part.",
    ),
    "E0224": (
        "known too late",
        "Sizes, indices, loop ranges and conditions around equations are fixed when the model is compiled: "
        "numbers, `const` and loop indices. Values of parameters, start values and guesses are fixed before "
        "a run begins: parameters may be used too, variables and `time` may not.",
    ),
    "E0225": (
        "a loop index that cannot be used",
        "The index of a loop inside another needs a name of its own, and cannot be a reserved word.",
    ),
    "E0226": (
        "arrays that do not fit together",
        "Arithmetic on whole arrays is elementwise: both have the same number of indices, or one is a "
        "scalar.",
    ),
    "E0227": (
        "values that depend on themselves",
        "Constants and parameters are computed one from another. Following the values leads back to the "
        "beginning.",
    ),
    "E0228": (
        "a value is missing",
        "Every constant and parameter of the main model and its parts needs a value: where it is declared, "
        "or as a modifier of the part.",
    ),
    "E0230": (
        "unknown function",
        "The name that is called is not a built-in function, nor one that the file declares or imports. A "
        "product needs `*`, an index needs brackets.",
    ),
    "E0231": (
        "wrong number of arguments",
        "A function is called with the arguments that it declares; those with a default may be left out.",
    ),
    "E0232": (
        "named arguments",
        "A function that the file declares takes its arguments by place, or by the names of its parameters "
        "(`drop(v, d = 0.2)`), each once; built-in functions take them by place.",
    ),
    "E0233": (
        "a function that calls itself",
        "A function stands for its text wherever it is called. One that calls itself would have no end.",
    ),
    "E0234": (
        "`der` takes a variable",
        "Derivatives of expressions are written with a variable that equals the expression: `var e`, `e = "
        "x*y`, `der(e)`. The compiler differentiates that equation where it needs to.",
    ),
    "E0236": (
        "too many function calls in one expression",
        "Functions that call functions grow by the product of their sizes when they are inlined. A variable "
        "for an intermediate result stops that.",
    ),
    "E0240": (
        "unknown modifier",
        "`Type(name = value)` sets a quantity that the type declares or inherits, or `part.name` inside it.",
    ),
    "E0241": (
        "modified twice",
        "The same quantity is set more than once in one list of modifiers.",
    ),
    "E0242": (
        "a modifier that does not fit",
        "Constants, parameters and inputs take a value, variables take `start` or `guess` too; parts take "
        "none.",
    ),
    "E0243": (
        "a range that nothing reads",
        "`in 0..1` says between what a parameter or an input varies: for surrogates, samples and sensitivities. "
        "The limits of a solution are `min` and `max`.",
    ),
    "E0250": (
        "an equation without a variable",
        "An equation determines something that changes. Parameters get their values where they are declared.",
    ),
    "E0251": (
        "not a connection",
        "`connect` joins ports: instances of a connector, of this model or of its parts.",
    ),
    "E0252": (
        "ports of different connectors",
        "Ports that are connected share potentials and flows, so they must be instances of one connector.",
    ),
    "E0253": (
        "a species that is not a variable",
        "A reaction changes the amounts of what it consumes and makes, so each must be a `var`.",
    ),
    "E0254": (
        "unknown option of the experiment",
        "An experiment may say `time`, `rtol`, `atol`, `points`, `log`, `method`, `max_steps`, "
        "`first_step`, `max_step`, `include`.",
    ),
    "E0255": (
        "an option of the experiment does not fit",
        "The value is of the wrong form, or an option is set twice: `time 0..10, rtol 1e-6, log, method "
        "bdf`.",
    ),
    "E0256": (
        "a loop needs a range",
        "`for i in 1..N`: both ends are numbers or constants.",
    ),
    "E0257": (
        "a text is not a number",
        "Quoted text is documentation, or names a file or a column; it has no place in an expression.",
    ),
    "E0258": (
        "nested too deeply",
        "An expression has more levels of parentheses or branches than the compiler can follow.",
    ),
    "E0286": (
        "an operator of fields in the wrong place",
        "`upwind`, `limited` and `harmonic` stand in a flux: `div(harmonic(D)*grad(c))`. `grad` and `div` stand in the "
        "equations of a model, not in a function, and `div` not in another `div`.",
    ),
    "E0287": (
        "not a field, or of other cells",
        "Operators of fields take what is declared as `field`, as a whole. Fields in one flux have the same ends, "
        "cells and symmetry; fields that lie end to end are joined by `connect a at L, b at 0`.",
    ),
    "E0288": (
        "not an end of a field",
        "`c at R` is the value at an end of a field, written as `over` has it: of `over 0..R`, `c at 0` and `c at R`.",
    ),
    "E0289": (
        "conditions at an end that do not fit",
        "At each end of a field one condition is given: a value, a slope, or an equation of both. The centre of a "
        "sphere and the axis of a cylinder take none. Where ends are connected, the values are equal, and what flows "
        "(what stands in `div(…)`) passes from one field to the other.",
    ),
    "E0290": (
        "a data file cannot be read",
        "A file that a `table` or an `input` names is looked up beside the model, in the root of its project, and in "
        "the library. It is text of comma-separated values (UTF-8) or a Parquet file, with a heading for each column; "
        "what stands in a column that is used is a number.",
    ),
    "E0291": (
        "a column that the file does not have",
        '`csv("f.csv", x = "soc", y = "v")` names the columns of arguments and values by their headings; the first '
        "columns are taken where none is named. `z` is the value of a table with two arguments.",
    ),
    "E0292": (
        "figures that make no table",
        "The arguments of a table ascend, each once, and no value is missing. A table of two arguments needs a value "
        "for each pair of them.",
    ),
    "E0293": (
        "a table that is written wrongly",
        'A table is `csv("f.csv", x = "…", y = "…")`, with `method = linear|cubic|constant` and '
        "`outside = error|hold|extend|repeat`, or pairs of numbers in braces: `{(0, 1), (10, 5)}`. Pairs stand nowhere "
        "else.",
    ),
    "E0294": (
        "a table replaced by something else",
        "A modifier may put a table in the place of a table of a part: one with as many arguments, in units of the "
        "same dimensions, another file, or pairs; or a function of as many arguments, where the table is in SI units.",
    ),
    "E0295": (
        "a delay that is written wrongly",
        "`delay(x, tau)` is what x was a time tau ago: tau is a time, of numbers and parameters. Before the run, x was "
        "what it is at its beginning. A derivative is not delayed.",
    ),
    "E0297": (
        "a network that is written wrongly",
        "`network g(T, soc) -> rate hidden 16, 16 activation tanh seed 3 scale T by 300, rate by 2` names arguments, "
        "the result, the widths of its hidden layers, and what arguments are divided and the result is multiplied by.",
    ),
    "E0298": (
        "a network given by a modifier",
        "Networks inside a model belong to each of its instances, their weights are parameters of a run. Parts that "
        "share a network mention one that stands outside of all models.",
    ),
    "E0299": (
        "a bundle of inputs that is written wrongly",
        "A connector whose members are all `input` is a bundle: `input sky : Weather` declares one, `Room(sky = sky)` "
        'passes it on, `= epw("f.epw")` or `= csv("f.csv", t = "hour" [h])` give members the columns of their names. '
        "What is given holds every member of what it is given to.",
    ),
    "E0501": (
        "unknown unit",
        "Units are SI symbols with prefixes (`mA`, `kohm`), usual ones beside them (`min`, `h`, `bar`, `L`, "
        "`degC`, `%`), and their products: `W/(m^2*K)`, `mol/L`, `1/s`.",
    ),
    "E0260": (
        "an event without actions",
        "A `when` says what happens once its condition turns true: variables are set (`x := …`), or the run ends "
        "(`stop`).",
    ),
    "E0261": (
        "a condition that does not change",
        "Events fire when their condition turns true. One on numbers, constants and parameters is decided before the "
        "run begins: write `if`, or `when start`.",
    ),
    "E0262": (
        "not to be set at an event",
        "States and `discrete` variables are set in a `when`. Parameters and inputs come from outside, and loop "
        "indices, `time` and constants are what they are.",
    ),
    "E0263": (
        "an event among initial equations",
        "The section `initial` holds equations for the initial time. What is to happen once at the beginning stands in "
        "`equations`, in `when start`.",
    ),
    "E0264": (
        "an equation for a discrete variable",
        "A `discrete` variable keeps its value between events; a quantity that is determined in every instant is a "
        "`var` or an `output`.",
    ),
    "E0265": (
        "branches of equations that do not pair",
        "Where the condition around a block of equations changes in a run, each branch holds as many equations, which "
        "take one another's place in their order. Where it is a constant, branches may hold anything.",
    ),
    "E0266": (
        "`while` without a condition",
        "`when c while` drops what waits where `c` turns false meanwhile. Times of `every`, and the start, do not turn "
        "false.",
    ),
    "E0502": (
        "two sides with different dimensions",
        "Both sides of an equation are quantities of one kind. A quantity without a unit takes part "
        "unchecked.",
    ),
    "E0503": (
        "different dimensions in a sum, a comparison or a choice",
        "Only quantities of one kind can be added, compared, chosen between or collected in an array.",
    ),
    "E0504": (
        "a function of a quantity with a unit",
        "`exp`, `log`, `sin` and their like are defined for pure numbers. Divide by a reference: "
        "`exp(-E/(R*T))`.",
    ),
    "E0505": (
        "an exponent with a unit",
        "An exponent is a pure number.",
    ),
    "E0506": (
        "a value with the wrong dimension",
        "A start value, guess, range, default or modifier is a quantity of another kind than what it is "
        "given to. Numbers without a unit are read in the declared unit.",
    ),
    "E0507": (
        "a rate constant with the wrong dimension",
        "Mass action multiplies the constant by its species; the result must be an amount per time, so that "
        "`A + B -> C` needs another unit than `A -> B`.",
    ),
    "E0509": (
        "a rate constant without a unit",
        "Rates are in SI: for species in `[mol/L]`, a plain number after `@` counts in mol/m^3 wherever the order of "
        "the reaction is not one. Write the unit that is meant: `@ 1 [L/(mol*s)]`.",
    ),
    "E0508": (
        "a difference of temperatures in degC",
        "A temperature in `[degC]` or `[degF]` counts with its offset: `20 [degC]` is 293.15 K. In a difference "
        "(`T - Tamb`) the offsets cancel, so that it is a number of kelvins and what it is given to, or compared with, "
        "belongs in `[K]`: `var dT [K]`, `param dT = 5 [K]`. The same holds for what is added to a temperature "
        "(`T + dT`).",
    ),
    "E0270": (
        "a test of no model, or a second of its name",
        "A test is of the model that stands behind `of`, declared in its file or imported; without one, of the main "
        "model of the file. Each test of a file has a name of its own.",
    ),
    "E0271": (
        "what a test cannot set",
        "`set` gives parameters, inputs and constants a value, and variables another start (`set x start 2`): numbers, "
        "arrays of them, and constants of the file. An input of the model may follow the time: `set u = sin(time)`.",
    ),
    "E0272": (
        "an expectation in which not all has a time",
        "Without any time, both sides are taken at the end of the run. Where `at` or `over` stands in an expectation, "
        "all variables in it need one: `(A + B) at 10`. `final(A)` is the value at the end.",
    ),
    "E0273": (
        "what a test cannot measure",
        "An expectation is about one number: `x at 10`, `max`, `min`, `mean` or `integral` of `x over 0..10` (or `over "
        "time`), `final(x)`, and what is computed of these, parameters and numbers. Times are numbers.",
    ),
    "E0274": (
        "a comparison or tolerance that does not fit",
        "`=` with `within 1e-4`, relative to the right side, or with a unit, absolute: `within 0.1 [K]`; `<`, `<=`, "
        "`>` and `>=` without. Nothing is relative to zero.",
    ),
    "E0275": (
        "an unknown distribution",
        "Parameters (`param`, `random`) have `normal(mean, deviation)`, `lognormal(mean, deviation)` of the logarithm, "
        "or `uniform(low, high)`; data (`observe`) has `normal`, `lognormal`, `student(degrees, location, scale)`, "
        "`poisson(mean)` or `bernoulli(probability)`.",
    ),
    "E0276": (
        "arguments that do not fit a distribution",
        "Means and ends are in the unit of what is declared, deviations are differences in it, and positive; those of "
        "`lognormal` are pure numbers, of the logarithm of the value in its declared unit. A vector takes a number, a "
        "vector, or for the spread of `normal` a covariance matrix.",
    ),
    "E0277": (
        "a distribution in the wrong place",
        "`param k = 1 ~ normal(1, 0.1)`, `random eta ~ normal(0, omega)` and `observe conc ~ normal(cp, 0.1)` have "
        "distributions; a random effect and an observation have nothing else that says their value. `per occasion` "
        "follows the distribution of a `random`.",
    ),
    "E0278": (
        "a dose of what is no state",
        "`dose depot, central` names the states that doses of a data table are added to, in the order of its "
        "compartments. What an equation computes cannot be dosed.",
    ),
    "E0280": (
        "not a value of this enumeration",
        "`enum Mode {off, heating}` beside the models declares the values that `param mode : Mode = off` may have. "
        "They are given and compared (`mode == off`), bare where a `Mode` is expected and else as `Mode.off`; nothing "
        "is calculated with them.",
    ),
    "E0281": (
        "a class that cannot take the place",
        "`Plant(pump : GearPump)` gives a part another class. That offers all that the declared class offers: ports of "
        "the same connectors, parameters, inputs and outputs of the same names and dimensions.",
    ),
    "E0267": (
        "a variable that one event sets twice",
        "The right sides of one event see the values just before it, all of them, so that its lines have no order.",
    ),
    "E0268": (
        "an event at a time that is to be equal",
        "The steps of a run meet a moment only where something waits for it. `when time >= 5` acts at that time "
        "exactly; `time == 5` is not looked for.",
    ),
    "W0203": (
        "an event for the moment at which two numbers are equal",
        "What moves continuously passes a value without being equal to it in any step, so that such an event does not "
        "act. An event waits for a condition that turns true and stays so for a while: `x >= 2`. What only events "
        "change is a `discrete` variable, and may be compared with `==`.",
    ),
    "W0202": (
        "a test that expects nothing",
        "Without a line `expect` a test passes where its model can be solved at all.",
    ),
    "W0201": (
        "a loop index hides a member",
        "Inside the loop the name stands for the index; outside, for the member of the model.",
    ),
    "W0503": (
        "a rate constant that holds a reactant",
        "After `@` stands a constant of mass action, which is multiplied by the amounts of the reactants. A whole "
        "rate, such as that of an enzyme, is written `A -> B rate Vmax*A/(Km + A)`.",
    ),
    "W0504": (
        "a field that runs away",
        "What spreads is `der(c) = div(D*grad(c))`, what v carries along `der(c) = -div(upwind(v, c))`. With the other "
        "sign a field gathers where there is much, or is carried against the side that `upwind` looks at: its values "
        "grow without bound, the faster the finer the cells.",
    ),
    "W0501": (
        "a number without a unit beside a quantity in another unit",
        "In equations all quantities are in SI, so `T = 20` sets T to 20 K although T is declared in degC. "
        "Write `20 [degC]`.",
    ),
    "W0502": (
        "a parameter without a unit beside a quantity in another unit",
        "A parameter without a unit is a plain number, and all arithmetic is in SI: given to a "
        "temperature in degC, a parameter of 20 means 20 K. With a unit of its own it means what it says.",
    ),
}
