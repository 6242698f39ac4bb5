"""The ending of a command: every exception becomes a message, an exit status and, with `--json`, one JSON object."""

import errno
from dataclasses import dataclass, field, replace

import click

from stiffdsl.cli.check import diagnostic_row
from stiffdsl.cli.failure import FAILED, INTERRUPTED, USAGE, Failure, internal_fault
from stiffdsl.cli.interruption import Stopped
from stiffdsl.cli.terminal import say, write_failure
from stiffdsl.diagnostics import ModelError


@dataclass(frozen=True)
class Ending:
    """The failed end of a command: `code` names its kind for scripts, `text` tells it at the terminal."""

    status: int
    code: str
    text: str
    # The text without how the command is called, for scripts.
    message: str
    diagnostics: list[dict[str, object]] = field(default_factory=list)
    # The part of the report that was known, e.g. of a solve that ended early.
    report: dict[str, object] = field(default_factory=dict)

    def tell(self, as_json: bool) -> int:
        """Writes the message to standard error and, where asked for, the object to standard output."""
        say(self.text)
        if as_json:
            write_failure(self.code, self.message, self.diagnostics, self.report)
        return self.status


def ending(error: BaseException) -> Ending:
    """The ending for an exception that a command raised."""
    match error:
        case click.UsageError():
            return Ending(USAGE, "usage", usage_text(error), error.format_message())
        case Stopped():
            return Ending(INTERRUPTED, "interrupted", error.text, error.message, report=error.report)
        case click.Abort() | KeyboardInterrupt():
            return Ending(INTERRUPTED, "interrupted", "interrupted", "interrupted")
        case ModelError():
            found = [diagnostic_row(d) for d in error.diagnostics]
            first = next((d for d in error.diagnostics if d.level == "error"), None)
            code = first.code if first is not None else "model"
            return Ending(FAILED, code, str(error), str(error), found)
        case Failure():
            return replace(_failed("failed", str(error)), report=error.report)
        case click.ClickException():
            return _failed("failed", error.format_message())
        case MemoryError():
            tried = "  try a smaller model, fewer samples or fewer points"
            return _failed("memory", f"there is not enough memory for this\n{tried}")
        case OSError() if error.errno == errno.ENOSPC:
            return _failed("disk", "the disk is full")
    text = internal_fault(error)
    return Ending(FAILED, "internal", text, text)


def _failed(code: str, message: str) -> Ending:
    return Ending(FAILED, code, f"error: {message}", message)


def usage_text(error: click.UsageError) -> str:
    """The message that click shows: how the command is called, where help is, and what is wrong."""
    lines = []
    if error.ctx is not None:
        lines.append(error.ctx.get_usage())
        if error.ctx.command.get_help_option(error.ctx) is not None:
            lines.append(f"Try '{error.ctx.command_path} {error.ctx.help_option_names[0]}' for help.\n")
    return "\n".join([*lines, f"Error: {error.format_message()}"])
