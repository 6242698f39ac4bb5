"""A function of a few variables: what a solve for named outputs evaluates in the place of `variables`."""

from dataclasses import replace

import numpy as np

from stiffdsl.program.builder import Builder, ConstantTables
from stiffdsl.program.definitions import in_parameters
from stiffdsl.program.evaluation import Evaluation
from stiffdsl.program.program import Function, Program
from stiffdsl.program.tables import named
from stiffdsl.program.values import Numbers, Vectors


def with_outputs(program: Program, numbers: np.ndarray) -> Program:
    """A program of the one function `outputs(t, y, p, u) -> (len(numbers),)`: the variables `numbers`, in SI."""
    builder = Builder(ConstantTables())
    kind, tables = Numbers if program.scalar else Vectors, in_parameters(program.system.flat, builder)
    evaluation = Evaluation(program.system, kind(builder, tables))
    result = evaluation.declared("var", numbers)
    function = Function(
        "outputs", ("t", "y", "p", "u"), "The outputs that were asked for.", *builder.needed(result)
    )
    functions, tables = named([function], builder.tables)
    return replace(program, functions=functions, tables=tables)
