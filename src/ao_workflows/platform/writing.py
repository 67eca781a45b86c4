"""Writing files that are whole from their first moment, and telling two versions of a file apart."""

import difflib
import hashlib
import os
from pathlib import Path

from ao_workflows import __version__


def replace_file(path: Path, text: str) -> None:
    """Write a file that is whole from its first moment, and durable; everybody may read it."""
    unfinished = path.with_name(f".{path.name}.partial")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.chmod(0o644)
    unfinished.replace(path)


def difference_of(path: str, there: str, text: str) -> str:
    """Return how the file ``path`` would change from what is ``there`` to ``text``, as a unified diff."""
    lines = difflib.unified_diff(
        there.splitlines(keepends=True), text.splitlines(keepends=True), f"{path} (there)", f"{path} ({__version__})"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
