"""The commands on the page about the platform, as a reader types them."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"

_BLOCK = re.compile(r"(?:<!-- stack: (?P<name>[a-z]+) -->\n)?```console\n(?P<text>.*?)```", re.DOTALL)


def commands(name: str) -> list[str]:
    """Return the commands of every block of this name, in the order of the page."""
    found = [
        line.removeprefix("$ ")
        for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))
        if block["name"] == name
        for line in block["text"].splitlines()
        if line.startswith("$ ")
    ]
    if not found:
        raise LookupError(f"{PAGE.name} has no commands named {name}")
    return found


def names() -> list[str]:
    """Return the names of all blocks in order; an empty one for a block that has none."""
    return [block["name"] or "" for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
