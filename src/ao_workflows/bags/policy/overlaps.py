"""Entries lie one after the other: bytes that serve two entries are the trick of zip bombs."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.bags.zip.model import FLAG_DESCRIPTOR, LOCAL_HEADER_SIZE, MIN_DESCRIPTOR
from ao_workflows.errors import Finding

CODE = "zip-entries-overlap"


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each entry that cannot fit before the next one, or before the directory."""
    for entry in directory.entries:
        least = LOCAL_HEADER_SIZE + len(entry.name_in_headers) + entry.packed
        if entry.flags & FLAG_DESCRIPTOR:
            least += MIN_DESCRIPTOR
        if entry.offset + least > entry.end:
            yield Finding(
                code=CODE,
                path=shown(entry.name),
                message=f"the data of {quoted(entry.name)} runs into what follows it in the zip.",
            )
