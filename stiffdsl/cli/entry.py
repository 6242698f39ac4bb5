"""The group of commands, and the one place where every way of ending becomes a message and an exit status."""

import gc
import io
import os
import sys
import warnings

import click

from stiffdsl.cli import interruption
from stiffdsl.cli.check import check
from stiffdsl.cli.compile import compile_command
from stiffdsl.cli.ending import ending
from stiffdsl.cli.explain import explain
from stiffdsl.cli.failure import FAILED, INTERRUPTED
from stiffdsl.cli.fmt import fmt
from stiffdsl.cli.inspect import inspect
from stiffdsl.cli.interruption import Stopped
from stiffdsl.cli.library import library
from stiffdsl.cli.new import new
from stiffdsl.cli.show import show
from stiffdsl.cli.simulate import simulate
from stiffdsl.cli.surrogate import surrogate
from stiffdsl.cli.terminal import say
from stiffdsl.cli.test import test
from stiffdsl.diagnostics import did_you_mean

# New objects after which Python looks for garbage.
COLLECT_AFTER = 50_000
EPILOG = """\b
A first model:
  stiffdsl new decay
  stiffdsl simulate decay.sml --plot decay.png
"""


def _print_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from stiffdsl import __version__

        click.echo(f"stiffdsl {__version__}")
        context.exit()


class Commands(click.Group):
    """The group of commands; click itself would put an empty line before the word on an interruption."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Stopped("") from None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
def commands() -> None:
    """Compile, simulate and approximate models written in the .sml language."""


@commands.command("help", short_help="Explain a command.")
@click.argument("command", required=False)
@click.pass_context
def help_command(context: click.Context, command: str | None) -> None:
    """Explain COMMAND, as `stiffdsl COMMAND --help` does; without one, list the commands."""
    parent = context.parent or context
    if command is None:
        click.echo(commands.get_help(parent))
        return
    found = commands.get_command(parent, command)
    if found is None:
        hint = did_you_mean(command, commands.list_commands(parent))
        raise click.UsageError(f"there is no command `{command}`" + (f"; {hint}" if hint else ""))
    click.echo(found.get_help(click.Context(found, info_name=command, parent=parent)))


for command in (compile_command, simulate, surrogate, check, fmt, test, inspect, show, new, library, explain):
    commands.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits; `arguments` default to those of the process."""
    warnings.showwarning = _show_warning
    # Importing SymPy and SciPy makes many objects and no garbage: looking for some costs a seventh of `check`.
    gc.set_threshold(COLLECT_AFTER)
    interruption.watch()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before we began
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name or unit that the terminal cannot show
    status = run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = _broken_pipe()
    if status == INTERRUPTED:
        interruption.leave()
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit status."""
    try:
        result = commands.main(args=arguments, prog_name="stiffdsl", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except BrokenPipeError:
        return _broken_pipe()
    except (Exception, KeyboardInterrupt) as error:
        return ending(error).tell(as_json="--json" in arguments)


def _broken_pipe() -> int:
    # The reader left (`| head`). Python would complain once more when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    if not issubclass(category, DeprecationWarning | PendingDeprecationWarning | ImportWarning):
        say(f"warning: {message}")
