"""Grammar rules to tree nodes; one method a rule, called by the parser as it reduces."""

import re
from dataclasses import replace
from typing import Any, NamedTuple

from lark import Token, Transformer

from stiffdsl.diagnostics import Diagnostic, Label, Source, Span
from stiffdsl.syntax import tree
from stiffdsl.syntax.modelica import TYPES

_SECTIONS = ("equations", "initial", "reactions", "experiment")
REDUCTIONS = ("sum", "prod", "min", "max")

# Molecules of one species that a reaction may take.
LARGEST_COEFFICIENT = 1_000_000


class _Timing(NamedTuple):
    """One of the words that say when an event acts, by the name of the field it gives a value."""

    name: str
    word: str
    value: Any
    span: Span


class TreeBuilder(Transformer):
    """Builds the tree of one source; mistakes that the grammar lets pass are gathered in `diagnostics`."""

    def __init__(self, source: Source):
        super().__init__(visit_tokens=False)
        self.source = source
        self.diagnostics: list[Diagnostic] = []

    def _span(self, first: Any, last: Any = None) -> Span:
        """From the beginning of a token or node to the end of another."""
        if last is None:
            last = first
        a: Any = first if isinstance(first, Token) else first.span
        b: Any = last if isinstance(last, Token) else last.span
        return Span(self.source, a.line, a.column, b.end_line, b.end_column)

    def _report(self, code: str, title: str, span: Span, label: str = "", help: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, title, (Label(span, label),), (), help))

    # --- expressions ---

    def number(self, c):
        value = float(c[0])
        if value in (float("inf"),):
            self._report("E0107", f"the number `{c[0]}` is too large", self._span(c[0]))
        unit = str(c[1])[1:-1].strip() if len(c) > 1 else None
        return tree.Number(value, unit, self._span(c[0], c[-1]))

    def text(self, c):
        unit = str(c[1])[1:-1].strip() if len(c) > 1 else None
        return tree.Text(_unquoted(c[0]), self._span(c[0], c[-1]), unit)

    def pair(self, c):
        return tree.Pair(tuple(c[1:-1:2]), self._span(c[0], c[-1]))

    def part(self, c):
        indices = tuple(c[2:-1:2]) if len(c) > 1 else ()
        return (tree.Part(str(c[0]), indices), self._span(c[0], c[-1]))

    def reference(self, c):
        if len(c) == 1:
            return tree.Name((c[0][0],), c[0][1])
        parts = c[::2]
        return tree.Name(tuple(p for p, _ in parts), parts[0][1].to(parts[-1][1]))

    def binary(self, c):
        return tree.Binary(str(c[1]), c[0], c[2], self._span(c[0], c[2]))

    def unary(self, c):
        return tree.Unary(str(c[0]), c[1], self._span(c[0], c[1]))

    def plus(self, c):
        return c[1]

    def group(self, c):
        return replace(c[1], span=self._span(c[0], c[2]))

    def element(self, c):
        return tree.Element(c[0], tuple(c[2:-1:2]), self._span(c[0], c[-1]))

    def if_(self, c):
        return tree.If(c[1], c[3], c[5], self._span(c[0], c[5]))

    def range(self, c):
        return tree.Range(c[0], c[2], self._span(c[0], c[2]))

    def array(self, c):
        return tree.ArrayLiteral(tuple(c[1:-1:2]), self._span(c[0], c[-1]))

    def iterator(self, c):
        return tree.Iterator(str(c[0]), c[2], self._span(c[0], c[2]))

    def iterators(self, c):
        return tuple(c[::2])

    def comprehension(self, c):
        return tree.Comprehension(None, c[1], c[3], self._span(c[0], c[-1]))

    def generator(self, c):
        return tree.Comprehension(None, c[0], c[2], self._span(c[0], c[2][-1]))

    def at(self, c):
        return tree.At(c[0], c[2], self._span(c[0], c[2]))

    def over(self, c):
        return tree.Over(c[0], c[2], self._span(c[0], c[2]))

    def named(self, c):
        return (_dotted(c[0]), c[2])

    def call(self, c):
        function, arguments = c[0], c[2:-1:2]
        span = self._span(function, c[-1])
        if any(p.indices for p in function.parts):
            self._report("E0103", "an array cannot be called", function.span)
        name = _dotted(function)
        positional = tuple(a for a in arguments if not isinstance(a, tuple))
        keyed = tuple(a for a in arguments if isinstance(a, tuple))
        if name in REDUCTIONS and len(positional) == 1 and isinstance(positional[0], tree.Comprehension):
            inner = positional[0]
            if inner.function is None:
                return tree.Comprehension(name, inner.body, inner.iterators, span)
        return tree.Call(name, positional, keyed, span)

    # --- declarations ---

    def unit(self, c):
        return ("unit", str(c[0])[1:-1].strip(), self._span(c[0]))

    def given(self, c):
        return ("value", c[1], self._span(c[0], c[1]))

    def bounds(self, c):
        return ("range", c[1], self._span(c[0], c[1]))

    def start_value(self, c):
        return ("start", c[1], self._span(c[0], c[1]))

    def guess_value(self, c):
        return ("guess", c[1], self._span(c[0], c[1]))

    def size_value(self, c):
        return (str(c[0]), c[1], self._span(c[0], c[1]))

    def distributed(self, c):
        call = c[1]
        if not isinstance(call, tree.Call):  # `sum(x for …)` is another form
            self._report(
                "E0101", "a distribution stands behind `~`", call.span, help="write `~ normal(0, 1)`"
            )
            call = tree.Call(call.function, (), (), call.span)
        return ("distribution", call, self._span(c[0], c[1]))

    def per(self, c):
        return ("per", str(c[1]), self._span(c[0], c[1]))

    def dose(self, c):
        targets = tuple(c[1::2])
        return tree.Dose(targets, self._span(c[0], targets[-1]))

    def in_space(self, c):
        """`over a..b`, `cells N`, `at faces`, `grading q`, or a symmetry."""
        word = {"THROUGHOUT": "over", "FACES": "faces", "GEOMETRY": "geometry"}.get(c[0].type, str(c[0]))
        return (word, c[1] if len(c) > 1 else str(c[0]), self._span(c[0], c[-1]))

    def field(self, c):
        found: dict[str, Any] = {}
        name = str(c[1])
        items = [i for i in c[5:] if not isinstance(i, Token)]
        for word, item, span in items:
            if word in ("value", "range", "distribution", "per"):
                label = {"value": "has an equation, or a `start`"}.get(word, "belongs to a `param`")
                self._report(
                    "E0112", f"the field `{name}` is declared with what a field has not", span, label
                )
            elif word in found:
                self._report("E0104", f"`{name}` has two {_PLURAL[word]}", span, "this is the second")
            found[word] = item
        head = self._span(c[0], c[4])
        over = found.get("over")
        if over is None or not isinstance(over, tree.Range):
            place = head if over is None else over.span
            help = f"write `over 0..L`: `field {name}({c[3]}) over 0..L cells 20`"
            self._report(
                "E0112", f"the field `{name}` does not say where it begins and ends", place, "", help
            )
            over = None
        if ("cells" in found) == ("faces" in found):
            title = f"the field `{name}` has no cells"
            if "cells" in found:
                title = f"the field `{name}` has both a number of cells and faces"
            help = "write `cells 20`, or `at {0, 0.1, 0.3, 1}` with all faces"
            self._report("E0112", title, head, "", help)
        if "grading" in found and "faces" in found:
            title = f"the field `{name}` has faces, and is graded too"
            self._report("E0112", title, head, "", "`grading` goes with `cells`")
        last = items[-1][2] if items else self._span(c[4])
        given = [found.get(k) for k in ("unit", "cells", "faces", "grading", "start", "guess", "doc")]
        unit, cells, faces, grading, start, guess, doc = given
        return tree.Field(
            name, str(c[3]), unit, over, cells, faces, grading, found.get("geometry", tree.GEOMETRIES[0]),
            start, guess, doc, self._span(c[0]).to(last), self._span(c[1]),
            found.get("nominal"), found.get("min"), found.get("max"),
        )  # fmt: skip

    def doc(self, c):
        return ("doc", _unquoted(c[0]), self._span(c[0]))

    def dimensions(self, c):
        return list(c[1:-1:2])

    def variable(self, c):
        return self._variable(str(c[0]), c)

    def member(self, c):
        kind = str(c[0])
        if c[0].type == "KIND" and kind != "input":
            help = (
                "write `var`, `param` and the like in a `model`, and `input` in a connector that is a bundle"
            )
            self._report("E0111", f"a connector holds no `{kind}`", self._span(c[0], c[1]), "", help)
        return self._variable(kind, c)

    def _variable(self, kind: str, c) -> tree.Variable:
        items = [i for i in c[2:] if not isinstance(i, Token)]
        dimensions = tuple(items.pop(0)) if items and isinstance(items[0], list) else ()
        type_ = items.pop(0) if items and items[0][0] == "type" else (None, None, None)
        found: dict[str, Any] = {}
        for name, item, span in items:
            if name in found:
                self._report("E0104", f"`{c[1]}` has two {_PLURAL[name]}", span, "this is the second")
            found[name] = item
        if "unit" not in found and "value" in found:
            found["value"], unit = _take_unit(found["value"])
            if unit is not None:
                found["unit"] = unit
        bounds = found.get("range")
        if bounds is not None and not isinstance(bounds, tree.Range):
            self._report(
                "E0105", "a range is written `low..high`", bounds.span, help=_range_meant(bounds.span)
            )
            bounds = None
        last = items[-1][2] if items else type_[2] or self._span(c[1])
        return tree.Variable(
            kind,
            str(c[1]),
            dimensions,
            found.get("unit"),
            found.get("value"),
            bounds,
            found.get("start"),
            found.get("guess"),
            found.get("doc"),
            self._span(c[0]).to(last),
            self._span(c[1]),
            found.get("nominal"),
            found.get("min"),
            found.get("max"),
            type=type_[1],
            distribution=found.get("distribution"),
            per=found.get("per"),
        )

    def type(self, c):
        name, span = c[1]
        if name in TYPES:
            title = "a declaration names no type"
            self._report(
                "E0101", title, span, "what follows the `:` is an `enum`", "leave it out; a unit is `[m/s]`"
            )
        return ("type", name, self._span(c[0]).to(span))

    def enum(self, c):
        labels = [t for t in c[3:] if isinstance(t, Token) and t.type == "NAME"]
        for k, label in enumerate(labels):
            if label in labels[:k]:
                self._report("E0104", f"`{c[1]}` has two labels `{label}`", self._span(label), "again")
        doc = next((_unquoted(t) for t in c if isinstance(t, Token) and t.type == "STRING"), None)
        name_span = self._span(c[1])
        return tree.Enum(str(c[1]), tuple(map(str, labels)), doc, self._span(c[0], c[-2]), name_span)

    def dotted(self, c):
        return (".".join(str(t) for t in c[::2]), self._span(c[0], c[-1]))

    def modifier(self, c):
        target = c[0]
        parts = target.parts if any(p.indices for p in target.parts) else ()
        attribute = "value" if str(c[1]) == "=" else str(c[1])
        return tree.Modifier(_dotted(target), attribute, c[2], self._span(target, c[2]), parts)

    def replaced_class(self, c):
        target, (type_, type_span) = c[0], c[2]
        if any(p.indices for p in target.parts):
            title = "all components of an array are of one class"
            self._report("E0106", title, target.span, help=f"write `{_dotted(target)} : {type_}`")
        modifiers = tuple(c[3]) if len(c) > 3 else ()
        value = tree.Name(tuple(tree.Part(p) for p in type_.split(".")), type_span)
        span = target.span.to(modifiers[-1].span if modifiers else type_span)
        return tree.Modifier(_dotted(target), "class", value, span, (), modifiers)

    def condition(self, c):
        return ("if", c[1])

    def modifiers(self, c):
        return list(c[1:-1:2])

    def component(self, c):
        rest: list[Any] = list(c[2:])
        dimensions: tuple = tuple(rest.pop(0)) if isinstance(rest[0], list) else ()
        rest.pop(0)  # the colon
        type_, type_span = rest.pop(0)
        modifiers = tuple(rest.pop(0)) if rest and isinstance(rest[0], list) else ()
        condition = rest.pop(0)[1] if rest and isinstance(rest[0], tuple) else None
        doc = _unquoted(rest.pop(0)) if rest else None
        last = modifiers[-1].span if modifiers else type_span
        span, name_span = self._span(c[0]).to(last), self._span(c[1])
        return tree.Component(
            str(c[0]), str(c[1]), dimensions, type_, modifiers, doc, span, name_span, type_span, condition
        )

    inner_port = component

    # --- statements ---

    def equation(self, c):
        return tree.Equation(c[0], c[2], self._span(c[0], c[2]))

    def connect(self, c):
        points = tuple(c[1:-1:2])
        return tree.Connect(points, self._span(c[0], points[-1]))

    def for_(self, c):
        return tree.For(c[1], tuple(c[3:-2]), self._span(c[0], c[1][-1]))

    reaction_for = for_

    def branch(self, c):
        return tuple(c)

    def elseif(self, c):
        return (c[1], c[4])

    def else_(self, c):
        return (None, c[2])

    def if_equation(self, c):
        others = [i for i in c[5:] if not isinstance(i, Token)]
        return tree.IfEquation(((c[1], c[4]), *others), self._span(c[0], c[1]))

    def when(self, c):
        others = tuple(b for b in c[2:] if isinstance(b, tree.WhenBranch))
        actions = tuple(a for a in c[2:] if isinstance(a, tree.Assign | tree.Stop))
        return tree.When((self._when_branch(c[0], c[1], actions), *others), self._span(c[0]))

    def elsewhen(self, c):
        actions = tuple(a for a in c[2:] if isinstance(a, tree.Assign | tree.Stop))
        return self._when_branch(c[0], c[1], actions)

    def trigger(self, c):
        """The condition, whether `start` is one, the times of `every period from first`, and when it acts."""
        timings: dict[str, Any] = {}
        while isinstance(c[-1], _Timing):
            timing = c.pop()
            if timing.name in timings:
                self._report("E0104", f"`{timing.word}` stands here twice", timing.span, "again")
            timings[timing.name] = timing.value
        if isinstance(c[0], Token):
            return None, False, c[1], c[3] if len(c) > 3 else None, timings
        parts, at_start = _alternatives(c[0]), False
        kept = [p for p in parts if p != _START]
        at_start = len(kept) < len(parts)
        condition = kept[0] if kept else None
        for other in kept[1:]:
            assert condition is not None
            condition = tree.Binary("or", condition, other, condition.span.to(other.span))
        return condition, at_start, None, None, timings

    def timing(self, c):
        word = str(c[0])
        value = c[1] if len(c) > 1 else True
        return _Timing("dropped" if word == "while" else word, word, value, self._span(c[0], c[-1]))

    def _when_branch(self, word, trigger, actions):
        condition, at_start, period, first, timings = trigger
        last = first or period or condition
        span = self._span(word) if last is None else self._span(word).to(last.span)
        return tree.WhenBranch(condition, at_start, period, first, actions, span, **timings)

    def assert_(self, c):
        return tree.Assert(c[1], _unquoted(c[-2]), self._span(c[0], c[1]))

    def action(self, c):
        if isinstance(c[0], Token):
            return tree.Stop(_unquoted(c[1]), self._span(c[0]))
        return tree.Assign(c[0], c[2], self._span(c[0], c[2]))

    def species(self, c):
        if len(c) == 1 and isinstance(c[0], Token):
            if float(c[0]) != 0:
                self._report("E0108", "a side of a reaction is species, or `0` for nothing", self._span(c[0]))
            return None
        if isinstance(c[0], Token):
            count = float(c[0])
            if count > LARGEST_COEFFICIENT:
                self._report("E0107", f"the coefficient `{c[0]}` is too large", self._span(c[0]))
                return (1, c[-1])
            if count != round(count) or count < 1:
                self._report("E0108", "a stoichiometric coefficient is a whole number", self._span(c[0]))
            return (int(count), c[-1])
        return (1, c[0])

    def side(self, c):
        return tuple(s for s in c[::2] if s is not None)

    def label(self, c):
        part, span = c[0]
        return (part.name, span, part.indices)

    def reaction(self, c):
        label, label_span, indices = None, None, ()
        if isinstance(c[0], tuple) and len(c[0]) == 3 and isinstance(c[0][0], str):
            (label, label_span, indices), c = c[0], c[1:]
            if any(not isinstance(i, tree.Name) or len(i.parts) != 1 or i.parts[0].indices for i in indices):
                title = "the indices of a label are those of the loops around it"
                self._report(
                    "E0108", title, label_span, help=f"write `{label}:`, or `{label}[i]:` in `for i in 1..N`"
                )
        left, arrow, right, sign, forward = c[:5]
        names = tuple([i.parts[0].name for i in indices if isinstance(i, tree.Name)])
        whole, both = str(sign) == "rate", str(arrow) == "<->"
        reverse = c[6] if len(c) > 6 else None
        first = label_span or (left[0][1].span if left else self._span(arrow))
        span = first.to(forward.span)
        if not whole and (reverse is not None) != both:
            wanted = (
                "`->` takes one rate"
                if reverse is not None
                else "`<->` takes two rates: `@ forward, reverse`"
            )
            self._report("E0108", wanted, span)
        return tree.Reaction(
            left, right, forward, reverse, span, label, whole, whole and both, None, label_span, names
        )  # fmt: skip

    def option(self, c):
        value = c[-1] if len(c) > 1 else None
        return (str(c[0]), value, self._span(c[0]))

    def _section(self, name, c):
        return (name, self._span(c[0]), tuple(i for i in c[1:] if not isinstance(i, Token)))

    def equations(self, c):
        return self._section("equations", c)

    def initial(self, c):
        return self._section("initial", c)

    def reactions(self, c):
        return self._section("reactions", c)

    def experiment(self, c):
        return self._section("experiment", c)

    # --- top level ---

    def extension(self, c):
        name, span = c[0]
        return tree.Extends(name, tuple(c[1]) if len(c) > 1 else (), span)

    def extends(self, c):
        return ("extends", tuple(c[1::2]))

    def model(self, c):
        partial = isinstance(c[0], Token) and c[0].type == "PARTIAL"
        head = c[1:] if partial else c
        name, docs, extends = head[1], [], ()
        declarations: list = []
        sections: dict[str, Any] = {}
        for item in head[2:]:
            if isinstance(item, Token):
                if item.type == "STRING":
                    docs.append(_unquoted(item))
            elif isinstance(item, tuple) and item[0] == "extends":
                extends = item[1]
            elif isinstance(item, tuple):
                section, span, content = item
                if section == "experiment" and section in sections:
                    self._report("E0104", "this model has two `experiment` sections", span)
                sections[section] = (span, sections.get(section, (span, ()))[1] + content)
            else:
                declarations.append(item)
        experiment = None
        if "experiment" in sections:
            span, content = sections["experiment"]
            experiment = tree.Experiment(tuple((n, v) for n, v, _ in content), span)

        def of(section):
            return sections.get(section, (None, ()))[1]

        return tree.Model(
            str(name), partial, docs[0] if docs else None, extends, tuple(declarations), of("equations"),
            of("initial"), of("reactions"), experiment, self._span(c[0], name), self._span(name),
        )  # fmt: skip

    def connector(self, c):
        members = tuple(i for i in c if isinstance(i, tree.Variable))
        doc = next((_unquoted(i) for i in c if isinstance(i, Token) and i.type == "STRING"), None)
        ports = tuple(i for i in c if isinstance(i, tree.Component))
        return tree.Connector(str(c[1]), doc, members, self._span(c[0], c[1]), self._span(c[1]), ports)

    def formal(self, c):
        default = c[2] if len(c) > 1 else None
        return tree.Formal(str(c[0]), default, self._span(c[0]))

    def formals(self, c):
        return tuple(c[1:-1:2])

    def local(self, c):
        return tree.Local(str(c[0]), c[2], self._span(c[0], c[2]), self._span(c[0]))

    def no_line(self, c):
        loop = c[0].type == "FOR"
        self._report(
            "E0111",
            f"a function has no `{c[0]}` around its lines",
            self._span(c[0], c[1][-1] if loop else c[1]),
            "",
            "write `sum(... for i in 1..N)`, or an array `(... for i in 1..N)`"
            if loop
            else "write `name = if condition then a else b`",
        )
        return

    def result(self, c):
        return ("return", c[1], self._span(c[0], c[1]))

    def function(self, c):
        body = c[-2]
        return tree.FunctionDeclaration(str(c[1]), c[2], body, self._span(c[0], body), self._span(c[1]))

    def function_block(self, c):
        doc = _unquoted(c[3]) if c[3].type == "STRING" else None
        lines = [line for line in c[4:] if not isinstance(line, Token)]
        results = [line for line in lines if isinstance(line, tuple)]
        if not results:
            if None not in lines:
                last = lines[-1].span if lines else self._span(c[1])
                label = "the last line of the function" if lines else ""
                title = f"the function `{c[1]}` has no result"
                self._report("E0111", title, last, label, "end it with `return ...`")
            body = tree.Number(0.0, None, self._span(c[1]))
        else:
            body = results[0][1]
            after = [line for line in lines[lines.index(results[0]) + 1 :] if line is not None]
            if after:
                below = after[0][2] if isinstance(after[0], tuple) else after[0].span
                self._report("E0111", "a function ends with its `return`", below, "this is never reached")
        found = tuple(line for line in lines if isinstance(line, tree.Local))
        head = self._span(c[0], c[1])
        return tree.FunctionDeclaration(str(c[1]), c[2], body, head, self._span(c[1]), found, doc)

    def setting(self, c):
        attribute = "value" if str(c[1]) == "=" else str(c[1])
        return tree.TestSetting(c[0], attribute, c[2], self._span(c[0], c[2]))

    def settings(self, c):
        return list(c[1:-1:2])

    def run(self, c):
        options = [i for i in c[1:] if not isinstance(i, Token)]
        span = self._span(c[0])
        return tree.Experiment(
            tuple((n, v) for n, v, _ in options), span.to(options[-1][2]) if options else span
        )

    def expectation(self, c):
        within = c[5] if len(c) > 6 else None
        last = c[3] if within is None else within
        return tree.Expectation(c[1], str(c[2]), c[3], within, self._span(c[0], last))

    def expected_stop(self, c):
        text = _unquoted(c[2]) if isinstance(c[2], Token) and c[2].type == "STRING" else None
        values = [v for v in c[2:] if not isinstance(v, Token)]
        time, within = (*values, None, None)[:2]
        last = within or time or (c[1] if text is None else c[2])
        return tree.ExpectedStop(text, time, within, self._span(c[0], last))

    def test(self, c):
        model, model_span, settings, expectations = None, None, [], []
        run: tree.Experiment | None = None
        for item in c[2:-2]:
            if isinstance(item, list):
                settings += item
            elif isinstance(item, tree.Expectation | tree.ExpectedStop):
                expectations.append(item)
            elif isinstance(item, tree.Experiment):
                if run is not None:
                    self._report("E0104", "this test has two `simulate`", item.span, "this is the second")
                run = item
            elif isinstance(item, tuple):
                model, model_span = item
        name = _unquoted(c[1])
        head = self._span(c[0], c[1])
        parts = (name, model, tuple(settings), run, tuple(expectations))
        return tree.Test(*parts, head, self._span(c[1]), model_span)

    def constant(self, c):
        if c[0].kind != "const":
            self._report(
                "E0103",
                f"a `{c[0].kind}` belongs inside a model",
                c[0].span,
                help="only `const` stands on its own",
            )
        return c[0]

    def table_argument(self, c):
        return (str(c[0]), str(c[1])[1:-1].strip() if len(c) > 1 else None)

    def table_arguments(self, c):
        return tuple(c[1:-1:2])

    def table(self, c):
        arguments, unit, value, doc, last = (), None, None, None, c[1]
        for item in c[2:]:
            if isinstance(item, tuple):
                arguments = item
            elif isinstance(item, Token) and item.type == "UNIT":
                unit, last = str(item)[1:-1].strip(), item
            elif isinstance(item, Token) and item.type == "STRING":
                doc = _unquoted(item)
            elif not isinstance(item, Token):
                value = last = item
        return tree.TableDeclaration(
            str(c[1]), arguments, unit, value, doc, self._span(c[0], last), self._span(c[1])
        )

    def network_value(self, c):
        dimensions = next((tuple(i) for i in c if isinstance(i, list)), ())
        unit = next((str(i)[1:-1].strip() for i in c if isinstance(i, Token) and i.type == "UNIT"), None)
        return tree.NetworkValue(str(c[0]), dimensions, unit, self._span(c[0]))

    def hidden(self, c):
        return ("hidden", tuple(c[1::2]), self._span(c[0], c[-1]))

    def activation(self, c):
        return ("activation", (str(c[1]), self._span(c[1])), self._span(c[0], c[1]))

    def seed(self, c):
        return ("seed", c[1], self._span(c[0], c[1]))

    def scaled(self, c):
        return (str(c[0]), c[2], self._span(c[0], c[2]))

    def scale(self, c):
        return ("scale", tuple(c[1::2]), self._span(c[0]).to(c[-1][2]))

    def network(self, c):
        values = [i for i in c if isinstance(i, tree.NetworkValue)]
        found: dict[str, Any] = {}
        last = values[-1].span
        for item in c:
            if isinstance(item, tuple):
                name, value, span = item
                if name in found:
                    self._report("E0104", f"`{c[1]}` has two `{name}`", span, "this is the second")
                found[name], last = value, span
        scale = found.get("scale", ())
        for k, (name, _, span) in enumerate(scale):
            if any(name == other for other, *_ in scale[:k]):
                self._report("E0104", f"`{c[1]}` scales `{name}` twice", span, "this is the second")
        activation, activation_span = found.get("activation", (None, None))
        doc = next((_unquoted(i) for i in c if isinstance(i, Token) and i.type == "STRING"), None)
        return tree.NetworkDeclaration(
            str(c[1]), tuple(values[:-1]), values[-1], found.get("hidden", ()), activation, found.get("seed"),
            tuple([(name, value) for name, value, _ in scale]), doc,
            self._span(c[0]).to(last), self._span(c[1]), activation_span,
        )  # fmt: skip

    def import_(self, c):
        return tree.Import(c[1][0], None, self._span(c[0]).to(c[1][1]))

    def from_(self, c):
        names = tuple(str(t) for t in c[3:] if isinstance(t, Token) and t.type == "NAME")
        return tree.Import(c[1][0], names, self._span(c[0], c[-2]))

    def start(self, c):
        items = [i for i in c if not isinstance(i, Token)]
        end = Span(self.source, 1, 1, 1, 1)
        imports = tuple(i for i in items if isinstance(i, tree.Import))
        return tree.Module(imports, tuple(i for i in items if not isinstance(i, tree.Import)), end)


