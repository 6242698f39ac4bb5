"""The command line: one file per command, and the rules that all of them keep.

Reports go to standard output, messages and progress to standard error. Exit status: 0 done, 1 the model or
the solve failed, 2 wrong usage. Commands import the compiler and the solvers when they run: help is instant.
"""

import os


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits; `arguments` default to those of the process."""
    try:
        from stiffdsl.cli.entry import main as run

        run(arguments)
    except KeyboardInterrupt:
        # While it began, or once more while it ended: there is nothing to say that was not said.
        os._exit(130)


__all__ = ["main"]
