"""A name is a file or a folder, not both."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.errors import Finding

CODE = "name-clash"


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each file whose name is also that of a folder, with or without an entry of its own."""
    folders: set[str] = set()
    for entry in directory.entries:
        parent = entry.name.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    for entry in directory.entries:
        if entry.name in folders:
            yield Finding(
                code=CODE,
                path=shown(entry.name),
                message=f"{quoted(entry.name)} is both a file and a folder in the zip.",
            )
