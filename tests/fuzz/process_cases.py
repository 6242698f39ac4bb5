"""Killed and interrupted processes, and cache files that were cut or flipped: exit statuses, right answers after."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from .outcome import Mismatch

ROOT = Path(__file__).resolve().parents[2]
CODE = """\
import stiffdsl as sd
m = sd.load("chemistry.robertson")
print(f"{m.simulate(method=METHOD)['C'][-1]:.4f}")
"""
ANSWER = "0.9821"
LONG = (
    "simulate",
    "chemistry.brusselator2d",
    "--set",
    "N=24",
    "--time",
    "0..3000",
    "--rtol",
    "1e-9",
    "--points",
    "5",
)
PATIENCE = 240


def processes(rng: Random, keep: dict[str, Any]) -> None:
    """One process that is interrupted, or one that finds a spoiled cache."""
    if rng.random() < 0.5:
        interrupted(rng, keep)
    else:
        spoiled(rng, keep)


def interrupted(rng: Random, keep: dict[str, Any]) -> None:
    number = rng.choice((signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
    wait = rng.uniform(0.2, 12)
    keep["text"] = f"stiffdsl {' '.join(LONG)}\n{number!r} after {wait:.2f} s"
    keep["features"] = [number.name]
    with tempfile.TemporaryDirectory() as cache:
        running = subprocess.Popen(
            [sys.executable, "-m", "stiffdsl", *LONG],
            cwd=ROOT,
            env=os.environ | {"STIFFDSL_CACHE": cache},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(wait)
        running.send_signal(number)
        try:
            _, told = running.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
            raise Mismatch("an interrupt that does not end", keep["text"]) from None
        allowed = {signal.SIGINT: (130, 0), signal.SIGTERM: (-15, 143, 0), signal.SIGKILL: (-9, 0)}[number]
        if running.returncode not in allowed or "Traceback" in told or "internal error" in told:
            raise Mismatch(
                "an interrupt", f"exit status {running.returncode} after {keep['text']}: {told[-500:]}"
            )
        answers(cache, "'auto'")


def spoiled(rng: Random, keep: dict[str, Any]) -> None:
    """A cache with files cut, emptied, flipped or made unreadable."""
    method = rng.choice(("'auto'", "'fbdf'"))
    keep["features"] = ["cache"]
    with tempfile.TemporaryDirectory() as cache:
        answers(cache, method)
        files = [path for path in Path(cache).rglob("*") if path.is_file()]
        keep["text"] = told = ""
        for path in rng.sample(files, min(len(files), rng.randint(1, 4))):
            data = bytearray(path.read_bytes())
            how = rng.choice(("cut", "empty", "flip", "flip", "zero", "folder"))
            if how == "cut":
                data = data[: rng.randrange(len(data) + 1)]
            elif how == "empty":
                data = bytearray()
            elif how == "flip" and data:
                for _ in range(rng.choice((1, 8))):
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            elif how == "zero":
                data = bytearray(len(data))
            path.write_bytes(data)
            if how == "folder":
                path.unlink()
                path.mkdir()
            told += f"{path.relative_to(cache)}: {how}\n"
        keep["text"] = told
        answers(cache, method)
        shutil.rmtree(cache, ignore_errors=True)
        Path(cache).mkdir(exist_ok=True)


def answers(cache: str, method: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", CODE.replace("METHOD", method)],
        cwd=ROOT,
        env=os.environ | {"STIFFDSL_CACHE": cache},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if found.stdout.strip() != ANSWER or found.returncode != 0:
        raise Mismatch(
            "an answer", f"exit status {found.returncode}: {found.stdout[-200:]} {found.stderr[-800:]}"
        )
