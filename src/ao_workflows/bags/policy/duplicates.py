"""A name stands for one thing: readers differ on which of two entries of the same name counts."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.errors import Finding

CODE = "name-duplicate"


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each entry whose very name another one had before it."""
    seen: set[str] = set()
    for entry in directory.entries:
        if entry.name in seen:
            yield Finding(
                code=CODE, path=shown(entry.name), message=f"{quoted(entry.name)} is in the zip more than once."
            )
        seen.add(entry.name)
