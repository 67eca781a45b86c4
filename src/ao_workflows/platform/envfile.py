"""The file ``.env``: reading it as Compose does, and changing single values while all else stays as it was written."""

import re
from collections.abc import Mapping
from pathlib import Path

from ao_workflows.errors import UsageError

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_PLAIN = re.compile(r"[A-Za-z0-9_./:,@%+=-]*")
_COMMENT = re.compile(r"(^|\s+)#.*$")


def read_env(path: Path) -> dict[str, str]:
    """Return the values in the file, the last of each name; empty if there is no file.

    :raises UsageError: (``env-file``) for a value that Compose would put together from others.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return values_in(text, name=str(path))


def values_in(text: str, *, name: str = ".env") -> dict[str, str]:
    """Return the values in the text of such a file, which has this ``name``. :raises UsageError: see above."""
    values = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _LINE.match(line):
            values[match[1]] = _unquoted(match[2], f"{name}:{number}")
    return values


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return ``text`` with ``values`` in place of those that it has; those that it has not come at its end."""
    lines, left = text.splitlines(), dict(values)
    for number, line in enumerate(lines):
        match = _LINE.match(line)
        if match and match[1] in values:
            lines[number] = f"{match[1]}={_quoted(values[match[1]])}"
            left.pop(match[1], None)
    lines += [f"{name}={_quoted(value)}" for name, value in left.items()]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else "'" + value.replace("'", "\\'") + "'"


def _unquoted(value: str, place: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("\\'", "'")
    value = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else _COMMENT.sub("", value)
    if "$" in value:
        raise UsageError(
            f"{place}: Compose would put this value together from variables, and others would read it otherwise.",
            action="Write the value itself, in single quotes if it has a $.",
            code="env-file",
        )
    return value
