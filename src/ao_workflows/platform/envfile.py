"""The file ``.env``: reading it as Compose does, and changing single values while all else stays as it was written."""

import re
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")


def read_env(path: Path) -> dict[str, str]:
    """Return the values in the file, the last of each name; empty if there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return values_in(text)


def values_in(text: str) -> dict[str, str]:
    """Return the values in the text of such a file."""
    found = (_LINE.match(line) for line in text.splitlines())
    return {match[1]: _unquoted(match[2]) for match in found if match}


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with ``values`` in place of those that it has; those that it has not come at its end."""
    lines, left = text.splitlines(), dict(values)
    for number, line in enumerate(lines):
        match = _LINE.match(line)
        if match and match[1] in left:
            lines[number] = f"{match[1]}={left.pop(match[1])}"
    lines += [f"{name}={value}" for name, value in left.items()]
    return "\n".join(lines) + "\n"


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return re.sub(r"\s+#.*$", "", value)
