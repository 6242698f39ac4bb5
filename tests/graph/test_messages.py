"""Messages to an author whose equations and unknowns do not fit."""

import pytest

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError, render
from stiffdsl.graph import sort

from .build import model

CASES = {
    "one equation too many": (
        """
var v
var i
input u
param R = 2
v = R*i
v = u
i = 2
""",
        """
error[E0312]: this model has 2 unknowns and 3 equations
 --> test.sml:8:1
  |
8 | i = 2
  | ^^^^^ this equation has no unknown left to determine
  = note: `i` is already determined by `v = R*i` (line 6)
  = help: remove one of them, or make `R` a `var`
""",
    ),
    "a state given twice": (
        """
var x start 1
der(x) = -x
x = 3
""",
        """
error[E0312]: this model has 1 unknown and 2 equations
 --> test.sml:4:1
  |
4 | x = 3
  | ^^^^^ this equation has no unknown left to determine
  = note: `x` is already determined by `der(x) = -x` (line 3)
  = help: remove one of them
""",
    ),
    "no unknown at all": (
        """
var x
param a = 1
x = a
a = 2
""",
        """
error[E0312]: this model has 1 unknown and 2 equations
 --> test.sml:5:1
  |
5 | a = 2
  | ^^^^^ this equation has no unknown left to determine
  = note: it holds no unknown: only parameters, inputs and numbers
  = help: remove it, or make one of its parameters a `var`
""",
    ),
    "an unknown that cancels": (
        """
var x
var y
x = 2
y = y
""",
        """
error[E0312]: this model has 2 unknowns and 2 equations, but they do not determine one another
 --> test.sml:5:1
  |
5 | y = y
  | ^^^^^ this equation has no unknown left to determine
  = note: what it holds cancels out: nothing is left of it but numbers
  = help: remove it, or write what it was meant to say

error[E0312]: this model has 2 unknowns and 2 equations, but they do not determine one another
 --> test.sml:3:1
  |
3 | var y
  | ^^^^^ nothing determines `y`
  = note: `y` appears in no equation
  = help: add an equation for `y`, or make `y` a `param` or an `input`
""",
    ),
    "an unknown that appears nowhere": (
        """
var x
var y
x = 2
""",
        """
error[E0312]: this model has 2 unknowns and 1 equation
 --> test.sml:3:1
  |
3 | var y
  | ^^^^^ nothing determines `y`
  = note: `y` appears in no equation
  = help: add an equation for `y`, or make `y` a `param` or an `input`
""",
    ),
    "three unknowns share two equations": (
        """
var a
var b
var c
a + b = 2
b + c = time
""",
        """
error[E0312]: this model has 3 unknowns and 2 equations
 --> test.sml:4:1
  |
4 | var c
  | ^^^^^ nothing determines `c`
  = note: `a`, `b` and `c` share only 2 equations: `a + b = 2` (line 5), `b + c = time` (line 6)
  = help: add an equation for them, or make `c` a `param` or an `input`
""",
    ),
    "too many here, too few there": (
        """
var a
var b
a = 1 + time
2*a = 3
""",
        """
error[E0312]: this model has 2 unknowns and 2 equations, but they do not determine one another
 --> test.sml:5:1
  |
5 | 2*a = 3
  | ^^^^^^^ this equation has no unknown left to determine
  = note: `a` is already determined by `a = 1 + time` (line 4)
  = help: remove one of them

error[E0312]: this model has 2 unknowns and 2 equations, but they do not determine one another
 --> test.sml:3:1
  |
3 | var b
  | ^^^^^ nothing determines `b`
  = note: `b` appears in no equation
  = help: add an equation for `b`, or make `b` a `param` or an `input`
""",
    ),
    "a state that an input drives": (
        """
var w start 0
var tau
input u
param J = 2
J*der(w) = tau
w = 3*u
""",
        """
error[E0313]: the derivative of the input `u` would be needed
 --> test.sml:7:1
  |
7 | w = 3*u
  | ^^^^^^^ this ties `w` to `u`
 --> test.sml:4:1
  |
4 | input u
  | ^^^^^^^ nobody knows its derivative
  = note: `w` has a derivative in another equation, so that the derivative of this one is needed
  = help: put a small resistance or compliance between, or let `u` drive a first-order lag
""",
    ),
    "a constraint without a slope": (
        """
var x start 1
var y
der(x) = y
floor(x) = 1
""",
        """
error[E0313]: the derivative of an equation says nothing of what it should determine
 --> test.sml:5:1
  |
5 | floor(x) = 1
  | ^^^^^^^^^^^^ this equation has to be differentiated
  = note: it ties variables that have derivatives, but terms cancel in its own, or have no slope
  = help: write the equation without terms that cancel, and without `floor` or `ceil` of what it ties
""",
    ),
    "equations that follow from one another": (
        """
var a
var b
var i
param R = 1
a - b = R*i
b - a = R*i
i = a - b
""",
        """
error[E0314]: the equations for `a`, `b` and `i` are not independent
 --> test.sml:6:1
  |
6 | a - b = R*i
  | ^^^^^^^^^^^ cannot be solved for `a`, `b` and `i`
 --> test.sml:7:1
  |
7 | b - a = R*i
  | ^^^^^^^^^^^ with this one
 --> test.sml:8:1
  |
8 | i = a - b
  | ^^^^^^^^^ with this one
  = note: one of them follows from the others, so that many values fit, or none
  = help: fix one of the unknowns: is a reference missing, such as a ground?
""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case):
    text, expected = CASES[case]
    with pytest.raises(ModelError) as failure:
        sort(model(text))
    told = "\n\n".join(render(d) for d in failure.value.diagnostics)
    assert told == expected.strip()


def test_a_start_that_is_written_as_a_value():
    with pytest.raises(ModelError) as caught:
        sd.loads("model M\n  var x = 1\n  var y [m] = 2*time\nequations\n  der(x) = -x\nend\n")
    assert "a value at the beginning alone is written `x start 1`" in str(caught.value)
