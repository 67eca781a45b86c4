"""Every byte of the zip belongs to something: nothing hides before, between or after the entries."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.bags.zip.model import LOCAL_HEADER_SIZE, MAX_DESCRIPTOR, MAX_EXTRA
from ao_workflows.errors import Finding

CODE = "zip-unaccounted-bytes"


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for room that no header can explain.

    Smaller gaps are found while an entry is read, when the length of its local header is known.
    """
    if directory.findings:
        return  # entries that could not be read leave gaps that mean nothing
    first = directory.entries[0].offset if directory.entries else directory.start
    if first:
        yield Finding(code=CODE, path="", message=f"{first} bytes before the first entry belong to nothing.")
    for entry in directory.entries:
        most = LOCAL_HEADER_SIZE + len(entry.name_in_headers) + MAX_EXTRA + entry.packed + MAX_DESCRIPTOR
        if entry.end - entry.offset > most:
            yield Finding(
                code=CODE,
                path=shown(entry.name),
                message=f"bytes between {quoted(entry.name)} and what follows belong to nothing.",
            )
