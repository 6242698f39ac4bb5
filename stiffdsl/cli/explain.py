"""`stiffdsl explain CODE`: what a message means, with the mistake that causes it and the way out."""

from importlib import import_module
from importlib.util import find_spec

import click

from stiffdsl.cli.options import json_option
from stiffdsl.cli.terminal import write, write_json
from stiffdsl.diagnostics import did_you_mean

STAGES = ("syntax", "check", "flat", "graph", "program", "runtime")


def known_codes() -> dict[str, tuple[str, str]]:
    """Code → (title, explanation) of every stage that explains its messages."""
    codes: dict[str, tuple[str, str]] = {}
    for stage in STAGES:
        name = f"stiffdsl.{stage}.codes"
        if find_spec(name) is not None:
            for value in vars(import_module(name)).values():
                if isinstance(value, dict) and all(
                    isinstance(v, tuple) and len(v) == 2 for v in value.values()
                ):
                    codes.update(value)
    return dict(sorted(codes.items()))


@click.command(short_help="Explain the code of a message.")
@click.argument("code", required=False)
@json_option
def explain(code: str | None, as_json: bool) -> None:
    """Explain the message with this CODE (E0312); without a code, list all codes."""
    codes = known_codes()
    if code is None:
        if as_json:
            write_json({"codes": [{"code": c, "title": t, "explanation": e} for c, (t, e) in codes.items()]})
        else:
            write("\n".join(f"{c}  {title}" for c, (title, _) in codes.items()))
        return
    wanted = code.upper()
    if wanted not in codes:
        hint = did_you_mean(wanted, codes)
        raise click.UsageError(f"there is no message `{code}`" + (f"; {hint}" if hint else ""))
    title, explanation = codes[wanted]
    if as_json:
        write_json({"code": wanted, "title": title, "explanation": explanation})
    else:
        write(f"{wanted}: {title}\n\n{explanation.strip()}")
