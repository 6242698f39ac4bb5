"""The command line: one file per command, and the rules that all of them keep.

Reports go to standard output, messages and progress to standard error. Exit status: 0 done, 1 the model or
the solve failed, 2 wrong usage. Commands import the compiler and the solvers when they run: help is instant.
"""

from stiffdsl.cli.entry import main

__all__ = ["main"]
