"""Integrity of a surrogate's files: checksums of their contents, and paths that stay in its folder."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

KEY = "checksum"


def checksum(meta: Mapping[str, Any], files: Iterable[Path]) -> str:
    """Of what a folder says of its surrogate, and of the other files it consists of."""
    told = {k: v for k, v in meta.items() if k != KEY}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def verify(meta: Mapping[str, Any], files: Iterable[Path]) -> None:
    """Raises `ValueError` for files that are not those that were written."""
    if checksum(meta, files) != meta[KEY]:
        raise ValueError(
            "its files are not those that were saved (their checksum differs): copy them again, or train"
        )


def inside(folder: Path, name: str) -> Path:
    """The file of that name in a folder. Raises `ValueError` where it would lie elsewhere."""
    path = folder / name
    if Path(name).name != name or path.resolve().parent != folder.resolve():
        raise ValueError(f"its file `{name}` does not lie in the folder")
    return path