_PLURAL = {
    "unit": "units",
    "value": "values",
    "range": "ranges",
    "start": "start values",
    "guess": "guesses",
    "nominal": "nominal values",
    "min": "least values",
    "max": "greatest values",
    "doc": "documentation strings",
    "distribution": "distributions",
    "over": "lengths",
    "cells": "numbers of cells",
    "faces": "lists of faces",
    "grading": "gradings",
    "geometry": "symmetries",
    "per": "words behind `per`",
}


def _take_unit(value: Any) -> tuple[Any, str | None]:
    """`0.04 [1/s]` as a declared value: the number, and the unit it declares."""
    if isinstance(value, tree.Number) and value.unit is not None:
        return tree.Number(value.value, None, value.span), value.unit
    if isinstance(value, tree.Unary) and isinstance(value.operand, tree.Number):
        inner, unit = _take_unit(value.operand)
        return tree.Unary(value.operator, inner, value.span), unit
    return value, None


def _range_meant(span: Span) -> str:
    """The help on a range that is written as `{0, 5}`, `0-5`."""
    text = span.source.text.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]
    number = r"[-+]?[\d.]+(?:[eE][-+]?\d+)?"
    ends = re.fullmatch(rf"\W?\s*({number})\s*[-,:;]\s*({number})\s*\W?", text)
    return f"write `in {ends[1]}..{ends[2]}`" if ends else "write `in 0.5..2`"


def _dotted(name: tree.Name) -> str:
    return ".".join(p.name for p in name.parts)


_START = tree.Name((tree.Part("start"),), None)  # type: ignore[arg-type]


def _alternatives(condition: tree.Expr) -> list[tree.Expr]:
    """The operands of `a or b or …`."""
    parts: list[tree.Expr] = []
    while isinstance(condition, tree.Binary) and condition.operator == "or":
        parts.append(condition.right)
        condition = condition.left
    return [condition, *reversed(parts)]


def _unquoted(token: Token) -> str:
    return token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
