"""A folder holds no bytes of its own."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.errors import Finding

CODE = "zip-folder-with-data"


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each folder entry that would unpack to something."""
    for entry in directory.entries:
        if entry.is_folder and entry.size:
            message = f"{quoted(entry.name)} is named as a folder and holds {entry.size} bytes."
            yield Finding(code=CODE, path=shown(entry.name), message=message)
