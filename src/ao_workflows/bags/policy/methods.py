"""Entries are stored or deflated: what every zip tool can read."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import DEFLATED, STORED, Directory, ZipLimits
from ao_workflows.bags.zip.model import FLAG_PATCH
from ao_workflows.errors import Finding

CODE = "zip-method-unsupported"


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each entry that is packed in another way."""
    for entry in directory.entries:
        if entry.method not in {STORED, DEFLATED} or entry.flags & FLAG_PATCH:
            message = f"{quoted(entry.name)} is packed with a method other than stored or deflated."
            yield Finding(
                code=CODE, path=shown(entry.name), message=message, expected="0 or 8", found=str(entry.method)
            )
