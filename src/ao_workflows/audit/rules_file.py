"""A site's file of audit rules: ``audit.yml``, or the properties file of an audit tool that it had before."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ao_workflows.audit.properties import assigned
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.settings import AuditFile
from ao_workflows.yaml_document import MOST_BYTES, InvalidYaml, read_yaml

_PROPERTIES = ".properties"
_YAML = (".yml", ".yaml")
_ESCAPED = re.compile(r"\\(.)")


def read_rules_file(path: Path) -> AuditFile:
    """Return the rules in ``path``: YAML, or Java properties where its name ends in ``.properties``.

    :raises UsageError: (``config-invalid``, ``config-missing``) naming file and line.
    :raises SystemFailed: (``config-unreadable``) if the disk does not give it.
    """
    suffix = path.suffix.lower()
    if suffix not in {_PROPERTIES, *_YAML}:
        raise _invalid(path, f"The name has to end in {', '.join(_YAML)} or {_PROPERTIES}.")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(f"{path} is not there.", action="Correct its name.", code="config-missing") from error
    except OSError as error:
        raise SystemFailed(
            f"{path}: {error.strerror}.", action="Let this user read the file.", code="config-unreadable"
        ) from error
    if suffix == _PROPERTIES:
        return _of_properties(path, content)
    try:
        return read_yaml(content, AuditFile)
    except InvalidYaml as error:
        raise _invalid(path, str(error)) from error


def _of_properties(path: Path, content: bytes) -> AuditFile:
    # Java reads these files as ISO 8859-1; all that has a meaning in them is ASCII.
    rules: dict[str, Any] = {}
    for number, line in _logical_lines(content.decode("iso8859_1")):
        key, _, value = _halves(line)
        try:
            rules |= assigned([f"{key}={value}"])
        except UsageError as error:
            raise UsageError(f"{path}, line {number}: {error.message}", action=error.action, code=error.code) from error
    return AuditFile.model_validate(rules)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that says something, with its number; a backslash at the end of one goes on in the next."""
    begun, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.lstrip()
        if not begun and (not stripped or stripped.startswith(("#", "!"))):
            continue
        first = first if begun else number
        whole = begun + stripped
        if (len(whole) - len(whole.rstrip("\\"))) % 2:
            begun = whole[:-1]
        else:
            yield first, whole
            begun = ""
    if begun:
        yield first, begun


def _halves(line: str) -> tuple[str, str, str]:
    """Return key, separator and value: the first ``=``, ``:`` or space that no backslash stands before ends the key."""
    match = re.match(r"((?:\\.|[^\\=:\s])*)(\s*[=:]?\s*)(.*)", line, re.DOTALL)
    if match is None:
        return line, "", ""
    key, separator, value = match.groups()
    return _ESCAPED.sub(r"\1", key), separator, _ESCAPED.sub(r"\1", value)


def _invalid(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is wrong. {why}", action="Correct the file.", code="config-invalid")
