"""Failures of commands: a message that a user can act on, and an exit status."""

import os
import platform
import shlex
import sys
import tempfile
import traceback

FAILED = 1
USAGE = 2
INTERRUPTED = 130


class Failure(Exception):
    """The work could not be done for a reason that lies in the model, the files or the solve: exit status 1.

    `report`: what is known all the same, printed beside the error where `--json` was asked for.
    """

    def __init__(self, message: str, report: dict[str, object] | None = None):
        super().__init__(message)
        self.report = report or {}


def internal_fault(fault: BaseException) -> str:
    """The message for a fault of ours; the traceback goes to a file that the user can send.

    `STIFFDSL_TRACEBACK=1` raises the fault instead, for those who work on stiffdsl.
    """
    from stiffdsl import __version__

    if os.environ.get("STIFFDSL_TRACEBACK") == "1":
        raise fault
    command = shlex.join(["stiffdsl", *sys.argv[1:]])
    what = f"{type(fault).__name__}: {fault}".strip().rstrip(":").splitlines()[0]
    report = "\n".join(
        [
            f"stiffdsl {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"command: {command}",
            f"folder: {_folder()}",
            "",
            "".join(traceback.format_exception(fault)),
        ]
    )
    lines = [
        f"internal error: {what}",
        "  this is a fault in stiffdsl, not in your model; please report it with:",
        f"    version  {__version__}",
        f"    command  {command}",
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="stiffdsl-fault-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(report)
        lines.append(f"    report   {file.name}")
    except OSError:
        lines.append("    (no report was saved: the temporary folder cannot be written)")
    return "\n".join(lines)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "(gone)"
